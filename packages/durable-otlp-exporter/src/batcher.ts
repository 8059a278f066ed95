import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Counts } from './counts.ts'

export interface BatcherOptions<T> {
  readonly delayMs: number
  readonly maxQueue: number
  readonly maxBatch: number
  readonly counts: Counts
  /** Whether the next stage takes a batch without a detour over the disk. */
  readonly hasRoom: () => boolean
  /** Whether the next stage takes a batch by that detour. */
  readonly canSpill: () => boolean
  /** Whether batches can be made at all. */
  readonly isReady: () => boolean
  /** Takes a batch over, in this call; what it does then must not fail. */
  readonly accept: (batch: T[]) => void
}

/**
 * Gathers spans or log records and hands them over in batches: at the delay, or when a batch is full. While nobody
 * has room they stay here; when here is no room either, the next stage gets them anyway and puts them on disk.
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

  /** Nothing comes any more. Hands over what is left, if anybody takes it; returns how much was dropped. */
  end(isTaken: boolean): number {
    if (isTaken) this.flush()
    clearTimeout(this.#timer)
    this.#hasEnded = true
    const dropped = this.#items.splice(0).length
    this.#options.counts.droppedBy.shutdown += dropped
    return dropped
  }

  /** After the current turn: the code that ended a span does not wait until its batch is made. */
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
