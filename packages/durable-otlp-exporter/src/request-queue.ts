import { context } from '@opentelemetry/api'
import type { Clock } from './clock.ts'
import { describeError, messageIn } from './errors.ts'
import { type PendingRequest, PendingRequests, pending, pendingOnDisk } from './pending-requests.ts'
import { halve, type OtlpRequest } from './request.ts'
import type { RequestFile } from './request-file.ts'
import { type Disk, NOBODY, RequestStorage, type RequestStorageOptions } from './request-storage.ts'
import { meaningOf, pauseAfter, type RetryPace, readRetryAfter } from './retry.ts'
import { FUTURE_S } from './seconds.ts'
import { type Answer, KeptConnectionError, type Transport } from './transport.ts'

export interface RequestQueueOptions extends RequestStorageOptions {
  readonly transport: Transport
  readonly clock: Clock
  readonly pace: RetryPace
  /** Requests in memory beyond which there is no room. */
  readonly waitingMax: number
  /** Further requests stay in memory up to this number. More go to disk or are dropped. */
  readonly memoryMax: number
  /** Older requests become dead letters, because the receiver would drop them silently. 0 switches that off. */
  readonly maxAgeMs: number
  /** Rejected items of a request, from the answer. */
  readonly readPartialSuccess: (answer: Buffer) => { rejected: number; message: string }
}

/** Most halvings: they reach a receiver's limit of a 16th of ours. A receiver that takes nothing ends them soon. */
const MAX_SPLITS = 4

/** Most writes at once: a slow disk must not fill the memory. */
const SPILLED_AT_ONCE = 8

/** Time of one more attempt for a receiver that was down before a shutdown. */
const LAST_ATTEMPT_MS = 500

/** After this number of failures a request lets the others go first: the request itself may be the cause. */
const ATTEMPTS_AT_A_TIME = 4

/** Pause between looks at a request from the future: the clock may be set meanwhile. */
const FUTURE_LOOK_MS = 1000

/**
 * The waiting requests, and the one loop that sends each until it is acknowledged or refused for good. After a failure
 * waiting requests go to disk, so a killed process loses only data that were not collected.
 */
export class RequestQueue {
  readonly #options: RequestQueueOptions
  readonly #list = new PendingRequests()
  readonly #storage: RequestStorage
  readonly #aborted = new AbortController()
  /** Failures in a row, of any requests. */
  #failures = 0
  #pausedUntil = 0
  #wake: (() => void) | undefined
  #running: Promise<void> | undefined
  #isOpen = false
  #isEnding = false
  #isClosed = false
  #onChange: (() => void)[] = []

  constructor(options: RequestQueueOptions) {
    this.#options = options
    this.#storage = new RequestStorage(this.#list, options)
  }

  /**
   * Begins to send, with the requests of an earlier process first. Without a spool requests stay in memory, while
   * they fit.
   */
  open(disk: Disk, restored: readonly RequestFile[]): void {
    this.#storage.open(disk)
    this.#list.addFirst(this.#restore(restored))
    this.#isOpen = true
    this.#start()
  }

  adopt(files: readonly RequestFile[]): void {
    this.#list.add(this.#restore(files))
    this.#start()
  }

  get waitingRequests(): number {
    return this.#list.requests
  }

  get waitingItems(): number {
    return this.#list.items
  }

  /** The end of the oldest waiting request of this process, in milliseconds since the epoch. */
  get oldestTime(): number {
    return this.#list.oldestTime
  }

  /** Whether another request can stay in memory, with `others` on their way here. */
  hasRoom(others: number): boolean {
    return this.#isOpen && this.#list.inMemory.size + others < this.#options.waitingMax
  }

  /** Whether another request can be put on disk beside those that are being written. */
  canSpill(others: number): boolean {
    return this.#isOpen && this.#list.inMemory.size + others < this.#options.waitingMax + SPILLED_AT_ONCE
  }

  /** Takes the requests of one export over. They count as waiting from now on. */
  add(requests: readonly OtlpRequest[]): void {
    if (this.#isClosed) {
      for (const { items } of requests) this.#options.counts.droppedBy.shutdown += items
      return
    }
    const isFull = this.#list.inMemory.size >= this.#options.memoryMax
    const entries = requests.map((request) => pending(request))
    this.#list.add(entries)
    if (!this.#isEnding && (isFull || this.#failures > 0))
      for (const entry of entries) void this.#storage.spill(entry, isFull)
    this.#start()
  }

  /** From now on only {@link close} puts requests on disk: most of them can still be sent. */
  beginShutdown(): void {
    this.#isEnding = true
    this.#storage.beginShutdown()
  }

  /** Resolves when no request waits, or when no answer can come within `limitMs`. */
  async flush(limitMs: number): Promise<void> {
    const limit = performance.now() + (this.#failures > 0 ? Math.min(limitMs, LAST_ATTEMPT_MS) : limitMs)
    this.#pausedUntil = 0
    this.#list.makeReady()
    this.#wake?.()
    await this.#untilSent(limit)
  }

  /** As {@link flush}, but keeps to the receiver's pauses: resolves at a failure. */
  async drain(limitMs: number): Promise<void> {
    await this.#untilSent(performance.now() + limitMs, () => this.#failures > 0)
  }

  /** Ends sending. Waiting requests go to disk, or are counted as dropped. Returns the number of items on disk. */
  async close(): Promise<number> {
    this.#isClosed = true
    this.#aborted.abort()
    this.#wake?.()
    await this.#running
    for (const entry of [...this.#list.inMemory]) await this.#storage.spill(entry, true)
    return this.waitingItems
  }

  async #untilSent(limit: number, isOver = () => false): Promise<void> {
    while (this.#list.requests > 0 && !this.#aborted.signal.aborted && !isOver()) {
      const left = limit - performance.now()
      // A request that is postponed again, alone, is not waited for.
      if (left <= 0 || !this.#list.findReady(performance.now())) break
      await this.#changed(left)
    }
  }

  #restore(files: readonly RequestFile[]): PendingRequest[] {
    const own = files.filter(({ signal }) => signal === this.#options.signal)
    for (const { items } of own) this.#options.counts.restored += items
    return own.map(pendingOnDisk)
  }

  #start(): void {
    if (!this.#isOpen || this.#aborted.signal.aborted) return
    if (this.#running) {
      // It may be waiting for a request that is due later than the new one.
      this.#wake?.()
      return
    }
    this.#running = context
      .with(NOBODY, () => this.#run())
      .finally(() => {
        this.#running = undefined
        // A request may have come since the last look.
        if (this.#list.requests > 0) this.#start()
      })
  }

  async #run(): Promise<void> {
    while (!this.#aborted.signal.aborted && this.#list.requests > 0) {
      const now = performance.now()
      const entry = this.#pausedUntil <= now ? this.#list.findReady(now) : undefined
      if (entry) await this.#attempt(entry).catch((error) => this.#failed(entry, { error }))
      else await this.#sleep(Math.max(this.#pausedUntil, this.#list.readyAt) - now)
      this.#tellChange()
    }
  }

  async #attempt(entry: PendingRequest): Promise<void> {
    const { clock, maxAgeMs, transport, pace, counts } = this.#options
    const ageMs = clock.now() - entry.time
    // The clock was set back: the receiver would drop the request silently now, but not later.
    if (maxAgeMs > 0 && ageMs < -FUTURE_S * 1000) return this.#postpone(entry, FUTURE_LOOK_MS)
    const request = await this.#storage.load(entry).catch(() => {
      entry.failures += 1
      this.#postpone(entry, pauseAfter(entry.failures, pace))
    })
    if (!request) return
    if (maxAgeMs > 0 && ageMs > maxAgeMs)
      return this.#storage.putDeadLetter(entry, request, entry.items, { reason: 'too_old' })
    if (entry.attempts > 0) counts.resent += 1
    entry.attempts += 1
    let answer: Answer
    try {
      answer = await transport.send(request, this.#aborted.signal)
    } catch (error) {
      // Again at once, on a new connection.
      if (error instanceof KeptConnectionError && error.isClosure) return
      return this.#failed(entry, { error })
    }
    await this.#answered(entry, request, answer)
  }

  async #answered(entry: PendingRequest, request: OtlpRequest, answer: Answer): Promise<void> {
    const meaning = meaningOf(answer.status)
    if (meaning === 'accepted') return this.#accepted(entry, request, answer)
    if (meaning === 'later') return this.#failed(entry, { answer })
    if (meaning === 'too large' && (await this.#split(entry, request))) return
    this.#recovered()
    const reason = meaning === 'too large' ? 'too_large' : 'refused'
    const remark = { reason, status: answer.status, message: messageIn(answer.text) } as const
    await this.#storage.putDeadLetter(entry, request, entry.items, remark)
  }

  async #accepted(entry: PendingRequest, request: OtlpRequest, answer: Answer): Promise<void> {
    this.#recovered()
    const { rejected, message } = this.#options.readPartialSuccess(answer.text)
    const lost = Math.min(entry.items, rejected)
    if (lost > 0) return this.#storage.putDeadLetter(entry, request, lost, { reason: 'rejected', message })
    if (message)
      this.#options.diagnostics.sayOnce('warn', 'the receiver accepted, with a warning', { error: message })
    if (this.#storage.remove(entry)) this.#options.counts.acknowledged += entry.items
  }

  async #failed(
    entry: PendingRequest,
    { answer, error }: { answer?: Answer; error?: unknown },
  ): Promise<void> {
    if (this.#aborted.signal.aborted) return
    const { diagnostics, signal, pace, clock } = this.#options
    const said = answer ? whatItSaid(answer) : describeError(error)
    const isAbsent = (error as NodeJS.ErrnoException)?.code === 'ECONNREFUSED'
    entry.failures += 1
    if (this.#failures === 0 && entry.failures > 1 && !isAbsent) {
      // It failed again, and others have not since: they need not wait for it.
      diagnostics.sayOnce('warn', `one request of ${signal} fails, others do not`, { signal, error: said })
      return this.#postpone(entry, pauseAfter(entry.failures, pace))
    }
    this.#failures += 1
    if (this.#failures === 1) diagnostics.say('warn', `export of ${signal} fails`, { signal, error: said })
    // Never less than our own pause, with any answer of the receiver.
    const pause = pauseAfter(this.#failures, pace)
    this.#pausedUntil =
      performance.now() + Math.max(pause, readRetryAfter(answer?.retryAfter, clock.now()) ?? 0)
    if (answer?.status === 500 || (!isAbsent && entry.failures % ATTEMPTS_AT_A_TIME === 0))
      this.#list.moveToEnd(entry)
    if (!this.#isEnding)
      await Promise.all([...this.#list.inMemory].map((waiting) => this.#storage.spill(waiting, false)))
    // No receiver listens, and there is no time to wait for one.
    else if (isAbsent) this.#aborted.abort()
  }

  #postpone(entry: PendingRequest, pauseMs: number): void {
    entry.notBefore = performance.now() + pauseMs
  }

  #recovered(): void {
    const { diagnostics, signal } = this.#options
    if (this.#failures > 0)
      diagnostics.say('info', `export of ${signal} works again`, { signal, failures: this.#failures })
    this.#failures = 0
  }

  async #split(entry: PendingRequest, request: OtlpRequest): Promise<boolean> {
    if (entry.splits >= MAX_SPLITS) return false
    const halves = await halve(request).catch(() => undefined)
    // The parts of a request that does not fit its description cannot be counted.
    if (halves?.reduce((sum, { items }) => sum + items, 0) !== entry.items) return false
    await this.#storage.replace(
      entry,
      halves.map((half) => pending(half, entry.splits + 1)),
    )
    return true
  }

  #sleep(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, ms).unref()
    this.#wake = resolve
    return promise.finally(() => {
      clearTimeout(timer)
      this.#wake = undefined
    })
  }

  #changed(limitMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, limitMs)
    this.#onChange.push(resolve)
    return promise.finally(() => clearTimeout(timer))
  }

  #tellChange(): void {
    for (const tell of this.#onChange.splice(0)) tell()
  }
}

function whatItSaid({ status, text }: Answer): string {
  const message = messageIn(text)
  return `the receiver answered ${status}${message && `: ${message}`}`
}
