import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Counts } from './counts.ts'

export interface BatcherOptions<T> {
  readonly delayMs: number
  readonly maxQueue: number
  readonly maxBatch: number
  readonly counts: Counts
  /** Whether the next stage takes a batch without the disk. */
  readonly hasRoom: () => boolean
  /** Whether the next stage takes a batch to disk. */
  readonly canSpill: () => boolean
  /** Whether batches can be made at all. */
  readonly isReady: () => boolean
  /** Takes a batch over, within this call. Its later work must not fail. */
  readonly accept: (batch: T[]) => void
}

/**
 * Gathers spans or log records and hands them over in batches: at the delay, or when a batch is full. While the next stage
 * has no room they stay here. When this queue is full too, the next stage gets them anyway and puts them on disk.
 */
export class Batcher<T> {
  readonly #options: BatcherOptions<T>
  #items: T[] = []
  #timer: NodeJS.Timeout | undefined
  #isScheduled = false
  #hasEnded = false

  constructor(options: BatcherOptions<T>) {
    this.#options = options
  }

  get waiting(): number {
    return this.#items.length
  }

  add(item: T): void {
    const { counts, maxQueue, maxBatch, delayMs } = this.#options
    counts.recorded += 1
    if (this.#hasEnded) {
      counts.droppedBy.shutdown += 1
      return
    }
    if (this.#items.length >= maxQueue) {
      counts.droppedBy.buffer_full += 1
      return
    }
    this.#items.push(item)
    if (this.#items.length >= maxBatch) this.#schedule()
    else this.#timer ??= setTimeout(() => this.#passOn(1), delayMs).unref()
  }

  /** Hands everything over. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    while (this.#items.length > 0) this.#acceptOne()
  }

  /** The next stage has room again. */
  passOn(): void {
    if (this.#items.length >= this.#options.maxBatch) this.#schedule()
  }

  /** Ends the input. Hands over the rest if the next stage takes it. Returns the number of dropped items. */
  end(isTaken: boolean): number {
    if (isTaken) this.flush()
    clearTimeout(this.#timer)
    this.#hasEnded = true
    const dropped = this.#items.splice(0).length
    this.#options.counts.droppedBy.shutdown += dropped
    return dropped
  }

  /** After the current turn: code that ends a span does not wait for its batch. */
  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    void nextTurn().then(() => {
      this.#isScheduled = false
      this.#passOn(this.#options.maxBatch)
    })
  }

  #passOn(least: number): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const { isReady, hasRoom, canSpill, maxQueue, maxBatch, delayMs } = this.#options
    while (isReady() && this.#items.length >= least) {
      if (!hasRoom() && (this.#items.length + maxBatch <= maxQueue || !canSpill())) break
      this.#acceptOne()
    }
    if (this.#items.length > 0) this.#timer = setTimeout(() => this.#passOn(1), delayMs).unref()
  }

  #acceptOne(): void {
    this.#options.accept(this.#items.splice(0, this.#options.maxBatch))
  }
}
