import type { Buckets, ExponentialHistogramPoint, HistogramPoint } from '@rollcall/otlp'

/**
 * The growth of a cumulative stream since its previous point, as Datadog's Agent and the Collector's cumulative-to-delta
 * processor compute it. `base`: the growth is known from the next point on. `repeated`: not newer than the last point.
 */
export type Growth<P> = { readonly delta: P } | 'base' | 'repeated'

interface Moment {
  readonly startTime: bigint
  readonly time: bigint
}

type Cumulative =
  | (Moment & { kind: 'sum'; value: number })
  | (Moment & { kind: 'histogram'; point: HistogramPoint })
  | (Moment & { kind: 'exponential histogram'; point: ExponentialHistogramPoint })

/** Most streams of one series: processes with the same tags, and their predecessors before a restart. */
const MOST_STREAMS = 32

/**
 * The last points of the cumulative streams of one series, by their start time: several processes may send the same tags,
 * and only the start time identifies the process.
 */
export class CumulativeStreams {
  readonly #lasts = new Map<bigint, Cumulative>()
  #bytes = 0
  /** A first point counts whole if its stream began after this time: no growth was missed. Nanoseconds. */
  readonly #watchedSince: bigint
  /** Time of the latest point. */
  #newest: bigint | undefined
  /** The latest start time of the streams whose last point is forgotten: a stream that old may be one of them. */
  #forgotten = -1n

  constructor(watchedSince: bigint) {
    this.#watchedSince = watchedSince
  }

  /** The latest start time of all streams so far. Undefined before the first. */
  get latestStart(): bigint | undefined {
    const starts = [...this.#lasts.keys(), this.#forgotten].filter((start) => start >= 0n)
    return starts.length === 0 ? undefined : starts.reduce((one, other) => (other > one ? other : one))
  }

  /** Estimated memory of all streams. */
  get bytes(): number {
    return this.#bytes
  }

  /** Estimated memory of the stream with this start time. */
  bytesOf(startTime: bigint): number {
    const last = this.#lasts.get(startTime)
    return last === undefined ? 0 : bytesOf(last)
  }

  sum(moment: Moment, value: number): Growth<number> {
    return this.#growth({ ...at(moment), kind: 'sum', value }, value, (last) =>
      last.kind === 'sum' && value >= last.value ? value - last.value : undefined,
    )
  }

  histogram(point: HistogramPoint): Growth<HistogramPoint> {
    const kept = { ...point, exemplars: [], attributes: {} }
    return this.#growth({ ...at(point), kind: 'histogram', point: kept }, point, (last) =>
      last.kind === 'histogram' ? differenceOfHistograms(point, last.point) : undefined,
    )
  }

  exponential(point: ExponentialHistogramPoint): Growth<ExponentialHistogramPoint> {
    const kept = { ...point, exemplars: [], attributes: {} }
    return this.#growth({ ...at(point), kind: 'exponential histogram', point: kept }, point, (last) =>
      last.kind === 'exponential histogram' ? differenceOfExponentials(point, last.point) : undefined,
    )
  }

  #growth<P>(next: Cumulative, whole: P, since: (last: Cumulative) => P | undefined): Growth<P> {
    const last = this.#lasts.get(next.startTime)
    if (last !== undefined && next.time <= last.time) return 'repeated'
    const isWhole = last === undefined && this.#isWatchedFromItsBeginning(next)
    this.#keep(next)
    if (last === undefined) return isWhole ? { delta: whole } : 'base'
    // A value that shrank began anew, with any start time.
    return { delta: since(last) ?? whole }
  }

  #isWatchedFromItsBeginning({ startTime, time }: Moment): boolean {
    if (startTime >= time || startTime <= this.#forgotten) return false
    return startTime > this.#watchedSince || (this.#newest !== undefined && startTime >= this.#newest)
  }

  #keep(next: Cumulative): void {
    this.#bytes += bytesOf(next) - this.bytesOf(next.startTime)
    // The stream with the longest silence is at the front.
    this.#lasts.delete(next.startTime)
    this.#lasts.set(next.startTime, next)
    if (this.#newest === undefined || next.time > this.#newest) this.#newest = next.time
    if (this.#lasts.size <= MOST_STREAMS) return
    const silent = this.#lasts.keys().next().value as bigint
    this.#bytes -= this.bytesOf(silent)
    this.#lasts.delete(silent)
    if (silent > this.#forgotten) this.#forgotten = silent
  }
}

function bytesOf(last: Cumulative): number {
  if (last.kind === 'sum') return 200
  const { point } = last
  return (
    400 +
    8 *
      ('bounds' in point
        ? 2 * point.bounds.length
        : point.positive.counts.length + point.negative.counts.length)
  )
}

function at({ startTime, time }: Moment): Moment {
  return { startTime, time }
}

/** Undefined if a number shrank, or the bounds changed. */
function differenceOfHistograms(point: HistogramPoint, last: HistogramPoint): HistogramPoint | undefined {
  const hasSameBounds =
    point.bounds.length === last.bounds.length &&
    point.bounds.every((bound, index) => bound === last.bounds[index])
  if (!hasSameBounds) return undefined
  const bucketCounts = point.bucketCounts.map((count, index) => count - (last.bucketCounts[index] ?? 0))
  const count = point.count - last.count
  if (count < 0 || bucketCounts.some((grown) => grown < 0)) return undefined
  const first = bucketCounts.findIndex((grown) => grown > 0)
  const final = bucketCounts.findLastIndex((grown) => grown > 0)
  return {
    ...point,
    count,
    sum: minus(point.sum, last.sum),
    bucketCounts,
    min: grownMin(point.min, last.min, point.bounds[first - 1]),
    max: grownMax(point.max, last.max, point.bounds[final]),
  }
}

function differenceOfExponentials(
  point: ExponentialHistogramPoint,
  last: ExponentialHistogramPoint,
): ExponentialHistogramPoint | undefined {
  const scale = Math.min(point.scale, last.scale)
  const positive = differenceOfBuckets(
    coarser(point.positive, point.scale - scale),
    coarser(last.positive, last.scale - scale),
  )
  const negative = differenceOfBuckets(
    coarser(point.negative, point.scale - scale),
    coarser(last.negative, last.scale - scale),
  )
  const count = point.count - last.count
  const zeroCount = point.zeroCount - last.zeroCount
  if (!positive || !negative || count < 0 || zeroCount < 0) return undefined
  const grown = { ...point, scale, count, sum: minus(point.sum, last.sum), zeroCount, positive, negative }
  const [lowest, highest] = boundsOf(grown)
  return {
    ...grown,
    min: grownMin(point.min, last.min, lowest),
    max: grownMax(point.max, last.max, highest),
  }
}

/**
 * A maximum that moved was observed since the previous point. For one that did not move, the outermost bucket that grew
 * gives a bound, if it has one.
 */
function grownMax(
  max: number | undefined,
  last: number | undefined,
  bound: number | undefined,
): number | undefined {
  if (max === undefined || last === undefined) return undefined
  if (max > last) return max
  return bound === undefined ? undefined : Math.min(bound, max)
}

function grownMin(
  min: number | undefined,
  last: number | undefined,
  bound: number | undefined,
): number | undefined {
  if (min === undefined || last === undefined) return undefined
  if (min < last) return min
  return bound === undefined ? undefined : Math.max(bound, min)
}

/** The lowest and the highest bound of the buckets that are not empty. */
function boundsOf({
  scale,
  zeroCount,
  positive,
  negative,
}: ExponentialHistogramPoint): [number | undefined, number | undefined] {
  const ends = ({ offset, counts }: Buckets) => {
    const first = counts.findIndex((count) => count > 0)
    const final = counts.findLastIndex((count) => count > 0)
    const bound = (index: number) => 2 ** ((offset + index) * 2 ** -scale)
    return first === -1 ? undefined : { near: bound(first), far: bound(final + 1) }
  }
  const [above, below] = [ends(positive), ends(negative)]
  const zero = zeroCount > 0 ? 0 : undefined
  return [below ? -below.far : (zero ?? above?.near), above?.far ?? zero ?? (below && -below.near)]
}

function minus(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? undefined : one - other
}

function coarser({ offset, counts }: Buckets, steps: number): Buckets {
  if (steps === 0 || counts.length === 0) return { offset, counts }
  const first = offset >> steps
  const merged = new Array<number>(((offset + counts.length - 1) >> steps) - first + 1).fill(0)
  for (const [position, count] of counts.entries()) merged[((offset + position) >> steps) - first]! += count
  return { offset: first, counts: merged }
}

function differenceOfBuckets(next: Buckets, last: Buckets): Buckets | undefined {
  const counts = [...next.counts]
  for (const [position, count] of last.counts.entries()) {
    if (count === 0) continue
    const index = last.offset + position - next.offset
    if ((counts[index] ?? 0) < count) return undefined
    counts[index]! -= count
  }
  return { offset: next.offset, counts }
}
