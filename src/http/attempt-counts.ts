import type { FastifyRateLimitStore, FastifyRateLimitStoreCtor } from '@fastify/rate-limit'

export interface AttemptCount {
  /** How many there were in this window, the last one included. */
  readonly current: number
  /** How long the window still lasts, in milliseconds. */
  readonly ttl: number
}

/** Counts attempts by key, in windows of time; where several processes share the counts, so that limits hold for all. */
export interface AttemptCounts {
  add(key: string, windowMs: number): Promise<AttemptCount>
}

/** The rate limiter's port to counts that are kept elsewhere. */
export function limitStore(counts: AttemptCounts): FastifyRateLimitStoreCtor {
  // Each limit has counts of its own. They are numbered as they are made, which every process does in the same order.
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
