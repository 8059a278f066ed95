import {
  type AggregationSelector,
  AggregationTemporality,
  type AggregationTemporalitySelector,
  AggregationType,
  InstrumentType,
} from '@opentelemetry/sdk-metrics'
import type { Environment } from './environment.ts'

/**
 * Buckets of a histogram in one interval. 1280 cover twenty octaves (10 µs to 10 s) at scale 6, where a bucket is
 * 1.1 % wide and a percentile within 0.54 % of the truth; the SDK's default of 160 would leave scale 3 and 4.4 %.
 */
export const MAX_BUCKETS = 1280

const { COUNTER, HISTOGRAM, GAUGE, OBSERVABLE_COUNTER, OBSERVABLE_GAUGE } = InstrumentType

/** The instruments whose points are deltas, for each preference that the OTLP specification of the exporter names. */
const DELTAS: Record<string, ReadonlySet<InstrumentType>> = {
  delta: new Set([COUNTER, OBSERVABLE_COUNTER, GAUGE, HISTOGRAM, OBSERVABLE_GAUGE]),
  lowmemory: new Set([COUNTER, HISTOGRAM]),
  cumulative: new Set(),
}

/** Datadog takes deltas only, so they are the default here and not cumulative sums. */
export function chooseTemporality(environment: Environment): AggregationTemporalitySelector {
  const preference = environment.choice(
    'OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE',
    ['delta', 'cumulative', 'lowmemory'],
    'delta',
  )
  return (type) =>
    DELTAS[preference]?.has(type) ? AggregationTemporality.DELTA : AggregationTemporality.CUMULATIVE
}

/** By the reader and not by a view: any matching view makes the SDK look up the context for each record. */
export function chooseAggregation(environment: Environment): AggregationSelector {
  const histograms = environment.choice(
    'OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION',
    ['base2_exponential_bucket_histogram', 'explicit_bucket_histogram'],
    'base2_exponential_bucket_histogram',
  )
  return (type) =>
    type === InstrumentType.HISTOGRAM && histograms === 'base2_exponential_bucket_histogram'
      ? {
          type: AggregationType.EXPONENTIAL_HISTOGRAM,
          options: { maxSize: MAX_BUCKETS, recordMinMax: true },
        }
      : { type: AggregationType.DEFAULT }
}
