import { diag } from '@opentelemetry/api'

/** A message of telemetry about itself, such as a failed export or a malformed variable. */
export interface Diagnostic {
  readonly level: 'warn' | 'info'
  readonly message: string
  readonly details?: Readonly<Record<string, unknown>>
}

/** Diagnostics kept for a listener that comes later. */
const KEPT = 50

/**
 * Carries diagnostics to the log. Telemetry starts before the logger, which sends its warnings through telemetry. So
 * diagnostics are kept until the logger listens.
 */
export class Diagnostics {
  #listener: ((diagnostic: Diagnostic) => void) | undefined
  #kept: Diagnostic[] = []
  readonly #saidAt = new Map<string, number>()

  say(level: Diagnostic['level'], message: string, details?: Diagnostic['details']): void {
    const diagnostic = { level, message, ...(details && { details }) }
    if (this.#listener) this.#pass(diagnostic)
    else if (this.#kept.length < KEPT) this.#kept.push(diagnostic)
  }

  /** As {@link say}, but each text at most once in ten minutes: the SDK repeats itself at each interval. */
  sayOnce(level: Diagnostic['level'], message: string, details?: Diagnostic['details']): void {
    const now = performance.now()
    const before = this.#saidAt.get(message)
    if (before !== undefined && now - before < REPEAT_MS) return
    if (this.#saidAt.size >= KEPT) this.#saidAt.clear()
    this.#saidAt.set(message, now)
    this.say(level, message, details)
  }

  listen(listener: (diagnostic: Diagnostic) => void): void {
    this.#listener = listener
    for (const diagnostic of this.#kept.splice(0)) this.#pass(diagnostic)
  }

  #pass(diagnostic: Diagnostic): void {
    try {
      this.#listener?.(diagnostic)
    } catch {
      // A log that cannot be written must not fail telemetry.
    }
  }
}

const REPEAT_MS = 600_000

/** Passes diagnostics to OpenTelemetry's own, for a process whose log does not listen. */
export function toDiag(): Diagnostics {
  const diagnostics = new Diagnostics()
  const logger = diag.createComponentLogger({ namespace: 'durable-otlp-exporter' })
  diagnostics.listen(({ level, message, details }) => logger[level](message, ...(details ? [details] : [])))
  return diagnostics
}
