import type { LogRecordLimits } from '@opentelemetry/sdk-logs'
import type { SpanLimits } from '@opentelemetry/sdk-trace'
import type { Environment } from './environment.ts'

/**
 * The standard variables of the SDK that are not about OTLP itself. Defaults are the specification's, except for two:
 * metrics are exported every 10 s instead of 60, because a chart of a load test is made of minutes; and one trace in
 * ten is kept instead of all.
 */
export const METRIC_EXPORT_INTERVAL_MS = 10_000
export const DEFAULT_SAMPLING_RATIO = 0.1

export function readBatching(environment: Environment, prefix: 'OTEL_BSP' | 'OTEL_BLRP', delayMs: number) {
  const maxQueueSize = environment.integer(`${prefix}_MAX_QUEUE_SIZE`, 2048, 1)
  return {
    scheduledDelayMillis: environment.milliseconds(`${prefix}_SCHEDULE_DELAY`, delayMs),
    exportTimeoutMillis: environment.milliseconds(`${prefix}_EXPORT_TIMEOUT`, 30_000),
    maxQueueSize,
    maxExportBatchSize: Math.min(
      maxQueueSize,
      environment.integer(`${prefix}_MAX_EXPORT_BATCH_SIZE`, 512, 1),
    ),
  }
}

export function readMetricTimes(environment: Environment) {
  return {
    exportIntervalMillis: environment.milliseconds('OTEL_METRIC_EXPORT_INTERVAL', METRIC_EXPORT_INTERVAL_MS),
    timeoutMillis: environment.milliseconds('OTEL_METRIC_EXPORT_TIMEOUT', 30_000),
  }
}

export function readSpanLimits(environment: Environment): SpanLimits {
  return defined({
    attributeCountLimit: environment.integer(
      'OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT',
      environment.integer('OTEL_ATTRIBUTE_COUNT_LIMIT', 128, 0),
      0,
    ),
    attributeValueLengthLimit: environment.integer(
      'OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT',
      environment.integer('OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT', undefined, 0),
      0,
    ),
    eventCountLimit: environment.integer('OTEL_SPAN_EVENT_COUNT_LIMIT', 128, 0),
    linkCountLimit: environment.integer('OTEL_SPAN_LINK_COUNT_LIMIT', 128, 0),
    attributePerEventCountLimit: environment.integer('OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT', 128, 0),
    attributePerLinkCountLimit: environment.integer('OTEL_LINK_ATTRIBUTE_COUNT_LIMIT', 128, 0),
  })
}

export function readLogRecordLimits(environment: Environment): LogRecordLimits {
  return defined({
    attributeCountLimit: environment.integer(
      'OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT',
      environment.integer('OTEL_ATTRIBUTE_COUNT_LIMIT', 128, 0),
      0,
    ),
    attributeValueLengthLimit: environment.integer(
      'OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT',
      environment.integer('OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT', undefined, 0),
      0,
    ),
  })
}

function defined<T extends object>(values: T): { [K in keyof T]-?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never
}
