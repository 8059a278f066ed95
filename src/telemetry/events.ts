import { type Logger, SeverityNumber } from '@opentelemetry/api'
import { findRequestScope } from '@rollcall/fastify-route-telemetry'
import { EVENT_NAME } from './record-catalogue.ts'

/** Something that people want to see beside the charts: a deployment, a test with load. */
export interface Event {
  readonly title: string
  readonly text?: string | undefined
  /** `team:web`, or one word. */
  readonly tags: readonly string[]
  readonly severity: Severity
}

export const SEVERITIES = ['info', 'warning', 'error'] as const
export type Severity = (typeof SEVERITIES)[number]

const SEVERITY: Record<Severity, { severityNumber: SeverityNumber; severityText: string }> = {
  info: { severityNumber: SeverityNumber.INFO, severityText: 'INFO' },
  warning: { severityNumber: SeverityNumber.WARN, severityText: 'WARN' },
  error: { severityNumber: SeverityNumber.ERROR, severityText: 'ERROR' },
}

/** Emits an event as a log record with an event name (logs data model), in the trace of the running request. */
export function emitEvent(logs: Logger, { title, text, tags, severity }: Event): void {
  const scope = findRequestScope()
  logs.emit({
    eventName: EVENT_NAME,
    ...SEVERITY[severity],
    body: text ?? title,
    // One text for all tags, as Datadog has them: names from outside would be attributes without end.
    attributes: { title, ...(tags.length > 0 && { tags: tags.join(',') }) },
    ...(scope && { context: scope.context }),
  })
}
