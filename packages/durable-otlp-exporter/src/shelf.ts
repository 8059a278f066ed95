import { context, ROOT_CONTEXT } from '@opentelemetry/api'
import type { Body } from './body.ts'
import { readBodyFile } from './body-file.ts'
import type { Bookkeeper, DropReason } from './books.ts'
import { describeError } from './errors.ts'
import type { Notices } from './notices.ts'
import type { Signal } from './otlp-settings.ts'
import type { Pruned, Remark, SetAside } from './set-aside.ts'
import { type Spool, SpoolFull } from './spool.ts'
import type { Entry, WaitingList } from './waiting-list.ts'

export interface Storage {
  readonly spool: Spool | undefined
  readonly setAside: SetAside | undefined
  /** Whether there ought to be a spool, even if it cannot be written. */
  readonly isWanted: boolean
}

export interface ShelfOptions {
  readonly signal: Signal
  readonly books: Bookkeeper
  /** All signals' books: making room among what is set aside may meet any of them. */
  readonly booksOf: (signal: Signal) => Bookkeeper
  readonly notices: Notices
  /** Something has left the memory or the list. */
  readonly onRoom?: () => void
}

/** Moves what waits between memory and disk, and books whatever leaves the list for good. */
export class Shelf {
  readonly #options: ShelfOptions
  readonly #list: WaitingList
  #spool: Spool | undefined
  #setAside: SetAside | undefined
  /** What becomes of a body that must leave the memory, where there is no spool. */
  #lossReason: DropReason = 'shutdown'

  constructor(list: WaitingList, options: ShelfOptions) {
    this.#list = list
    this.#options = options
  }

  open({ spool, setAside, isWanted }: Storage): void {
    this.#spool = spool
    this.#setAside = setAside
    this.#lossReason = isWanted ? 'unwritable' : 'buffer_full'
  }

  /** From now on what cannot be kept is lost to the shutdown. */
  beginEnd(): void {
    if (this.#lossReason === 'buffer_full') this.#lossReason = 'shutdown'
  }

  /** From memory to disk. Where that is impossible it stays in memory, or is dropped when it must leave. */
  spill(entry: Entry, mustLeave: boolean): Promise<void> {
    // Begun by whichever request ended a span; what it says must not be taken for that request's.
    const write = () => context.with(ROOT_CONTEXT, () => this.#write(entry, mustLeave))
    entry.spilling = (entry.spilling ?? Promise.resolve()).then(write)
    return entry.spilling
  }

  /**
   * The body, read from disk where it must be. Undefined when the file is gone or damaged, which is booked. Throws when
   * it cannot be read for now.
   */
  async load(entry: Entry): Promise<Body | undefined> {
    if (entry.body || !entry.file) return entry.body
    try {
      return await readBodyFile(entry.file.path)
    } catch (error) {
      this.#options.notices.sayOnce('warn', 'a file of waiting telemetry cannot be read', {
        error: describeError(error),
      })
      const { code } = error as NodeJS.ErrnoException
      if (code !== undefined && code !== 'ENOENT') throw error
      if (this.remove(entry)) this.#options.books.droppedBy.unreadable += entry.items
      return undefined
    }
  }

  /** Keeps `items` of a body for people; the others were acknowledged. */
  async putAside(entry: Entry, body: Body, items: number, remark: Remark): Promise<void> {
    const { notices, signal, books, booksOf } = this.#options
    notices.sayOnce('warn', `${signal} are set aside, for good: ${REASONS[remark.reason]}`, {
      signal,
      items,
      ...(remark.status !== undefined && { status: remark.status }),
      ...(remark.message && { error: remark.message }),
    })
    let isKept = this.#setAside !== undefined
    let pruned: Pruned[] = []
    try {
      pruned = (await this.#setAside?.put(body, items, remark)) ?? []
    } catch (error) {
      isKept = false
      notices.sayOnce('warn', 'what was to be set aside cannot be written to disk', {
        error: describeError(error),
      })
    }
    // One step with what follows, so that the books balance whenever somebody looks.
    if (this.remove(entry)) {
      if (isKept) books.setAsideBy[remark.reason] += items
      else books.droppedBy.unwritable += items
      books.acknowledged += entry.items - items
    }
    for (const gone of pruned) booksOf(gone.signal).prune(gone.items, gone.isOwn)
  }

  /** On disk as a whole, so on disk in parts, before the whole goes. */
  async replace(entry: Entry, parts: readonly Entry[]): Promise<void> {
    this.#list.replace(entry, parts)
    if (!entry.file) return
    for (const part of parts) await this.spill(part, false)
    await this.#spool?.remove(entry.file)
  }

  /** Takes it off the list and off the disk; whoever is told true books where its items went. */
  remove(entry: Entry): boolean {
    if (!this.#list.remove(entry)) return false
    if (entry.file) void this.#spool?.remove(entry.file)
    this.#options.onRoom?.()
    return true
  }

  async #write(entry: Entry, mustLeave: boolean): Promise<void> {
    const { body } = entry
    if (!body || !this.#list.inMemory.has(entry)) return
    const { books, notices, onRoom } = this.#options
    let reason = this.#lossReason
    try {
      const file = await this.#spool?.write(body)
      if (file && this.#list.inMemory.has(entry)) {
        this.#list.putOnDisk(entry, file)
        onRoom?.()
      } else if (file) await this.#spool?.remove(file)
      if (file) return
    } catch (error) {
      if (error instanceof SpoolFull) reason = 'spool_full'
      notices.sayOnce('warn', 'waiting telemetry cannot be written to disk', { error: describeError(error) })
    }
    if (mustLeave && this.remove(entry)) books.droppedBy[reason] += entry.items
  }
}

const REASONS = {
  refused: 'the receiver refused them',
  rejected: 'the receiver rejected some of a request that it accepted',
  too_large: 'they are too large for the receiver, even when split',
  too_old: 'they are older than the receiver takes',
} satisfies Record<Remark['reason'], string>
