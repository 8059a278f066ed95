import type { Resource } from '@opentelemetry/resources'
import type { Batcher } from './batcher.ts'
import type { Counts } from './counts.ts'
import type { DurableStorage } from './durable-storage.ts'
import { describeError } from './errors.ts'
import { partialSuccessReader } from './formats.ts'
import type { OtlpEndpoint, Signal } from './otlp-endpoint.ts'
import { makeRequests } from './request.ts'
import { RequestQueue } from './request-queue.ts'
import { httpTransport, type Transport } from './transport.ts'

export interface PipelineOptions {
  readonly storage: DurableStorage
  readonly signal: Signal
  readonly endpoint: OtlpEndpoint
  readonly userAgent: string
  /** Most requests in memory. Further ones go to disk, or are dropped. */
  readonly memoryMax: number
  /** Older requests become dead letters. 0 sends requests of any age. */
  readonly maxAgeMs: number
  /** Larger requests are split. Measured before compression. */
  readonly maxRequestBytes: number
}

/** One export, ready to be sent. */
export interface Serialized {
  readonly bytes: Uint8Array | undefined
  /** Time of its data, in milliseconds since the epoch. */
  readonly time: number
  /** No request is sent until this has settled. */
  readonly before?: Promise<void>
}

/** The end of one signal. */
export interface Ended {
  readonly signal: Signal
  readonly timeoutMs: number
  /** Whether it could send at all. */
  readonly isComplete: boolean
  readonly onDisk: number
  readonly dropped: number
}

/** Intervals merge from this part of the maximum age on: ten minutes of Datadog's hour. */
const MERGED_FROM = 6

/** The pipeline of one signal: items are serialised once, and the requests are sent until they are acknowledged. */
export class Pipeline {
  readonly signal: Signal
  readonly storage: DurableStorage
  readonly queue: RequestQueue
  readonly counts: Counts
  readonly #options: PipelineOptions
  readonly #transport: Transport
  /** Exports during serialisation, and their items. */
  readonly #preparing = { exports: 0, items: 0 }
  readonly #preparations = new Set<Promise<void>>()
  readonly #batchers: Pick<Batcher<never>, 'waiting' | 'passOn'>[] = []
  /** The time of the shutdown is over. */
  readonly #late = Promise.withResolvers<false>()
  #deadline = Number.POSITIVE_INFINITY
  #timeoutMs = 0
  #droppedBefore = 0
  #hasEnded = false
  #ending: Promise<void> | undefined

  constructor(options: PipelineOptions) {
    const { signal, storage, endpoint, userAgent } = options
    this.#options = options
    this.signal = signal
    this.storage = storage
    this.counts = storage.countsOf(signal)
    this.#transport = httpTransport(endpoint, userAgent)
    this.queue = new RequestQueue({
      ...storage.options,
      ...options,
      diagnostics: storage.diagnostics,
      counts: this.counts,
      countsOf: (which) => storage.countsOf(which),
      transport: this.#transport,
      readPartialSuccess: partialSuccessReader(signal, endpoint.protocol),
      onRoom: () => {
        for (const batcher of this.#batchers) batcher.passOn()
      },
    })
    storage.register(this)
  }

  /** Items from the hand-over until they are acknowledged, dead letters or dropped. */
  get waiting(): number {
    const batched = this.#batchers.reduce((sum, { waiting }) => sum + waiting, 0)
    return batched + this.#preparing.items + this.queue.waitingItems
  }

  /** Whether another export can stay in memory. The first export opens the storage. */
  get hasRoom(): boolean {
    if (!this.storage.hasBegun) return this.#preparing.exports === 0
    return this.queue.hasRoom(this.#preparing.exports)
  }

  get canSpill(): boolean {
    return this.queue.canSpill(this.#preparing.exports)
  }

  /** Whether exports can be serialised: the storage is open, or waits for the resource of the first export. */
  get isReady(): boolean {
    return this.storage.isOpen || !this.storage.hasBegun
  }

  /**
   * Whether waiting intervals are so old that further ones might be too old at their sending. A merged interval ends at its
   * collection, so it stays young.
   */
  get mustMerge(): boolean {
    const { storage, maxAgeMs } = this.#options
    const { clock, waitingMax } = storage.options
    if (this.queue.waitingRequests < waitingMax || maxAgeMs === 0) return false
    return clock.now() - this.queue.oldestTime > maxAgeMs / MERGED_FROM
  }

  get timeLeftMs(): number {
    return Math.max(0, this.#deadline - performance.now())
  }

  /** Items that wait before the pipeline. */
  attach(batcher: Pick<Batcher<never>, 'waiting' | 'passOn'>): void {
    this.#batchers.push(batcher)
  }

  /**
   * Takes an export over, within this call. Its items are counted as recorded already. Resolves after serialisation to
   * whether it was taken. If not, it is counted as dropped. Never waits for the receiver, and never rejects.
   */
  take(items: number, resources: readonly Resource[], serialize: () => Serialized): Promise<boolean> {
    if (this.#hasEnded) {
      this.counts.droppedBy.shutdown += items
      return Promise.resolve(false)
    }
    const { promise, resolve } = Promise.withResolvers<boolean>()
    this.#preparing.exports += 1
    this.#preparing.items += items
    const preparation = this.#prepare(items, resources, serialize, resolve)
    this.#preparations.add(preparation)
    void preparation.finally(() => this.#preparations.delete(preparation))
    return promise
  }

  /** Resolves to whether requests can be sent or kept. False if the time of a shutdown was over before. */
  opened(): Promise<boolean> {
    if (this.storage.isOpen || !this.storage.hasBegun) return Promise.resolve(true)
    return Promise.race([this.storage.opened, this.#late.promise])
  }

  /**
   * Resolves when no request waits, when the receiver fails (waiting requests are on disk then), or after the time limit of
   * one request: a reader waits for this without a limit of its own.
   */
  async forceFlush(): Promise<void> {
    const limitMs = Math.min(this.#options.endpoint.timeoutMillis, this.timeLeftMs)
    const timeout = Promise.withResolvers<void>()
    const timer = setTimeout(timeout.resolve, limitMs)
    const drained = Promise.all(this.#preparations).then(() => this.queue.drain(limitMs))
    await Promise.race([drained, timeout.promise])
    clearTimeout(timer)
  }

  /** Starts the time of the shutdown. The first call counts. */
  beginShutdown(timeoutMs = this.storage.options.shutdownTimeoutMillis): void {
    if (this.#deadline < Number.POSITIVE_INFINITY) return
    this.#timeoutMs = timeoutMs
    this.#deadline = performance.now() + timeoutMs
    this.#droppedBefore = this.counts.dropped
    this.queue.beginShutdown()
    void this.storage.settle()
    const timer = setTimeout(() => this.#late.resolve(false), timeoutMs)
    void this.opened().finally(() => clearTimeout(timer))
  }

  /** Sends requests within the time of the shutdown, puts the rest on disk and ends. */
  shutdown(): Promise<void> {
    this.#ending ??= this.#end()
    return this.#ending
  }

  async #end(): Promise<void> {
    this.beginShutdown()
    const isComplete = await this.opened()
    await this.storage.settle()
    await Promise.all(this.#preparations)
    if (isComplete && this.timeLeftMs > 0) await this.queue.flush(this.timeLeftMs)
    this.#hasEnded = true
    const onDisk = await this.queue.close()
    this.#transport.close()
    await this.storage.end({
      signal: this.signal,
      timeoutMs: this.#timeoutMs,
      isComplete,
      onDisk,
      dropped: this.counts.dropped - this.#droppedBefore,
    })
  }

  async #prepare(
    items: number,
    resources: readonly Resource[],
    serialize: () => Serialized,
    taken: (isTaken: boolean) => void,
  ): Promise<void> {
    const { signal, maxRequestBytes, endpoint } = this.#options
    const { protocol, compression } = endpoint
    const prepared = () => {
      this.#preparing.exports -= 1
      this.#preparing.items -= items
    }
    try {
      const isPending = resources.some(({ asyncAttributesPending }) => asyncAttributesPending)
      if ((isPending || !this.storage.isOpen) && !(await this.#known(resources))) {
        prepared()
        this.counts.droppedBy.shutdown += items
        return taken(false)
      }
      // In the same call if possible: the items may change later.
      const { bytes, time, before } = serialize()
      if (bytes === undefined) throw new Error('the serializer gave nothing')
      taken(true)
      await before
      const requests = await makeRequests(
        { signal, protocol, compression, items, time },
        bytes,
        maxRequestBytes,
      )
      prepared()
      this.queue.add(requests)
    } catch (error) {
      prepared()
      this.counts.droppedBy.unreadable += items
      taken(false)
      this.storage.diagnostics.sayOnce('warn', 'telemetry could not be made ready', {
        error: describeError(error),
      })
    }
  }

  /** Whether the storage is open and all resource attributes are known before the time of a shutdown is over. */
  #known(resources: readonly Resource[]): Promise<boolean> {
    const [first] = resources
    if (first) this.storage.open(first)
    const known = Promise.all(resources.map((resource) => resource.waitForAsyncAttributes?.()))
    return Promise.race([known.then(() => this.storage.opened), this.#late.promise])
  }
}
