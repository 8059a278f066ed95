import {
  complaintAboutBuckets,
  type ExponentialHistogramPoint,
  type HistogramPoint,
  type MetricData,
} from '@rollcall/otlp'
import type { CumulativeStreams, Growth } from './cumulative.ts'
import { UNKNOWN } from './series-points.ts'
import { encodeExplicit, encodeExponential } from './sketch.ts'

export type MetricKind = 'count' | 'gauge' | 'distribution'

/** A point as kept: one number, or count, sum, min and max with a sketch. */
export interface Kept {
  readonly row: readonly number[]
  readonly sketch?: Uint8Array
}

/** `base`: nothing to keep, and no loss. */
export type Judged = Kept | 'base' | 'repeated' | { readonly refused: string }

const NO_RECORDED_VALUE = 1
const MOST_BOUNDS = 4096

export function kindOf(data: MetricData): MetricKind | undefined {
  switch (data.kind) {
    case 'gauge':
      return 'gauge'
    case 'sum':
      return data.temporality === 'delta' || data.monotonic ? 'count' : 'gauge'
    case 'histogram':
    case 'exponential histogram':
      return 'distribution'
    case 'summary':
      return undefined
  }
}

/** Whether a point has a meaning only beside the previous one. */
export function isCumulative(data: MetricData): boolean {
  return 'temporality' in data && data.temporality === 'cumulative' && kindOf(data) !== 'gauge'
}

/** Cumulative data need `streams`. */
export function judgePoint(data: MetricData, index: number, streams: CumulativeStreams | undefined): Judged {
  if (data.points[index]!.flags & NO_RECORDED_VALUE)
    return { refused: 'the point has the flag for no recorded value' }
  if ('temporality' in data && data.temporality === 'unspecified')
    return { refused: 'its temporality is neither delta nor cumulative' }
  switch (data.kind) {
    case 'gauge':
      return judgeNumber(data.points[index]!.value)
    case 'sum': {
      const point = data.points[index]!
      const judged = judgeNumber(point.value)
      if (streams === undefined || 'refused' in judged) return judged
      return grown(streams.sum(point, judged.row[0]!), (delta) => ({ row: [delta] }))
    }
    case 'histogram': {
      const point = data.points[index]!
      const complaint = complaintAboutHistogram(point)
      if (complaint !== undefined) return { refused: complaint }
      return streams === undefined ? keepHistogram(point) : grown(streams.histogram(point), keepHistogram)
    }
    case 'exponential histogram': {
      const point = data.points[index]!
      const complaint = complaintAboutExponential(point)
      if (complaint !== undefined) return { refused: complaint }
      return streams === undefined
        ? keepExponential(point)
        : grown(streams.exponential(point), keepExponential)
    }
    case 'summary':
      return { refused: 'summaries are not kept; send histograms' }
  }
}

function grown<P>(growth: Growth<P>, keep: (delta: P) => Kept | 'base'): Judged {
  return typeof growth === 'string' ? growth : keep(growth.delta)
}

function judgeNumber(value: number | undefined): Kept | { refused: string } {
  if (value === undefined) return { refused: 'the point has no value' }
  return Number.isFinite(value) ? { row: [value] } : { refused: 'not a finite number' }
}

function complaintAboutNumbers({
  count,
  sum = 0,
  min = 0,
  max = 0,
}: HistogramPoint | ExponentialHistogramPoint) {
  if (![count, sum, min, max].every(Number.isFinite)) return 'not a finite number'
  return min > max ? 'min is above max' : undefined
}

function complaintAboutHistogram(point: HistogramPoint): string | undefined {
  const { bounds, bucketCounts, count } = point
  if (bounds.length > MOST_BOUNDS) return `more than ${MOST_BOUNDS} buckets`
  if (bucketCounts.length > 0) {
    if (bucketCounts.length !== bounds.length + 1) return 'there is not one bucket more than there are bounds'
    if (!bounds.every((bound, index) => bound > (bounds[index - 1] ?? Number.NEGATIVE_INFINITY)))
      return 'the bounds do not ascend'
    // Values above the last bound have a bucket already, and no count can be spread over a bucket without an end.
    if (bounds.at(-1) === Number.POSITIVE_INFINITY) return 'a bound is not a finite number'
    if (total(bucketCounts) !== count) return 'buckets and count differ'
  }
  return complaintAboutNumbers(point)
}

function complaintAboutExponential(point: ExponentialHistogramPoint): string | undefined {
  const { count, zeroCount, positive, negative } = point
  const complaint = complaintAboutBuckets(point) ?? complaintAboutNumbers(point)
  if (complaint !== undefined) return complaint
  return zeroCount + total(positive.counts) + total(negative.counts) === count
    ? undefined
    : 'buckets and count differ'
}

function keepHistogram(point: HistogramPoint): Kept | 'base' {
  if (point.count === 0) return 'base'
  return { row: rowOf(point), sketch: encodeExplicit(point) }
}

function keepExponential(point: ExponentialHistogramPoint): Kept | 'base' {
  if (point.count === 0) return 'base'
  return { row: rowOf(point), sketch: encodeExponential(point) }
}

function rowOf({
  count,
  sum = UNKNOWN,
  min = UNKNOWN,
  max = UNKNOWN,
}: HistogramPoint | ExponentialHistogramPoint) {
  return [count, sum, min, max]
}

function total(counts: readonly number[]): number {
  let sum = 0
  for (const count of counts) sum += count
  return sum
}
