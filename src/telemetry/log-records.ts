import { format } from 'node:util'
import { type Attributes, type Logger, SeverityNumber } from '@opentelemetry/api'
import {
  ATTR_EXCEPTION_MESSAGE,
  ATTR_EXCEPTION_STACKTRACE,
  ATTR_EXCEPTION_TYPE,
} from '@opentelemetry/semantic-conventions'
import type { RequestScope } from '@rollcall/fastify-route-telemetry'

const MAX_ATTRIBUTES = 16
const MAX_TEXT = 1024
const MAX_STACK = 4096

/** Emits one call of a logger as an OTLP log record, its fields bounded in number and length. Never throws. */
export function emitLogRecord(
  logs: Logger,
  args: readonly unknown[],
  severity: number,
  scope: RequestScope | undefined,
): void {
  try {
    const [first, ...rest] = args
    const fields = typeof first === 'object' && first !== null ? first : undefined
    const [message, ...values] = fields ? rest : args
    const { number, text } = severityOf(severity)
    logs.emit({
      severityNumber: number,
      severityText: text,
      body: (message === undefined ? messageOf(fields) : format(message, ...values)).slice(0, MAX_TEXT),
      attributes: attributesOf(fields),
      ...(scope && { context: scope.context }),
    })
  } catch {
    // The line is already written; only the record is lost.
  }
}

function severityOf(level: number): { number: SeverityNumber; text: string } {
  if (level >= 60) return { number: SeverityNumber.FATAL, text: 'FATAL' }
  if (level >= 50) return { number: SeverityNumber.ERROR, text: 'ERROR' }
  return { number: SeverityNumber.WARN, text: 'WARN' }
}

function messageOf(fields: object | undefined): string {
  const { message, msg, err } = (fields ?? {}) as {
    message?: unknown
    msg?: unknown
    err?: { message?: unknown }
  }
  return String(msg ?? message ?? err?.message ?? '')
}

function attributesOf(fields: object | undefined): Attributes {
  if (!fields) return {}
  if (fields instanceof Error) return describeException(fields)
  const attributes: Attributes = {}
  for (const [key, value] of Object.entries(fields).slice(0, MAX_ATTRIBUTES)) {
    if (value instanceof Error) Object.assign(attributes, describeException(value))
    else if (typeof value === 'string') attributes[key] = value.slice(0, MAX_TEXT)
    else if (typeof value === 'number' || typeof value === 'boolean') attributes[key] = value
  }
  return attributes
}

function describeException(error: Error): Attributes {
  return {
    [ATTR_EXCEPTION_TYPE]: error.name,
    [ATTR_EXCEPTION_MESSAGE]: error.message.slice(0, MAX_TEXT),
    ...(error.stack !== undefined && { [ATTR_EXCEPTION_STACKTRACE]: error.stack.slice(0, MAX_STACK) }),
  }
}
