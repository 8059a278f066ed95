import { type DiagLogger, DiagLogLevel, diag } from '@opentelemetry/api'
import { setGlobalErrorHandler } from '@opentelemetry/core'
import type { Diagnostics, Environment } from '@rollcall/durable-otlp-exporter'

const LEVELS = {
  none: DiagLogLevel.NONE,
  error: DiagLogLevel.ERROR,
  warn: DiagLogLevel.WARN,
  info: DiagLogLevel.INFO,
  debug: DiagLogLevel.DEBUG,
  verbose: DiagLogLevel.VERBOSE,
  all: DiagLogLevel.ALL,
}

/**
 * Sends the SDK's diagnostics to the log, at OTEL_LOG_LEVEL (default here `warn`: at `info` it reports every retry).
 * The exporter reports a failed export once, so the SDK's own report is left out.
 */
export function routeDiagnostics(environment: Environment, diagnostics: Diagnostics): void {
  const level =
    LEVELS[environment.choice('OTEL_LOG_LEVEL', Object.keys(LEVELS) as (keyof typeof LEVELS)[], 'warn')]
  const say = (severity: 'warn' | 'info') => (message: string, details: unknown[]) =>
    diagnostics.sayOnce(
      severity,
      `OpenTelemetry: ${message}`,
      details.length > 0 ? { details: details.map(brief) } : undefined,
    )
  const warn = say('warn')
  const info = say('info')
  const logger: DiagLogger = {
    error: (message, ...details) => warn(message, details),
    warn: (message, ...details) => warn(message, details),
    info: (message, ...details) => info(message, details),
    debug: (message, ...details) => info(message, details),
    verbose: (message, ...details) => info(message, details),
  }
  diag.setLogger(logger, { logLevel: level, suppressOverrideMessage: true })
  setGlobalErrorHandler((error) => diag.debug(error instanceof Error ? error.message : String(error)))
}

/** Details may be batches and exporters, which do not fit in a line. */
function brief(detail: unknown): string {
  return (
    detail instanceof Error ? detail.message : typeof detail === 'string' ? detail : typeof detail
  ).slice(0, 300)
}
