import type { LogRecordLimits } from '@opentelemetry/sdk-logs'
import type { SpanLimits } from '@opentelemetry/sdk-trace'
import type { Environment } from '@rollcall/durable-otlp-exporter'

/** Above the catalogue's most: every attribute is from a closed set, and the SDK's 2000 would fold real series. */
export const CARDINALITY_LIMIT = 20_000

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
