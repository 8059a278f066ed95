import type { OtlpRequest } from './request.ts'
import type { RequestFile } from './request-file.ts'

/** One waiting request, in memory, on disk, or in both for a moment. */
export interface PendingRequest {
  readonly items: number
  readonly time: number
  /** Left by an earlier process. */
  readonly isRestored: boolean
  /** Number of times that it was halved because it was too large. */
  readonly splits: number
  /** Numbers of attempts and of failures. */
  attempts: number
  failures: number
  /** Earliest time of its next attempt, on performance.now()'s clock. Other requests do not change it. */
  notBefore: number
  request: OtlpRequest | undefined
  file: RequestFile | undefined
  /** Its writes to disk, one after the other. */
  spilling: Promise<void> | undefined
}

export function pending(request: OtlpRequest, splits = 0): PendingRequest {
  const { items, time } = request
  return { ...FRESH, items, time, isRestored: false, splits, request, file: undefined }
}

export function pendingOnDisk(file: RequestFile): PendingRequest {
  const { items, time } = file
  return { ...FRESH, items, time, isRestored: true, splits: 0, request: undefined, file }
}

const FRESH = { attempts: 0, failures: 0, notBefore: 0, spilling: undefined }

/** The waiting requests in the order of sending. Very many may be on disk. */
export class PendingRequests {
  #entries: PendingRequest[] = []
  #items = 0
  readonly #inMemory = new Set<PendingRequest>()

  get requests(): number {
    return this.#entries.length
  }

  get items(): number {
    return this.#items
  }

  /** The requests that are not on disk. */
  get inMemory(): ReadonlySet<PendingRequest> {
    return this.#inMemory
  }

  add(entries: readonly PendingRequest[]): void {
    for (const entry of entries) {
      this.#entries.push(entry)
      this.#count(entry)
    }
  }

  addFirst(entries: readonly PendingRequest[]): void {
    this.#entries = [...entries, ...this.#entries]
    for (const entry of entries) this.#count(entry)
  }

  /** The first request that may be tried now. */
  findReady(now: number): PendingRequest | undefined {
    return this.#entries.find(({ notBefore }) => notBefore <= now)
  }

  /** Lets each request be tried now. */
  makeReady(): void {
    for (const entry of this.#entries) entry.notBefore = 0
  }

  /** The time of the next attempt. */
  get readyAt(): number {
    return this.#entries.reduce(
      (earliest, { notBefore }) => Math.min(earliest, notBefore),
      Number.POSITIVE_INFINITY,
    )
  }

  /** The end of the oldest request of this process. */
  get oldestTime(): number {
    let oldest = Number.POSITIVE_INFINITY
    for (const { isRestored, time } of this.#entries) if (!isRestored) oldest = Math.min(oldest, time)
    return oldest
  }

  /** Takes an entry off the list, once. A caller that gets true counts its items. */
  remove(entry: PendingRequest): boolean {
    const at = this.#entries.indexOf(entry)
    if (at < 0) return false
    this.#entries.splice(at, 1)
    this.#items -= entry.items
    this.#inMemory.delete(entry)
    return true
  }

  moveToEnd(entry: PendingRequest): void {
    const at = this.#entries.indexOf(entry)
    if (at >= 0) this.#entries.push(...this.#entries.splice(at, 1))
  }

  /** Parts of a request replace it. Their items are its items. */
  replace(entry: PendingRequest, parts: readonly PendingRequest[]): void {
    const at = this.#entries.indexOf(entry)
    if (!this.remove(entry)) return
    this.#entries.splice(at, 0, ...parts)
    for (const part of parts) this.#count(part)
  }

  /** It is on disk now. */
  putOnDisk(entry: PendingRequest, file: RequestFile): void {
    entry.file = file
    entry.request = undefined
    this.#inMemory.delete(entry)
  }

  #count(entry: PendingRequest): void {
    this.#items += entry.items
    if (entry.request) this.#inMemory.add(entry)
  }
}
