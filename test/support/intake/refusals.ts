import type { Signal } from '../flat-telemetry.ts'

export interface IntakeRefusal {
  readonly signal: Signal | 'none'
  /** Empty where the whole request was refused. */
  readonly metric: string
  readonly reason: string
  /** The status of the reply: 200 is a silent drop. */
  readonly status: number
  /** Points, spans or records; requests where their content is not known. */
  count: number
}

/** Everything that was not taken and why, added up by reason, so that it stays small. */
export class IntakeRefusals {
  readonly #byKey = new Map<string, IntakeRefusal>()

  add(refusal: IntakeRefusal): void {
    const { signal, metric, reason, status, count } = refusal
    const key = JSON.stringify([signal, metric, reason, status])
    const known = this.#byKey.get(key)
    if (known) known.count += count
    else this.#byKey.set(key, { ...refusal })
  }

  list(): IntakeRefusal[] {
    return [...this.#byKey.values()]
  }

  forget(): void {
    this.#byKey.clear()
  }
}
