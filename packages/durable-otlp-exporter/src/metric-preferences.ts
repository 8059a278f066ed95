import {
  AggregationTemporalityPreference,
  CumulativeTemporalitySelector,
  DeltaTemporalitySelector,
  LowMemoryTemporalitySelector,
} from '@opentelemetry/exporter-metrics-otlp-http'
import { type AggregationSelector, AggregationType, InstrumentType } from '@opentelemetry/sdk-metrics'
import type { Environment } from './environment.ts'

/**
 * Buckets of a histogram in one interval. 1280 cover twenty octaves (10 µs to 10 s) at scale 6, where a bucket is
 * 1.1 % wide and a percentile within 0.54 % of the truth; the SDK's default of 160 would leave scale 3 and 4.4 %.
 */
export const MAX_BUCKETS = 1280

const { DELTA, CUMULATIVE, LOWMEMORY } = AggregationTemporalityPreference

const TEMPORALITIES = {
  delta: { preference: DELTA, selector: DeltaTemporalitySelector },
  cumulative: { preference: CUMULATIVE, selector: CumulativeTemporalitySelector },
  lowmemory: { preference: LOWMEMORY, selector: LowMemoryTemporalitySelector },
}

/** Datadog takes deltas only, so they are the default here. */
export function chooseTemporality(environment: Environment) {
  const preference = environment.choice(
    'OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE',
    ['delta', 'cumulative', 'lowmemory'],
    'delta',
  )
  return TEMPORALITIES[preference]
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
