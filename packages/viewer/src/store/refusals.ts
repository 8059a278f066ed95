import type { Signal } from '@rollcall/otlp'
import { beginning } from './plain-values.ts'

export interface Refusal {
  readonly signal: Signal
  readonly reason: string
  count: number
  /** The name of one refused item, cut. */
  example: string
  /** Milliseconds since the epoch. */
  last: number
}

const EXAMPLE_LENGTH = 100

/** Refused items by reason. The reasons are a few fixed sentences, so this stays small. */
export class Refusals {
  readonly #rows = new Map<string, Refusal>()

  add(signal: Signal, reason: string, example: string, count = 1): void {
    const key = `${signal} ${reason}`
    const row = this.#rows.get(key) ?? { signal, reason, count: 0, example: '', last: 0 }
    row.count += count
    row.example = beginning(example, EXAMPLE_LENGTH)
    row.last = Date.now()
    this.#rows.set(key, row)
  }

  /** Most frequent first. */
  list(): Refusal[] {
    return [...this.#rows.values()].sort((one, other) => other.count - one.count)
  }
}

/** The refused items of one export request: the answer's partial success. */
export class Rejections {
  rejected = 0
  readonly #reasons = new Map<string, number>()
  readonly #signal: Signal
  readonly #all: Refusals

  constructor(signal: Signal, all: Refusals) {
    this.#signal = signal
    this.#all = all
  }

  add(reason: string, example: string): void {
    this.rejected += 1
    this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + 1)
    this.#all.add(this.#signal, reason, example)
  }

  /** `12 too old, 1 not a finite number` */
  get message(): string {
    return [...this.#reasons].map(([reason, count]) => `${count}: ${reason}`).join('; ')
  }
}
