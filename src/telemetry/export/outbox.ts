import { context, ROOT_CONTEXT } from '@opentelemetry/api'
import type { Notices } from '../notices.ts'
import type { Signal } from '../otlp-settings.ts'
import { type Body, halve } from './body.ts'
import { type BodyFile, readBodyFile } from './body-file.ts'
import type { Bookkeeper, DropReason } from './books.ts'
import type { Clock } from './clock.ts'
import { describeError, messageIn } from './errors.ts'
import { type Answer, KeptConnectionError, type Post } from './post.ts'
import { meaningOf, pauseAfter, type RetryPace, readRetryAfter } from './retry.ts'
import type { Remark, SetAside } from './set-aside.ts'
import { type Spool, SpoolFull } from './spool.ts'

export interface OutboxOptions {
  readonly signal: Signal
  readonly post: Post
  readonly books: Bookkeeper
  /** All signals' books: making room among what is set aside may meet any of them. */
  readonly booksOf: (signal: Signal) => Bookkeeper
  readonly notices: Notices
  readonly clock: Clock
  readonly pace: RetryPace
  /** Bodies kept in memory; more go to disk. */
  readonly inMemoryMax: number
  /** Older ones are set aside, because the receiver would drop them without a word; 0 never does. */
  readonly maxAgeMs: number
  /** Something has left. */
  readonly onRoom?: () => void
  /** Items rejected of a body, as the answer says. */
  readonly readPartialSuccess: (answer: Buffer) => { rejected: number; message: string }
}

export interface Storage {
  readonly spool: Spool | undefined
  readonly setAside: SetAside | undefined
  /** Whether there ought to be a spool, even if it cannot be written. */
  readonly isWanted: boolean
}

interface Entry {
  items: number
  time: number
  attempts: number
  /** How often it was halved because it was too large. */
  splits: number
  /** In memory, on disk, or both while one follows the other. */
  body: Body | undefined
  file: BodyFile | undefined
  /** Its way to disk, one try after the other. */
  spilling: Promise<void> | undefined
}

/** A receiver that takes a 16th of our limit is met by halving this often; one that takes nothing ends it soon. */
const MAX_SPLITS = 4

/** A slow disk must not fill the memory with what waits for it. */
const SPILLED_AT_ONCE = 8

/** A receiver that was down before a shutdown gets this long for one more attempt. */
const LAST_ATTEMPT_MS = 500

/**
 * What waits to be sent, in order, and the one loop that sends it: each body until it is acknowledged or refused for
 * good. What waits after a failure goes to disk, so that a killed process loses no more than what was not collected.
 */
export class Outbox {
  readonly #options: OutboxOptions
  readonly #entries: Entry[] = []
  /** Those of them that are not on disk; there may be many that are. */
  readonly #inMemory = new Set<Entry>()
  readonly #aborted = new AbortController()
  #spool: Spool | undefined
  #setAside: SetAside | undefined
  #failures = 0
  #pausedUntil = 0
  #wake: (() => void) | undefined
  #running: Promise<void> | undefined
  #isOpen = false
  #isEnding = false
  /** Where there is no spool, why. */
  #lossReason: DropReason = 'shutdown'
  #onChange: (() => void)[] = []

  constructor(options: OutboxOptions) {
    this.#options = options
  }

  /** Begins to send, what an earlier process left first. Without a spool all is kept in memory, while it fits. */
  open(storage: Storage, restored: readonly BodyFile[]): void {
    this.#spool = storage.spool
    this.#setAside = storage.setAside
    this.#lossReason = storage.isWanted ? 'unwritable' : 'buffer_full'
    this.#entries.unshift(...this.#restore(restored))
    this.#isOpen = true
    this.#start()
  }

  adopt(files: readonly BodyFile[]): void {
    this.#entries.push(...this.#restore(files))
    this.#start()
  }

  get waitingBodies(): number {
    return this.#entries.length
  }

  get waitingItems(): number {
    return this.#entries.reduce((sum, { items }) => sum + items, 0)
  }

  get bodiesInMemory(): number {
    return this.#inMemory.size
  }

  /** Whether another body can stay in memory, with `others` on their way here. */
  hasRoom(others: number): boolean {
    return this.#isOpen && this.bodiesInMemory + others < this.#options.inMemoryMax
  }

  /** Whether another body can be put on disk beside those that are being written. */
  canSpill(others: number): boolean {
    return this.#isOpen && this.bodiesInMemory + others < this.#options.inMemoryMax + SPILLED_AT_ONCE
  }

  /** Takes a body over; it counts as waiting from now on. */
  add(body: Body): void {
    const entry = entryOf(body)
    this.#entries.push(entry)
    this.#inMemory.add(entry)
    if (!this.#isEnding) {
      if (this.bodiesInMemory > this.#options.inMemoryMax) void this.#spill(entry, true)
      else if (this.#failures > 0) void this.#spill(entry, false)
    }
    this.#start()
  }

  /** From now on nothing is put on disk but by {@link close}: most of it can still be sent. */
  beginEnd(): void {
    this.#isEnding = true
  }

  /** Resolves when nothing waits, or when no answer can be hoped for within `limitMs`. */
  async flush(limitMs: number): Promise<void> {
    const limit = performance.now() + (this.#failures > 0 ? Math.min(limitMs, LAST_ATTEMPT_MS) : limitMs)
    this.#pausedUntil = 0
    this.#wake?.()
    while (this.#entries.length > 0 && !this.#aborted.signal.aborted) {
      const left = limit - performance.now()
      if (left <= 0) break
      await this.#changed(left)
    }
  }

  /** Ends sending; what still waits goes to disk, or is counted as dropped. Returns how much was put on disk. */
  async close(): Promise<{ onDisk: number; dropped: number }> {
    this.#aborted.abort()
    this.#wake?.()
    await this.#running
    const before = this.waitingItems
    for (const entry of [...this.#inMemory]) await this.#spill(entry, true)
    return { onDisk: this.waitingItems, dropped: before - this.waitingItems }
  }

  #restore(files: readonly BodyFile[]): Entry[] {
    const own = files.filter(({ signal }) => signal === this.#options.signal)
    return own.map((file) => {
      this.#options.books.restored += file.items
      return { ...file, attempts: 0, splits: 0, body: undefined, file, spilling: undefined }
    })
  }

  #start(): void {
    if (!this.#isOpen || this.#running || this.#aborted.signal.aborted) return
    // Begun by whichever request ended a span; what it says must not be taken for that request's.
    this.#running = context
      .with(ROOT_CONTEXT, () => this.#run())
      .finally(() => {
        this.#running = undefined
        // Something may have come between the last look and now.
        if (this.#entries.length > 0) this.#start()
      })
  }

  async #run(): Promise<void> {
    while (!this.#aborted.signal.aborted) {
      const entry = this.#entries[0]
      if (!entry) return
      const pause = this.#pausedUntil - performance.now()
      if (pause > 0) await this.#sleep(pause)
      else await this.#attempt(entry).catch((error) => this.#failed(entry, describeError(error), undefined))
      this.#tellChange()
    }
  }

  async #attempt(entry: Entry): Promise<void> {
    const { clock, maxAgeMs, post } = this.#options
    const body = entry.body ?? (await this.#load(entry))
    if (!body) return
    if (maxAgeMs > 0 && clock.now() - entry.time > maxAgeMs)
      return this.#putAside(entry, body, entry.items, { reason: 'too_old' })
    if (entry.attempts > 0) this.#options.books.resent += 1
    entry.attempts += 1
    let answer: Answer
    try {
      answer = await post(body, this.#aborted.signal)
    } catch (error) {
      // Again at once, on a new connection.
      if (error instanceof KeptConnectionError && error.isClosure) return
      return this.#failed(entry, describeError(error), undefined, error)
    }
    const meaning = meaningOf(answer.status)
    if (meaning === 'accepted') return this.#accepted(entry, body, answer)
    const message = messageIn(answer.text)
    const said = `the receiver answered ${answer.status}${message && `: ${message}`}`
    if (meaning === 'later') {
      // A receiver may choke on this one body: the others go before it from now on.
      if (answer.status === 500) this.#entries.push(...this.#entries.splice(this.#entries.indexOf(entry), 1))
      return this.#failed(entry, said, readRetryAfter(answer.retryAfter, clock.now()))
    }
    if (meaning === 'too large' && (await this.#split(entry, body))) return
    this.#recovered()
    const reason = meaning === 'too large' ? 'too_large' : 'refused'
    await this.#putAside(entry, body, entry.items, { reason, status: answer.status, message })
  }

  async #accepted(entry: Entry, body: Body, answer: Answer): Promise<void> {
    this.#recovered()
    const { rejected, message } = this.#options.readPartialSuccess(answer.text)
    const lost = Math.min(entry.items, rejected)
    if (lost > 0) return this.#putAside(entry, body, lost, { reason: 'rejected', message })
    if (message)
      this.#options.notices.sayOnce('warn', 'the receiver accepted, with a warning', { error: message })
    if (this.#remove(entry)) this.#options.books.acknowledged += entry.items
  }

  async #failed(
    entry: Entry,
    said: string,
    retryAfterMs: number | undefined,
    error?: unknown,
  ): Promise<void> {
    if (this.#aborted.signal.aborted) return
    const { notices, signal, pace } = this.#options
    this.#failures += 1
    if (this.#failures === 1) notices.say('warn', `export of ${signal} fails`, { signal, error: said })
    // A body that nobody else fails with is paused for as often as it failed.
    const pause = retryAfterMs ?? pauseAfter(Math.max(this.#failures, entry.attempts), pace)
    this.#pausedUntil = performance.now() + pause
    if (this.#isEnding && (error as NodeJS.ErrnoException)?.code === 'ECONNREFUSED') return this.#giveUp()
    if (!this.#isEnding) await Promise.all([...this.#inMemory].map((waiting) => this.#spill(waiting, false)))
  }

  /** Nobody listens, and there is no time to wait until somebody does. */
  #giveUp(): void {
    this.#aborted.abort()
  }

  #recovered(): void {
    const { notices, signal } = this.#options
    if (this.#failures > 0)
      notices.say('info', `export of ${signal} works again`, { signal, failures: this.#failures })
    this.#failures = 0
  }

  async #split(entry: Entry, body: Body): Promise<boolean> {
    if (entry.splits >= MAX_SPLITS) return false
    const halves = await halve(body).catch(() => undefined)
    const at = this.#entries.indexOf(entry)
    // A body that holds other than its description says cannot be accounted for in parts.
    if (!halves || at < 0 || halves.reduce((sum, { items }) => sum + items, 0) !== entry.items) return false
    const entries = halves.map((half) => ({ ...entryOf(half), splits: entry.splits + 1 }))
    this.#entries.splice(at, 1, ...entries)
    this.#inMemory.delete(entry)
    for (const half of entries) this.#inMemory.add(half)
    if (!entry.file) return true
    // On disk as a whole, so on disk in parts, before the whole goes.
    for (const half of entries) await this.#spill(half, false)
    await this.#spool?.remove(entry.file.path)
    return true
  }

  async #load(entry: Entry): Promise<Body | undefined> {
    const file = entry.file as BodyFile
    try {
      return await readBodyFile(file.path)
    } catch (error) {
      const { books, notices } = this.#options
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
        // Another process took it over: it has it in its books.
        if (this.#remove(entry)) books.restored -= entry.items
      } else if (isUnreadable(error)) {
        notices.sayOnce('warn', 'a file of waiting telemetry cannot be read', { error: describeError(error) })
        if (this.#remove(entry)) books.droppedBy.unreadable += entry.items
      } else {
        this.#failures += 1
        this.#pausedUntil = performance.now() + pauseAfter(this.#failures, this.#options.pace)
        notices.sayOnce('warn', 'a file of waiting telemetry cannot be read', { error: describeError(error) })
      }
      return undefined
    }
  }

  /** From memory to disk. Where that is impossible it stays in memory, or is dropped when it must leave. */
  #spill(entry: Entry, mustLeave: boolean): Promise<void> {
    const write = () => context.with(ROOT_CONTEXT, () => this.#write(entry, mustLeave))
    entry.spilling = (entry.spilling ?? Promise.resolve()).then(write)
    return entry.spilling
  }

  async #write(entry: Entry, mustLeave: boolean): Promise<void> {
    const { body, file: written } = entry
    if (!body || written || !this.#inMemory.has(entry)) return
    const { books, notices } = this.#options
    let reason = this.#lossReason
    try {
      const file = await this.#spool?.write(body)
      if (file && this.#inMemory.has(entry)) {
        entry.file = file
        entry.body = undefined
        this.#inMemory.delete(entry)
        this.#options.onRoom?.()
      } else if (file) await this.#spool?.remove(file.path)
      if (file) return
      if (this.#isEnding && reason === 'buffer_full') reason = 'shutdown'
    } catch (error) {
      if (error instanceof SpoolFull) reason = 'spool_full'
      notices.sayOnce('warn', 'waiting telemetry cannot be written to disk', { error: describeError(error) })
    }
    if (mustLeave && this.#remove(entry)) books.droppedBy[reason] += entry.items
  }

  async #putAside(entry: Entry, body: Body, items: number, remark: Remark): Promise<void> {
    const { notices, signal, books, booksOf } = this.#options
    notices.sayOnce('warn', `${signal} are set aside, for good: ${REASONS[remark.reason]}`, {
      signal,
      items,
      ...(remark.status !== undefined && { status: remark.status }),
      ...(remark.message && { error: remark.message }),
    })
    let isKept = this.#setAside !== undefined
    let pruned: Awaited<ReturnType<SetAside['put']>> = []
    try {
      pruned = (await this.#setAside?.put(body, items, remark)) ?? []
    } catch (error) {
      isKept = false
      notices.sayOnce('warn', 'what was to be set aside cannot be written to disk', {
        error: describeError(error),
      })
    }
    // One step with what follows, so that the books balance whenever somebody looks.
    if (this.#remove(entry)) {
      if (isKept) books.setAsideBy[remark.reason] += items
      else books.droppedBy.unwritable += items
      books.acknowledged += entry.items - items
    }
    for (const gone of pruned) booksOf(gone.signal).prune(gone.items, gone.isOwn)
  }

  /** Takes an entry off the list, once: whoever did books where its items went. */
  #remove(entry: Entry): boolean {
    const at = this.#entries.indexOf(entry)
    if (at < 0) return false
    this.#entries.splice(at, 1)
    this.#inMemory.delete(entry)
    if (entry.file) void this.#spool?.remove(entry.file.path)
    this.#options.onRoom?.()
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

function entryOf(body: Body): Entry {
  const { items, time } = body
  return { items, time, attempts: 0, splits: 0, body, file: undefined, spilling: undefined }
}

const REASONS = {
  refused: 'the receiver refused them',
  rejected: 'the receiver rejected some of a request that it accepted',
  too_large: 'they are too large for the receiver, even when split',
  too_old: 'they are older than the receiver takes',
} satisfies Record<Remark['reason'], string>

function isUnreadable(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === undefined
}
