import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Ended, Ready, WorkerProcess } from './worker-process.ts'

export interface SlotOptions {
  /** From 1; part of `service.instance.id`. */
  readonly number: number
  readonly start: (slot: number) => WorkerProcess
  readonly logger: Logger
  /** A worker ended that had hardly served, the `count`-th in a row here. Called before it is replaced. */
  readonly onEarlyEnd: (ended: Ended, count: number) => void
}

/** A worker that served this long, in milliseconds, did not end because of its start. */
const SETTLED_MS = 10_000

/** Pause before the second early replacement in a row; each further one doubles it. */
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 30_000

/**
 * One of the places for a worker. A worker bears the number of its slot, and starts only after the one before has
 * ended: two processes of one name would overwrite each other's points.
 */
export class Slot {
  readonly #options: SlotOptions
  readonly #stopping = new AbortController()
  #worker: WorkerProcess | undefined
  #awaitingNext: ((ready: Ready | undefined) => void)[] = []
  #run: Promise<void> | undefined
  #endedInOrder = true

  constructor(options: SlotOptions) {
    this.#options = options
  }

  get number(): number {
    return this.#options.number
  }

  get isStopped(): boolean {
    return this.#stopping.signal.aborted
  }

  /** Whether a worker has served here long enough to be relied upon. */
  get isSettled(): boolean {
    return (this.#worker?.servedMs ?? 0) >= SETTLED_MS
  }

  /** Starts a worker here, and another one after each end; resolves as {@link replace}. */
  fill(): Promise<Ready | undefined> {
    const next = this.#next()
    this.#run = this.#keepFilled()
    return next
  }

  /** Ends the worker in order. Resolves when the next one serves; to undefined if that one ends before it serves. */
  replace(): Promise<Ready | undefined> {
    const next = this.#next()
    this.#worker?.stop()
    return next
  }

  /** Ends the worker in order and does not replace it. Resolves to whether it ended in order. */
  async stop(): Promise<boolean> {
    this.#stopping.abort()
    this.#worker?.stop()
    await this.#run
    return this.#endedInOrder
  }

  /** Ends the worker at once. */
  kill(): void {
    this.#worker?.kill()
  }

  async #keepFilled(): Promise<void> {
    const { signal } = this.#stopping
    let earlyEnds = 0
    while (!signal.aborted) {
      const ended = await this.#host()
      if (signal.aborted) break
      const isEarly = ended.servedMs === undefined || (ended.code !== 0 && ended.servedMs < SETTLED_MS)
      earlyEnds = isEarly ? earlyEnds + 1 : 0
      if (isEarly) this.#options.onEarlyEnd(ended, earlyEnds)
      if (earlyEnds < 2) continue
      const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** (earlyEnds - 2), LONGEST_PAUSE_MS)
      await sleep(pauseMs, undefined, { signal }).catch(() => {})
    }
    for (const resolve of this.#awaitingNext.splice(0)) resolve(undefined)
  }

  /** One worker, from its start to its end. */
  async #host(): Promise<Ended> {
    const { number: slot, start, logger } = this.#options
    const worker = start(slot)
    this.#worker = worker
    const { pid } = worker
    const awaiting = this.#awaitingNext.splice(0)
    void worker.ready.then((ready) => {
      if (ready) logger.info({ slot, pid }, 'worker started')
      for (const resolve of awaiting) resolve(ready)
    })
    const ended = await worker.ended
    // A worker that has ended settles nothing any more.
    this.#worker = undefined
    const { code, signal, reason, servedMs } = ended
    this.#endedInOrder = code === 0 || servedMs === undefined
    logger[code === 0 ? 'info' : 'error'](
      { slot, pid, code, signal, ...(reason !== undefined && { reason }) },
      'worker ended',
    )
    return ended
  }

  #next(): Promise<Ready | undefined> {
    return new Promise((resolve) => this.#awaitingNext.push(resolve))
  }
}
