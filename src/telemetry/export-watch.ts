import { context, ROOT_CONTEXT } from '@opentelemetry/api'
import { type ExportResult, ExportResultCode } from '@opentelemetry/core'
import type { Notices } from './notices.ts'

interface Exporter {
  // biome-ignore lint/suspicious/noExplicitAny: each signal exports its own kind of batch, which only passes through
  export(batch: any, done: (result: ExportResult) => void): void
}

/** Longest error text that is logged. */
const MAX_ERROR_LENGTH = 300

/**
 * Says once that a signal's exports began to fail, with the reason, and once that they work again; the SDK would
 * report each interval. The result itself passes through untouched.
 */
export function watchExports<E extends Exporter>(exporter: E, signal: string, notices: Notices): E {
  let failures = 0
  function report(result: ExportResult): void {
    if (result.code !== ExportResultCode.SUCCESS) {
      failures += 1
      if (failures === 1)
        notices.say('warn', `export of ${signal} fails`, { signal, error: describeError(result.error) })
    } else if (failures > 0) {
      notices.say('info', `export of ${signal} works again`, { signal, failures })
      failures = 0
    }
  }
  const inner = exporter.export.bind(exporter)
  exporter.export = (batch: unknown, done: (result: ExportResult) => void) =>
    inner(batch, (result) => {
      // The answer comes in the context of whichever request ran when the batch was sent.
      context.with(ROOT_CONTEXT, report, undefined, result)
      done(result)
    })
  return exporter
}

function describeError(error: Error | undefined): string {
  const { message = 'no reason given', code } = (error ?? {}) as { message?: string; code?: unknown }
  const text = message === '' ? String(code ?? 'no reason given') : message
  return (code === undefined || text === String(code) ? text : `${text} (${code})`).slice(0, MAX_ERROR_LENGTH)
}
