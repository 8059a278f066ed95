import { percentileRank } from '@rollcall/otlp'

export function percentile(ascending: readonly number[], fraction: number): number {
  const value = ascending[percentileRank(fraction, ascending.length) - 1]
  if (value === undefined) throw new Error('a percentile of nothing')
  return value
}

export interface RankInterval {
  readonly low: number
  readonly high: number
}

/**
 * The ranks whose values enclose the true percentile with 95 % confidence, for any distribution: the number of the
 * `count` values below it is binomial (order-statistic interval). With too few values, the outermost ones.
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

/** Values with known ranks, exact or from buckets. In seconds. */
interface Ranked {
  readonly count: number
  valueOfRank(rank: number): number
}

export function ascending(values: readonly number[]): number[] {
  return values.toSorted((one, other) => one - other)
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
    return { ms: ms(percentileRank(fraction, ranked.count)), lowMs: ms(low), highMs: ms(high) }
  }
  return { p50: estimate(0.5), p95: estimate(0.95) }
}

/** Of values in seconds, in any order. */
export function percentilesOfValues(seconds: readonly number[]): Percentiles {
  const sorted = ascending(seconds)
  return percentilesOf({ count: sorted.length, valueOfRank: (rank) => sorted[rank - 1]! })
}

export interface Slope {
  readonly value: number
  /** 95 % confidence. */
  readonly low: number
  readonly high: number
}

/** Width of a 95 % interval, in standard deviations. */
const INTERVAL_WIDTH = 2 * 1.96
/** No estimate counts as better than this part of its value: that of a bucket has no width at all. */
const RESOLUTION = 0.002

/** Milliseconds for each further row, on a straight line; undefined for fewer than two sizes. */
export function fitPerRow(points: readonly { rows: number; estimate: Estimate }[]): Slope | undefined {
  return fitSlope(
    points.map(({ rows, estimate: { ms, lowMs, highMs } }) => ({
      x: rows,
      y: ms,
      deviation: Math.max((highMs - lowMs) / INTERVAL_WIDTH, RESOLUTION * ms),
    })),
  )
}

/** The b of t = a × rows^b; undefined for fewer than two sizes. */
export function fitExponent(points: readonly { rows: number; estimate: Estimate }[]): Slope | undefined {
  return fitSlope(
    points.map(({ rows, estimate: { ms, lowMs, highMs } }) => ({
      x: Math.log(rows),
      y: Math.log(ms),
      deviation: Math.max(Math.log(highMs / lowMs) / INTERVAL_WIDTH, RESOLUTION),
    })),
  )
}

/**
 * Weighted least squares. If the points lie farther from the line than their deviations explain, because the machine
 * changed between sizes or the curve is no line, the interval is widened accordingly (the Birge ratio).
 */
function fitSlope(points: readonly { x: number; y: number; deviation: number }[]): Slope | undefined {
  const weights = points.map(({ deviation }) => deviation ** -2)
  const sumOf = (of: (point: { x: number; y: number }) => number) =>
    points.reduce((sum, point, index) => sum + weights[index]! * of(point), 0)
  const weight = sumOf(() => 1)
  const [meanX, meanY] = [sumOf(({ x }) => x) / weight, sumOf(({ y }) => y) / weight]
  const spread = sumOf(({ x }) => (x - meanX) ** 2)
  if (!(spread > 0)) return undefined
  const value = sumOf(({ x, y }) => (x - meanX) * (y - meanY)) / spread
  const squares = sumOf(({ x, y }) => (y - meanY - value * (x - meanX)) ** 2)
  const birge = points.length > 2 ? Math.sqrt(squares / (points.length - 2)) : 1
  const half = (INTERVAL_WIDTH / 2) * Math.sqrt(1 / spread) * Math.max(1, birge)
  return { value, low: value - half, high: value + half }
}
