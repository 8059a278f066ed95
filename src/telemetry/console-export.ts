import {
  BatchLogRecordProcessor,
  ConsoleLogRecordExporter,
  type LogRecordProcessor,
} from '@opentelemetry/sdk-logs'
import {
  ConsoleMetricExporter,
  type MetricReader,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { BatchSpanProcessor, ConsoleSpanExporter, type SpanProcessor } from '@opentelemetry/sdk-trace'
import {
  chooseTemporality,
  type Environment,
  readBatching,
  readMetricTimes,
} from '@rollcall/durable-otlp-exporter'

/** OTEL_*_EXPORTER=console, for looking on: the SDK's own processors, which need not be exact. */

export function consoleMetrics(environment: Environment): MetricReader {
  const { exportIntervalMillis, timeoutMillis } = readMetricTimes(environment)
  return new PeriodicExportingMetricReader({
    exporter: new ConsoleMetricExporter({ temporalitySelector: chooseTemporality(environment) }),
    exportIntervalMillis,
    // The reader refuses a time-out beyond its interval.
    exportTimeoutMillis: Math.min(timeoutMillis, exportIntervalMillis),
  })
}

export function consoleSpans(environment: Environment): SpanProcessor {
  return new BatchSpanProcessor({
    exporter: new ConsoleSpanExporter(),
    ...readBatching(environment, 'OTEL_BSP', 5000),
  })
}

export function consoleLogRecords(environment: Environment): LogRecordProcessor {
  return new BatchLogRecordProcessor({
    exporter: new ConsoleLogRecordExporter(),
    ...readBatching(environment, 'OTEL_BLRP', 1000),
  })
}
