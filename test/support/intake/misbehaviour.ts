import type { Signal } from '../../../packages/otlp/src/decode.ts'

/**
 * What the intake can be told to do instead of its work:
 * - `status` answers with it, and with `Retry-After` if that is given, and stores nothing: 503, 429, or 400 and 413 to
 *   refuse for good;
 * - `hang` reads the request and never answers; `reset` resets the connection as soon as the request begins;
 * - `partial` stores all but the first `rejected` points, spans or records and says so with 200;
 * - `drop-reply` stores everything and resets the connection instead of answering.
 */
export type Misbehaviour =
  | { readonly kind: 'status'; readonly status: number; readonly retryAfterSeconds?: number }
  | { readonly kind: 'hang' | 'reset' | 'drop-reply' }
  | { readonly kind: 'partial'; readonly rejected: number }

/** Without any of them it goes on until it is told to behave. */
export interface Extent {
  /** For so many requests. */
  readonly times?: number
  readonly forMs?: number
  /** For requests with this signal only. */
  readonly signal?: Signal
}

interface Order {
  readonly misbehaviour: Misbehaviour
  readonly signal: Signal | undefined
  readonly endsAtMs: number
  left: number
}

/** Orders are followed one after the other, the oldest that applies first. */
export class Misbehaving {
  #orders: Order[] = []
  /** How often each was done. */
  readonly done: Record<string, number> = {}

  order(misbehaviour: Misbehaviour, { times, forMs, signal }: Extent = {}): void {
    this.#orders.push({
      misbehaviour,
      signal,
      endsAtMs: performance.now() + (forMs ?? Number.POSITIVE_INFINITY),
      left: times ?? Number.POSITIVE_INFINITY,
    })
  }

  behave(): void {
    this.#orders = []
  }

  /** For the request that has begun. */
  next(signal: Signal): Misbehaviour | undefined {
    const now = performance.now()
    this.#orders = this.#orders.filter(({ left, endsAtMs }) => left > 0 && endsAtMs > now)
    const order = this.#orders.find((each) => each.signal === undefined || each.signal === signal)
    if (order === undefined) return undefined
    order.left -= 1
    const { misbehaviour } = order
    const name = misbehaviour.kind === 'status' ? String(misbehaviour.status) : misbehaviour.kind
    this.done[name] = (this.done[name] ?? 0) + 1
    return misbehaviour
  }
}
