import type { Signal } from '../flat-telemetry.ts'
import type { Answer } from '../otlp-receiver.ts'

/** Without any of them it goes on until it is told to behave. */
export interface Extent {
  /** For so many requests. */
  readonly times?: number
  readonly forMs?: number
  /** For requests with this signal only. */
  readonly signal?: Signal
}

interface Order {
  readonly answer: Answer
  readonly signal: Signal | undefined
  readonly endsAtMs: number
  left: number
}

/** What the intake does instead of its work. Orders are followed one after the other, the oldest that applies first. */
export class Misbehaving {
  #orders: Order[] = []
  /** How often each was done. */
  readonly done: Record<string, number> = {}

  order(answer: Answer, { times, forMs, signal }: Extent = {}): void {
    this.#orders.push({
      answer,
      signal,
      endsAtMs: performance.now() + (forMs ?? Number.POSITIVE_INFINITY),
      left: times ?? Number.POSITIVE_INFINITY,
    })
  }

  behave(): void {
    this.#orders = []
  }

  /** For the next request. */
  next(signal: Signal): Answer | undefined {
    const now = performance.now()
    this.#orders = this.#orders.filter(({ left, endsAtMs }) => left > 0 && endsAtMs > now)
    const order = this.#orders.find((each) => each.signal === undefined || each.signal === signal)
    if (order === undefined) return undefined
    order.left -= 1
    const name = nameOf(order.answer)
    this.done[name] = (this.done[name] ?? 0) + 1
    return order.answer
  }
}

function nameOf(answer: Answer): string {
  if (typeof answer !== 'object') return String(answer)
  return answer.rejected ? 'partial success' : String(answer.status)
}
