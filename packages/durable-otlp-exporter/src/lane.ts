import { type BodyDescription, makeBodies } from './body.ts'
import type { Bookkeeper } from './books.ts'
import type { Clock } from './clock.ts'
import type { Environment } from './environment.ts'
import { describeError } from './errors.ts'
import { partialSuccessReader } from './formats.ts'
import type { Notices } from './notices.ts'
import { readOtlp, type Signal } from './otlp-settings.ts'
import { Outbox } from './outbox.ts'
import { poster } from './post.ts'
import type { RetryPace } from './retry.ts'

export interface LaneOptions {
  readonly signal: Signal
  readonly environment: Environment
  readonly notices: Notices
  readonly userAgent: string
  readonly clock: Clock
  readonly pace: RetryPace
  readonly booksOf: (signal: Signal) => Bookkeeper
  /** Of one request; OTEL_EXPORTER_OTLP_TIMEOUT bounds it too, and the smaller counts. */
  readonly timeoutMillis: number
  readonly waitingMax: number
  readonly memoryMax: number
  readonly maxAgeMs: number
  /** Larger bodies are split; before compression. */
  readonly bodyMaxBytes: number
  readonly onRoom?: () => void
}

/** The way of one signal: items are made into bodies once, and those are sent until they are acknowledged. */
export class Lane {
  readonly outbox: Outbox
  readonly books: Bookkeeper
  readonly #options: LaneOptions
  readonly #protocol: BodyDescription['protocol']
  readonly #compression: BodyDescription['compression']
  readonly #closeConnections: () => void
  /** Bodies that are being made, and their items. */
  readonly #preparing = { bodies: 0, items: 0 }
  readonly #preparations = new Set<Promise<void>>()

  constructor(options: LaneOptions) {
    const { signal, environment, booksOf, userAgent } = options
    const otlp = readOtlp(environment, signal)
    const timeoutMillis = Math.min(otlp.timeoutMillis, options.timeoutMillis)
    const { post, close } = poster({ ...otlp, timeoutMillis }, userAgent)
    this.#options = options
    this.#protocol = otlp.protocol
    this.#compression = otlp.compression
    this.#closeConnections = close
    this.books = booksOf(signal)
    const readPartialSuccess = partialSuccessReader(signal, otlp.protocol)
    this.outbox = new Outbox({ ...options, books: this.books, post, readPartialSuccess })
  }

  /** Items from the moment they are handed over until something has become of them. */
  get waiting(): number {
    return this.#preparing.items + this.outbox.waitingItems
  }

  get hasRoom(): boolean {
    return this.outbox.hasRoom(this.#preparing.bodies)
  }

  get canSpill(): boolean {
    return this.outbox.canSpill(this.#preparing.bodies)
  }

  /**
   * Takes items over, in this call, which ended at `time`; never rejects. The caller has booked them as recorded.
   * Nothing leaves until `before` has settled.
   */
  take(
    items: number,
    time: number,
    serialize: (protocol: BodyDescription['protocol']) => Uint8Array | undefined,
    before?: Promise<void>,
  ): Promise<void> {
    this.#preparing.bodies += 1
    this.#preparing.items += items
    const preparation = this.#prepare(items, time, serialize, before)
    this.#preparations.add(preparation)
    return preparation.finally(() => this.#preparations.delete(preparation))
  }

  /** Resolves when all that was taken over is in the outbox. */
  async settled(): Promise<void> {
    await Promise.all(this.#preparations)
  }

  /** Sends what it can within the limit, puts the rest on disk and ends. */
  async end(limitMs: number): Promise<{ onDisk: number; dropped: number }> {
    await this.settled()
    if (limitMs > 0) await this.outbox.flush(limitMs)
    const closed = await this.outbox.close()
    this.#closeConnections()
    return closed
  }

  async #prepare(
    items: number,
    time: number,
    serialize: (protocol: BodyDescription['protocol']) => Uint8Array | undefined,
    before: Promise<void> | undefined,
  ): Promise<void> {
    const { signal, bodyMaxBytes, notices } = this.#options
    const prepared = () => {
      this.#preparing.bodies -= 1
      this.#preparing.items -= items
    }
    try {
      // At once: what is serialised may change later.
      const bytes = serialize(this.#protocol)
      if (bytes === undefined) throw new Error('the serializer gave nothing')
      await before
      const description = { signal, protocol: this.#protocol, compression: this.#compression, items, time }
      const bodies = await makeBodies(description, bytes, bodyMaxBytes)
      prepared()
      for (const body of bodies) this.outbox.add(body)
    } catch (error) {
      prepared()
      this.books.droppedBy.unreadable += items
      notices.sayOnce('warn', 'telemetry could not be made ready', { error: describeError(error) })
    }
  }
}
