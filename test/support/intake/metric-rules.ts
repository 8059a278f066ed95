import type { Point } from '../flat-telemetry.ts'
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
export function cumulativeComplaint(points: readonly Point[]): string | undefined {
  const cumulative = points.find(
    ({ temporality, kind, monotonic }) => temporality === 'cumulative' && (kind !== 'sum' || monotonic),
  )
  return cumulative && `${cumulative.name} is cumulative; only deltas are accepted.`
}

export type Judged = { readonly value: StoredValue } | { readonly dropped: string }

/** What is stored of a point, or why it is silently dropped: the sender is told nothing. */
export function judgePoint(point: Point, nowMs: number): Judged {
  const { kind, temporality, flags, time, value, count = 0, sum, min, max, bucketCounts, sketch } = point
  if (flags & NO_RECORDED_VALUE) return { dropped: 'no recorded value' }
  if (temporality === 'unspecified') return { dropped: 'unspecified temporality' }
  const untimely = untimelyComplaint(time, nowMs)
  if (untimely !== undefined) return { dropped: untimely }
  switch (kind) {
    case 'gauge':
      return judgeNumber('gauge', value)
    case 'sum':
      return judgeNumber(temporality === 'delta' ? 'count' : 'gauge', value)
    case 'histogram':
      return judgeDistribution({ count, sum, min, max }, total(bucketCounts!), undefined)
    case 'exponential histogram': {
      const { zeroCount, positive, negative } = sketch!
      const inBuckets = zeroCount + total(positive.counts) + total(negative.counts)
      return judgeDistribution({ count, sum, min, max }, inBuckets, sketch)
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

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0)
}
