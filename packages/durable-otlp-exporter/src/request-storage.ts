import { context, ROOT_CONTEXT } from '@opentelemetry/api'
import { suppressTracing } from '@opentelemetry/core'
import type { Counts, DropReason } from './counts.ts'
import type { DeadLetters, Pruned, Remark } from './dead-letters.ts'
import type { Diagnostics } from './diagnostics.ts'
import { describeError } from './errors.ts'
import type { Signal } from './otlp-endpoint.ts'
import type { PendingRequest, PendingRequests } from './pending-requests.ts'
import type { OtlpRequest } from './request.ts'
import { readRequestFile } from './request-file.ts'
import { type Spool, SpoolFull } from './spool.ts'

export interface Disk {
  readonly spool: Spool | undefined
  readonly deadLetters: DeadLetters | undefined
  /** Whether a spool is configured, even if it cannot be written. */
  readonly isWanted: boolean
}

export interface RequestStorageOptions {
  readonly signal: Signal
  readonly counts: Counts
  /** All signals' counts: making room among dead letters may remove any of them. */
  readonly countsOf: (signal: Signal) => Counts
  readonly diagnostics: Diagnostics
  /** A request has left the memory or the list. */
  readonly onRoom?: () => void
}

/**
 * The request that ended a span often begins an export. Log lines of the export must not have that request's ids. And its own
 * requests and files make no spans: each export would cause the next.
 */
export const NOBODY = suppressTracing(ROOT_CONTEXT)

/** Moves waiting requests between memory and disk, and counts the ones that leave the list for good. */
export class RequestStorage {
  readonly #options: RequestStorageOptions
  readonly #list: PendingRequests
  #spool: Spool | undefined
  #deadLetters: DeadLetters | undefined
  /** The reason for dropping a request that must leave the memory without a spool. */
  #lossReason: DropReason = 'shutdown'

  constructor(list: PendingRequests, options: RequestStorageOptions) {
    this.#list = list
    this.#options = options
  }

  open({ spool, deadLetters, isWanted }: Disk): void {
    this.#spool = spool
    this.#deadLetters = deadLetters
    this.#lossReason = isWanted ? 'unwritable' : 'buffer_full'
  }

  /** From now on requests that cannot be kept are lost to the shutdown. */
  beginShutdown(): void {
    if (this.#lossReason === 'buffer_full') this.#lossReason = 'shutdown'
  }

  /** Moves a request from memory to disk. If that fails it stays in memory, or is dropped if it must leave. */
  spill(entry: PendingRequest, mustLeave: boolean): Promise<void> {
    const write = () => context.with(NOBODY, () => this.#write(entry, mustLeave))
    entry.spilling = (entry.spilling ?? Promise.resolve()).then(write)
    return entry.spilling
  }

  /**
   * The request, read from disk if needed. Undefined if the file is gone or damaged, which is counted. Throws if the file
   * cannot be read for now.
   */
  async load(entry: PendingRequest): Promise<OtlpRequest | undefined> {
    if (entry.request || !entry.file) return entry.request
    try {
      return await readRequestFile(entry.file.path)
    } catch (error) {
      this.#options.diagnostics.sayOnce('warn', 'a file of waiting telemetry cannot be read', {
        error: describeError(error),
      })
      const { code } = error as NodeJS.ErrnoException
      if (code !== undefined && code !== 'ENOENT') throw error
      if (this.remove(entry)) this.#options.counts.droppedBy.unreadable += entry.items
      return undefined
    }
  }

  /** Keeps `items` of a request for people; the others were acknowledged. */
  async putDeadLetter(
    entry: PendingRequest,
    request: OtlpRequest,
    items: number,
    remark: Remark,
  ): Promise<void> {
    const { diagnostics, signal, counts, countsOf } = this.#options
    diagnostics.sayOnce('warn', `${signal} became dead letters: ${REASONS[remark.reason]}`, {
      signal,
      items,
      ...(remark.status !== undefined && { status: remark.status }),
      ...(remark.message && { error: remark.message }),
    })
    let isKept = this.#deadLetters !== undefined
    let pruned: Pruned[] = []
    try {
      pruned = (await this.#deadLetters?.put(request, items, remark)) ?? []
    } catch (error) {
      isKept = false
      diagnostics.sayOnce('warn', 'dead letters cannot be written to disk', {
        error: describeError(error),
      })
    }
    // One step with the next lines, so the counts balance at every moment.
    if (this.remove(entry)) {
      if (isKept) counts.deadLettersBy[remark.reason] += items
      else counts.droppedBy.unwritable += items
      counts.acknowledged += entry.items - items
    }
    for (const gone of pruned) countsOf(gone.signal).prune(gone.items, gone.isOwn)
  }

  /** A request on disk: its parts are written before the whole is removed. */
  async replace(entry: PendingRequest, parts: readonly PendingRequest[]): Promise<void> {
    this.#list.replace(entry, parts)
    if (!entry.file) return
    for (const part of parts) await this.spill(part, false)
    await this.#spool?.remove(entry.file)
  }

  /** Takes an entry off the list and off the disk. A caller that gets true counts its items. */
  remove(entry: PendingRequest): boolean {
    if (!this.#list.remove(entry)) return false
    if (entry.file) void this.#spool?.remove(entry.file)
    this.#options.onRoom?.()
    return true
  }

  async #write(entry: PendingRequest, mustLeave: boolean): Promise<void> {
    const { request } = entry
    if (!request || !this.#list.inMemory.has(entry)) return
    const { counts, diagnostics, onRoom } = this.#options
    let reason = this.#lossReason
    try {
      const file = await this.#spool?.write(request)
      if (file && this.#list.inMemory.has(entry)) {
        this.#list.putOnDisk(entry, file)
        onRoom?.()
      } else if (file) await this.#spool?.remove(file)
      if (file) return
    } catch (error) {
      if (error instanceof SpoolFull) reason = 'spool_full'
      diagnostics.sayOnce('warn', 'waiting telemetry cannot be written to disk', {
        error: describeError(error),
      })
    }
    if (mustLeave && this.remove(entry)) counts.droppedBy[reason] += entry.items
  }
}

const REASONS = {
  refused: 'the receiver refused them',
  rejected: 'the receiver rejected some of a request that it accepted',
  too_large: 'they are too large for the receiver, even when split',
  too_old: 'they are older than the receiver takes',
} satisfies Record<Remark['reason'], string>
