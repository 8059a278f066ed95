import { OTLPLogExporter as JsonLogExporter } from '@opentelemetry/exporter-logs-otlp-http'
import { OTLPLogExporter as ProtobufLogExporter } from '@opentelemetry/exporter-logs-otlp-proto'
import {
  AggregationTemporalityPreference,
  OTLPMetricExporter as JsonMetricExporter,
  type OTLPMetricExporterOptions,
} from '@opentelemetry/exporter-metrics-otlp-http'
import { OTLPMetricExporter as ProtobufMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto'
import { OTLPTraceExporter as JsonTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { OTLPTraceExporter as ProtobufTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { ConsoleLogRecordExporter, type LogRecordExporter } from '@opentelemetry/sdk-logs'
import {
  type AggregationSelector,
  AggregationTemporality,
  AggregationType,
  ConsoleMetricExporter,
  InstrumentType,
  type PushMetricExporter,
} from '@opentelemetry/sdk-metrics'
import { ConsoleSpanExporter, type SpanExporter } from '@opentelemetry/sdk-trace'
import type { Environment } from './environment.ts'
import { readOtlp, type Signal } from './otlp-settings.ts'

/**
 * Buckets of a histogram in one interval. 1280 cover twenty octaves (10 µs to 10 s) at scale 6, where a bucket is
 * 1.1 % wide and a percentile within 0.54 % of the truth; the SDK's default of 160 would leave scale 3 and 4.4 %.
 */
const MAX_BUCKETS = 1280

/** Each returns nothing for `none`: then nothing is exported and nothing is kept for it. */
export function metricExporter(environment: Environment): PushMetricExporter | undefined {
  const kind = exporterKind(environment, 'metrics')
  if (kind === 'none') return undefined
  // Datadog takes deltas only, so they are the default here and not cumulative sums.
  const temporality = environment.choice(
    'OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE',
    ['delta', 'cumulative', 'lowmemory'],
    'delta',
  )
  if (kind === 'console')
    return new ConsoleMetricExporter({
      temporalitySelector: (type) =>
        temporality === 'cumulative' || KEEPS_SUMS.has(type)
          ? AggregationTemporality.CUMULATIVE
          : AggregationTemporality.DELTA,
    })
  const options: OTLPMetricExporterOptions = {
    temporalityPreference: TEMPORALITIES[temporality],
    aggregationPreference: chooseAggregation(environment),
  }
  const { protocol, ...otlp } = readOtlp(environment, 'metrics')
  return protocol === 'http/json'
    ? new JsonMetricExporter({ ...otlp, ...options })
    : new ProtobufMetricExporter({ ...otlp, ...options })
}

export function spanExporter(environment: Environment): SpanExporter | undefined {
  const kind = exporterKind(environment, 'traces')
  if (kind === 'none') return undefined
  if (kind === 'console') return new ConsoleSpanExporter()
  const { protocol, ...otlp } = readOtlp(environment, 'traces')
  return protocol === 'http/json' ? new JsonTraceExporter(otlp) : new ProtobufTraceExporter(otlp)
}

export function logRecordExporter(environment: Environment): LogRecordExporter | undefined {
  const kind = exporterKind(environment, 'logs')
  if (kind === 'none') return undefined
  if (kind === 'console') return new ConsoleLogRecordExporter()
  const { protocol, ...otlp } = readOtlp(environment, 'logs')
  return protocol === 'http/json' ? new JsonLogExporter(otlp) : new ProtobufLogExporter(otlp)
}

export function exporterKind(environment: Environment, signal: Signal): 'otlp' | 'console' | 'none' {
  return environment.choice(
    `OTEL_${signal.toUpperCase()}_EXPORTER`,
    ['otlp', 'console', 'none'] as const,
    'otlp',
  )
}

const TEMPORALITIES = {
  delta: AggregationTemporalityPreference.DELTA,
  cumulative: AggregationTemporalityPreference.CUMULATIVE,
  lowmemory: AggregationTemporalityPreference.LOWMEMORY,
}

const KEEPS_SUMS: ReadonlySet<InstrumentType> = new Set([
  InstrumentType.UP_DOWN_COUNTER,
  InstrumentType.OBSERVABLE_UP_DOWN_COUNTER,
])

/** By the exporter and not by a view: any matching view makes the SDK look up the context for each record. */
function chooseAggregation(environment: Environment): AggregationSelector {
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
