/** What telemetry has to say about itself: an export that fails, a variable that makes no sense. */
export interface Notice {
  readonly level: 'warn' | 'info'
  readonly message: string
  readonly details?: Readonly<Record<string, unknown>>
}

/** Notices kept for a listener that comes later. */
const KEPT = 50

/**
 * Carries notices to the log. Telemetry starts before the logger, which sends its warnings through telemetry: what
 * is said before the logger listens is kept for it.
 */
export class Notices {
  #listener: ((notice: Notice) => void) | undefined
  #kept: Notice[] = []
  readonly #saidAt = new Map<string, number>()

  say(level: Notice['level'], message: string, details?: Notice['details']): void {
    const notice = { level, message, ...(details && { details }) }
    if (this.#listener) this.#pass(notice)
    else if (this.#kept.length < KEPT) this.#kept.push(notice)
  }

  /** As {@link say}, but each text at most once in ten minutes: the SDK repeats itself at each interval. */
  sayOnce(level: Notice['level'], message: string, details?: Notice['details']): void {
    const now = performance.now()
    const before = this.#saidAt.get(message)
    if (before !== undefined && now - before < REPEAT_MS) return
    if (this.#saidAt.size >= KEPT) this.#saidAt.clear()
    this.#saidAt.set(message, now)
    this.say(level, message, details)
  }

  listen(listener: (notice: Notice) => void): void {
    this.#listener = listener
    for (const notice of this.#kept.splice(0)) this.#pass(notice)
  }

  #pass(notice: Notice): void {
    try {
      this.#listener?.(notice)
    } catch {
      // A log that cannot be written must not fail what telemetry does.
    }
  }
}

const REPEAT_MS = 600_000
