/** Rank of a percentile among `count` values in ascending order, from 1: ⌈fraction × count⌉. */
export function rankOf(fraction: number, count: number): number {
  // A hair less, because 0.07 × 100 is 7.000000000000001 to a double.
  return Math.max(1, Math.ceil(fraction * count * (1 - 1e-12)))
}

export function percentile(ascending: readonly number[], fraction: number): number {
  const value = ascending[rankOf(fraction, ascending.length) - 1]
  if (value === undefined) throw new Error('a percentile of nothing')
  return value
}

export interface RankInterval {
  readonly low: number
  readonly high: number
}

/**
 * The ranks between whose values the true percentile lies with 95 % confidence, whatever the distribution: how many of
 * `count` values lie below it is binomial (order-statistic interval). With too few values for that, the outermost ones.
 */
export function confidenceRanks(fraction: number, count: number): RankInterval {
  const logOdds = Math.log(fraction) - Math.log(1 - fraction)
  let logProbability = count * Math.log(1 - fraction)
  let cumulative = 0
  let low = 1
  for (let below = 0; below <= count; below++) {
    cumulative += Math.exp(logProbability)
    if (cumulative <= 0.025) low = below + 1
    if (cumulative >= 0.975) return { low: Math.min(low, count), high: Math.min(below + 1, count) }
    logProbability += Math.log(count - below) - Math.log(below + 1) + logOdds
  }
  return { low, high: count }
}

/** Values of which each rank is known, exactly or from buckets. In seconds. */
interface Ranked {
  readonly count: number
  valueOfRank(rank: number): number
}

export function ascending(values: readonly number[]): number[] {
  return values.toSorted((one, other) => one - other)
}

export function ordered(ascendingSeconds: readonly number[]): Ranked {
  return { count: ascendingSeconds.length, valueOfRank: (rank) => ascendingSeconds[rank - 1]! }
}

export interface Estimate {
  readonly ms: number
  /** 95 % confidence. */
  readonly lowMs: number
  readonly highMs: number
}

export interface Percentiles {
  readonly p50: Estimate
  readonly p95: Estimate
}

export function percentilesOf(ranked: Ranked): Percentiles {
  const estimate = (fraction: number): Estimate => {
    const { low, high } = confidenceRanks(fraction, ranked.count)
    const ms = (rank: number) => 1000 * ranked.valueOfRank(rank)
    return { ms: ms(rankOf(fraction, ranked.count)), lowMs: ms(low), highMs: ms(high) }
  }
  return { p50: estimate(0.5), p95: estimate(0.95) }
}

interface Line {
  readonly slope: number
  readonly intercept: number
}

/** Least squares; undefined for fewer than two different x. */
export function fitLine(points: readonly { x: number; y: number }[]): Line | undefined {
  const mean = (of: (point: { x: number; y: number }) => number) =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length
  const [meanX, meanY] = [mean(({ x }) => x), mean(({ y }) => y)]
  const spread = mean(({ x }) => (x - meanX) ** 2)
  if (!(spread > 0)) return undefined
  const slope = mean(({ x, y }) => (x - meanX) * (y - meanY)) / spread
  return { slope, intercept: meanY - slope * meanX }
}

/** The b of t = a × n^b. */
export function fitExponent(points: readonly { x: number; y: number }[]): number | undefined {
  return fitLine(points.map(({ x, y }) => ({ x: Math.log(x), y: Math.log(y) })))?.slope
}
