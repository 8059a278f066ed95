import type { Buckets, ExponentialHistogramPoint, HistogramPoint } from '../../otlp/model.ts'

/**
 * What a cumulative stream grew by since its point before, as Datadog's Agent and the Collector's
 * cumulative-to-delta processor compute it. `base`: only the next point will tell. `repeated`: not newer than the last.
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

/** The last point of one cumulative stream. */
export class CumulativeStream {
  #last: Cumulative | undefined
  /** A first point counts whole if its stream began after this: nothing of it was missed. Nanoseconds. */
  readonly #watchedSince: bigint

  constructor(watchedSince: bigint) {
    this.#watchedSince = watchedSince
  }

  /** An estimate of what it takes in memory. */
  get bytes(): number {
    if (this.#last === undefined) return 0
    if (this.#last.kind === 'sum') return 200
    const { point } = this.#last
    return (
      400 +
      8 *
        ('bounds' in point
          ? 2 * point.bounds.length
          : point.positive.counts.length + point.negative.counts.length)
    )
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
    const last = this.#last
    if (last !== undefined && next.time <= last.time) return 'repeated'
    this.#last = next
    if (last === undefined)
      return next.startTime > this.#watchedSince && next.startTime < next.time ? { delta: whole } : 'base'
    if (next.startTime >= last.time) return { delta: whole }
    // What shrank began anew, whatever its start time says.
    return { delta: since(last) ?? whole }
  }
}

function at({ startTime, time }: Moment): Moment {
  return { startTime, time }
}

/** Undefined where one of the numbers shrank, or the bounds are others. Extremes of a difference are not known. */
function differenceOfHistograms(point: HistogramPoint, last: HistogramPoint): HistogramPoint | undefined {
  const hasSameBounds =
    point.bounds.length === last.bounds.length &&
    point.bounds.every((bound, index) => bound === last.bounds[index])
  if (!hasSameBounds) return undefined
  const bucketCounts = point.bucketCounts.map((count, index) => count - (last.bucketCounts[index] ?? 0))
  const count = point.count - last.count
  if (count < 0 || bucketCounts.some((grown) => grown < 0)) return undefined
  return { ...point, count, sum: minus(point.sum, last.sum), bucketCounts, min: undefined, max: undefined }
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
  const sum = minus(point.sum, last.sum)
  return { ...point, scale, count, sum, zeroCount, positive, negative, min: undefined, max: undefined }
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
