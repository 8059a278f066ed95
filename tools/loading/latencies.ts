/** Neighbouring bounds are 1 % apart, so a percentile is within (growth − 1) / (growth + 1) = 0.5 % of the truth. */
const GROWTH = 1.01
const LOG_GROWTH = Math.log(GROWTH)
/** The first bucket ends here; whatever is quicker counts as this. */
const LEAST_MS = 0.001
/** Up to 1,000 s; whatever takes longer counts in the last bucket, and the maximum is exact. */
const BUCKETS = Math.ceil(Math.log(1e9) / LOG_GROWTH) + 1

/** Any number of latencies in 17 kB: exponential buckets, exact count and maximum. */
export class Latencies {
  readonly #counts = new Float64Array(BUCKETS)
  #count = 0
  #max = 0

  get count(): number {
    return this.#count
  }

  get maxMs(): number {
    return this.#max
  }

  record(ms: number): void {
    const index = ms <= LEAST_MS ? 0 : Math.min(BUCKETS - 1, Math.ceil(Math.log(ms / LEAST_MS) / LOG_GROWTH))
    this.#counts[index]! += 1
    this.#count += 1
    if (ms > this.#max) this.#max = ms
  }

  add(other: Latencies): void {
    for (const [index, count] of other.#counts.entries()) this.#counts[index]! += count
    this.#count += other.#count
    this.#max = Math.max(this.#max, other.#max)
  }

  /** The latency of rank ⌈percent × n / 100⌉ in ascending order; undefined where there is none. */
  percentileMs(percent: number): number | undefined {
    if (this.#count === 0) return undefined
    // A hair less, because 99.9 / 100 × 1000 is more than 999 to a double.
    const rank = Math.max(1, Math.ceil((percent / 100) * this.#count * (1 - 1e-12)))
    let passed = 0
    const index = this.#counts.findIndex((count) => {
      passed += count
      return passed >= rank
    })
    // Relatively as near to the one end of its bucket as to the other.
    const estimate = LEAST_MS * GROWTH ** index * (2 / (1 + GROWTH))
    return Math.min(estimate, this.#max)
  }
}
