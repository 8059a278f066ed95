import { createHistogram } from 'node:perf_hooks'

const NS_PER_MS = 1e6
/** 1,000 s; longer latencies count as this, and the maximum is exact. */
const HIGHEST_NS = 1e12
/** Three figures: a percentile is at most 0.1 % above the truth. */
const FIGURES = 3

/** Any number of latencies in 140 kB: Node's HDR histogram of whole nanoseconds, with the exact maximum beside it. */
export class Latencies {
  readonly #histogram = createHistogram({ lowest: 1, highest: HIGHEST_NS, figures: FIGURES })
  #maxMs = 0

  get count(): number {
    return this.#histogram.count
  }

  get maxMs(): number {
    return this.#maxMs
  }

  record(ms: number): void {
    this.#histogram.record(Math.min(HIGHEST_NS, Math.max(1, Math.round(ms * NS_PER_MS))))
    if (ms > this.#maxMs) this.#maxMs = ms
  }

  add(other: Latencies): void {
    this.#histogram.add(other.#histogram)
    this.#maxMs = Math.max(this.#maxMs, other.#maxMs)
  }

  /** The latency of rank ⌈percent × n / 100⌉ in ascending order; undefined if there is none. */
  percentileMs(percent: number): number | undefined {
    const { count } = this
    if (count === 0) return undefined
    // A hair less, because 99.9 / 100 × 1000 is more than 999 to a double.
    const rank = Math.max(1, Math.ceil((percent / 100) * count * (1 - 1e-12)))
    // Looked up by rank: the histogram itself rounds to the nearest one.
    return Math.min(this.#histogram.percentile((rank / count) * 100) / NS_PER_MS, this.#maxMs)
  }

  reset(): void {
    this.#histogram.reset()
    this.#maxMs = 0
  }
}
