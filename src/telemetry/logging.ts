import { isatty } from 'node:tty'
import type { Logger as OtelLogger } from '@opentelemetry/api'
import type { Diagnostics } from '@rollcall/durable-otlp-exporter'
import { findRequestScope, LOGGER_SCOPE, type RequestScope } from '@rollcall/fastify-route-telemetry'
import { type Logger, type LoggerOptions, pino } from 'pino'
import { emitLogRecord } from './log-records.ts'
import { plainLine } from './plain-line.ts'

export interface LoggingOptions {
  level: string
  /** Without it, only lines are written. */
  telemetry?: { logs: OtelLogger; diagnostics: Diagnostics }
  /** Fields of every line. */
  fields?: Record<string, unknown>
  /** Default: standard output. */
  destination?: { write(line: string): void }
  /** Whether people read it live, and get sentences; default: whether standard output is a terminal. */
  isTerminal?: boolean
}

/**
 * A message that is not written: Fastify logs each address that it listens on, and only that line's text can be set.
 */
export const NO_LINE = ''

/** pino's number of `warn`: from here on a line is also an OTLP log record. */
const WARN = 40

/**
 * The service's log: JSON lines, or sentences at a terminal, with the trace and span id of their request, sampled or
 * not. Warnings and errors also go out as OTLP log records, taken from the call itself and not parsed from the line.
 */
export function createLogger({
  level,
  telemetry,
  fields,
  destination,
  isTerminal = destination === undefined && isatty(process.stdout.fd),
}: LoggingOptions): Logger {
  const options: LoggerOptions = {
    level,
    base: fields ?? null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    mixin: (_fields, _level, logger) => traceFields(scopeFor(logger as ScopedLogger)),
    hooks: {
      logMethod(args, method, severity) {
        if (args[0] === NO_LINE) return
        method.apply(this, args)
        if (telemetry && severity >= WARN)
          emitLogRecord(telemetry.logs, args, severity, scopeFor(this as ScopedLogger))
      },
    },
  }
  const output = destination ?? standardOutput()
  const people = { write: (line: string) => output.write(plainLine(line)) }
  const logger = pino(options, isTerminal ? people : output)
  telemetry?.diagnostics.listen((diagnostic) =>
    logger[diagnostic.level](diagnostic.details ?? {}, diagnostic.message),
  )
  return logger
}

/** pino's own writer waits at the exit without end for a terminal that was closed; this one gives up its lines. */
function standardOutput() {
  const output = pino.destination({ fd: process.stdout.fd, sync: false })
  let isGone = false
  output.on('error', () => {
    isGone = true
    output.destroy()
  })
  return {
    write(line: string) {
      if (!isGone) output.write(line)
    },
  }
}

type ScopedLogger = Logger & { [LOGGER_SCOPE]?: RequestScope }

/** A request's own logger knows its request; any other takes the request of the running code. */
function scopeFor(logger: ScopedLogger): RequestScope | undefined {
  return logger[LOGGER_SCOPE] ?? findRequestScope()
}

function traceFields(scope: RequestScope | undefined): Record<string, string> {
  if (!scope) return {}
  return scope.spanId === undefined
    ? { trace_id: scope.traceId }
    : { trace_id: scope.traceId, span_id: scope.spanId }
}
