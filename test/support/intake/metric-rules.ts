import type { Metric, MetricData, MetricsRequest } from '../../../packages/otlp/src/model.ts'
import type { StoredValue } from './received-metrics.ts'

/** Datadog takes points from an hour ago to ten minutes ahead (API, "Submit metrics"). */
const OLDEST_MS = 3_600_000
const NEWEST_MS = 600_000

/** 4096 bins of 65535: a distribution's point of more observations is dropped. */
const MOST_OBSERVATIONS = 268_431_360

const NO_RECORDED_VALUE = 1

/**
 * Why a whole request is refused with 400, if it is. The intake takes deltas only and says so with an error (docs
 * "Datadog OTLP Metrics Intake Endpoint", "Ensure only delta metrics are sent"). A cumulative sum that is not monotonic
 * is what every SDK makes of an up-down counter under the preference `delta`; it is stored as a gauge.
 */
export function cumulativeComplaint(request: MetricsRequest): string | undefined {
  for (const { scopeMetrics } of request.resourceMetrics)
    for (const { metrics } of scopeMetrics)
      for (const { name, data } of metrics)
        if (data && 'temporality' in data && data.temporality === 'cumulative' && !isGaugeLike(data))
          return `${name} is cumulative; only deltas are accepted.`
  return undefined
}

function isGaugeLike(data: MetricData): boolean {
  return data.kind === 'sum' && !data.monotonic
}

export type Judged = { readonly value: StoredValue } | { readonly dropped: string }

/** What is stored of a point, or why it is silently dropped: the sender is told nothing. */
export function judgePoint({ data }: Metric & { data: MetricData }, index: number, nowMs: number): Judged {
  const point = data.points[index]!
  if (point.flags & NO_RECORDED_VALUE) return { dropped: 'no recorded value' }
  if ('temporality' in data && data.temporality === 'unspecified')
    return { dropped: 'unspecified temporality' }
  const untimely = untimelyComplaint(point.time, nowMs)
  if (untimely !== undefined) return { dropped: untimely }
  switch (data.kind) {
    case 'gauge':
      return judgeNumber('gauge', data.points[index]!.value)
    case 'sum':
      return judgeNumber(data.temporality === 'delta' ? 'count' : 'gauge', data.points[index]!.value)
    case 'histogram':
      return judgeDistribution(data.points[index]!, sum(data.points[index]!.bucketCounts), undefined)
    case 'exponential histogram': {
      const { scale, zeroCount, positive, negative } = data.points[index]!
      const inBuckets = zeroCount + sum(positive.counts) + sum(negative.counts)
      return judgeDistribution(data.points[index]!, inBuckets, { scale, zeroCount, positive, negative })
    }
    case 'summary':
      return { dropped: 'summaries are not modelled here' }
  }
}

/** Why a point is dropped for its time, if it is; in nanoseconds since the epoch. */
export function untimelyComplaint(time: bigint, nowMs: number): string | undefined {
  const ageMs = nowMs - Number(time / 1_000_000n)
  if (ageMs > OLDEST_MS) return 'older than an hour'
  if (ageMs < -NEWEST_MS) return 'more than ten minutes ahead'
  return undefined
}

export function judgeNumber(type: 'count' | 'gauge', value: number | undefined): Judged {
  if (value === undefined) return { dropped: 'no value' }
  return Number.isFinite(value) ? { value: { type, value } } : { dropped: 'not a finite number' }
}

interface Summary {
  readonly count: number
  readonly sum?: number | undefined
  readonly min: number | undefined
  readonly max: number | undefined
}

export function judgeDistribution(
  { count, sum = 0, min, max }: Summary,
  inBuckets: number,
  sketch: Extract<StoredValue, { type: 'distribution' }>['sketch'],
): Judged {
  if (![sum, min ?? 0, max ?? 0].every(Number.isFinite)) return { dropped: 'not a finite number' }
  if (count === 0) return { dropped: 'no observations' }
  if (count > MOST_OBSERVATIONS) return { dropped: 'too many observations' }
  // Not a rule of Datadog's, but a point that contradicts itself must not pass unnoticed here.
  if (inBuckets !== count) return { dropped: 'buckets and count differ' }
  return { value: { type: 'distribution', count, sum, min, max, sketch } }
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0)
}
