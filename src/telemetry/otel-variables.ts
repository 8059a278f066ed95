import type { Environment, Signal } from '@rollcall/durable-otlp-exporter'

/** The specification's default is 60 s, but a load test lasts minutes. */
export const METRIC_EXPORT_INTERVAL_MS = 10_000

/** The exporter of a signal. `none`: nothing is exported, and nothing is kept for it. */
export function exporterKind(environment: Environment, signal: Signal): 'otlp' | 'console' | 'none' {
  return environment.choice(
    `OTEL_${signal.toUpperCase()}_EXPORTER`,
    ['otlp', 'console', 'none'] as const,
    'otlp',
  )
}

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
