import type { FastifyRateLimitStore, FastifyRateLimitStoreCtor } from '@fastify/rate-limit'

export interface AttemptCount {
  /** Attempts in this window, the last one included. */
  readonly current: number
  /** Time until the window ends, in milliseconds. */
  readonly ttl: number
}

/** Counts attempts by key, in windows of time. Several processes share the counts, so that a limit holds for all. */
export interface AttemptCounts {
  add(key: string, windowMs: number): Promise<AttemptCount>
}

/** The rate limiter's port to counts that are kept elsewhere. */
export function limitStore(counts: AttemptCounts): FastifyRateLimitStoreCtor {
  // Each limit has its own counts, numbered in the order of registration, which is the same in every process.
  let limits = 0
  return class Store implements FastifyRateLimitStore {
    readonly #limit = limits++

    incr(
      key: string,
      callback: (error: Error | null, result?: AttemptCount) => void,
      windowMs: number,
    ): void {
      counts.add(`${this.#limit} ${key}`, windowMs).then((count) => callback(null, count), callback)
    }

    child(): FastifyRateLimitStore {
      return new Store()
    }
  }
}
