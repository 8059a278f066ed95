import { Latencies } from './latencies.ts'

/** The outcome of the requests for one page. */
export class PageResult {
  /** Latencies of complete, successful answers, from the request's due time to the last byte. */
  readonly latencies = new Latencies()
  /** By kind: `status 503`, `time-out`, `reset`; and `not sent`, for those above the limit under way. */
  readonly errors = new Map<string, number>()
  /** Bytes of the bodies of all complete answers. */
  bytes = 0

  get requests(): number {
    return this.latencies.count + this.errorCount
  }

  get errorCount(): number {
    return [...this.errors.values()].reduce((sum, count) => sum + count, 0)
  }

  fail(kind: string): void {
    this.errors.set(kind, (this.errors.get(kind) ?? 0) + 1)
  }

  add(other: PageResult): void {
    this.latencies.add(other.latencies)
    for (const [kind, count] of other.errors) this.errors.set(kind, (this.errors.get(kind) ?? 0) + count)
    this.bytes += other.bytes
  }
}

export const NOT_SENT = 'not sent'
export const TIME_OUT = 'time-out'
