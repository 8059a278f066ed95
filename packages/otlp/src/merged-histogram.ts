import {
  complaintAboutBuckets,
  type ExponentialBuckets,
  FINEST_SCALE,
  type SignedBuckets,
} from './exponential-buckets.ts'

export interface MergeLimits {
  /** Finer histograms are merged down to this scale on arrival. Default: 20, the finest scale. */
  readonly finestScale?: number
  /** Most buckets of each sign, from the lowest to the highest. A wider histogram becomes coarser. Default: 16,384. */
  readonly maxBuckets?: number
}

/** Adds each bucket's count at `(index >> steps) - offset`; returns the sum of the counts. */
type Fill = (counts: Float64Array, steps: number, offset: number) => number

/** Rank of a percentile among `count` values in ascending order, from 1: ⌈fraction × count⌉. */
export function percentileRank(fraction: number, count: number): number {
  // A hair less, because 0.07 × 100 is 7.000000000000001 in doubles.
  return Math.max(1, Math.ceil(fraction * count * (1 - 1e-12)))
}

/**
 * Many exponential histograms as one. Merging loses no observation: at the coarsest scale among them each bucket of a
 * finer histogram lies whole within one bucket (metrics data model, "Exponential Scale").
 */
export class MergedHistogram implements ExponentialBuckets {
  readonly #finestScale: number
  readonly #positive: Range
  readonly #negative: Range
  #scale: number
  #zeroCount = 0
  #count = 0

  constructor({ finestScale = FINEST_SCALE, maxBuckets = 16_384 }: MergeLimits = {}) {
    this.#finestScale = finestScale
    this.#scale = finestScale
    this.#positive = new Range(maxBuckets)
    this.#negative = new Range(maxBuckets)
  }

  get count(): number {
    return this.#count
  }

  get scale(): number {
    return this.#scale
  }

  get zeroCount(): number {
    return this.#zeroCount
  }

  /** A view, valid until the next addition. */
  get positive(): SignedBuckets {
    return this.#positive.buckets()
  }

  /** A view, valid until the next addition. */
  get negative(): SignedBuckets {
    return this.#negative.buckets()
  }

  /** A percentile is within this part of the exact order statistic: 0.0054 at scale 6. */
  get relativeError(): number {
    // (base - 1) / (base + 1), also for a base beyond the range of doubles.
    return Math.tanh((2 ** -this.#scale * Math.LN2) / 2)
  }

  clear(): void {
    this.#scale = this.#finestScale
    this.#zeroCount = 0
    this.#count = 0
    this.#positive.clear()
    this.#negative.clear()
  }

  /** Throws a RangeError if `complaintAboutBuckets` has a complaint. */
  add(histogram: ExponentialBuckets): void {
    const complaint = complaintAboutBuckets(histogram)
    if (complaint !== undefined) throw new RangeError(complaint)
    const { scale, zeroCount, positive, negative } = histogram
    this.addZeros(zeroCount)
    this.#addBuckets(1, scale, positive)
    this.#addBuckets(-1, scale, negative)
  }

  addZeros(count: number): void {
    this.#zeroCount += count
    this.#count += count
  }

  /**
   * For buckets in another form: `fill` adds the buckets of one sign, with indexes from `first` to `last` at that scale.
   * Nothing is checked.
   */
  addWith(sign: 1 | -1, scale: number, first: number, last: number, fill: Fill): void {
    const range = sign === 1 ? this.#positive : this.#negative
    this.#coarsen(this.#scale - scale)
    while (!range.include(first >> (scale - this.#scale), last >> (scale - this.#scale))) this.#coarsen(1)
    this.#count += fill(range.counts, scale - this.#scale, range.offset)
  }

  /**
   * The value of rank ⌈fraction × n⌉ in ascending order; 0.5 gives the lower median. Undefined without observations. Off by
   * {@link relativeError} at most.
   */
  percentile(fraction: number): number | undefined {
    return this.#count === 0 ? undefined : this.valueOfRank(percentileRank(fraction, this.#count))
  }

  /** Ranks begin at 1. The value is the point of the bucket with the least relative distance to both of its ends. */
  valueOfRank(rank: number): number {
    if (rank > this.#count) throw new RangeError(`${this.#count} values have none of rank ${rank}`)
    let left = rank
    const below = this.#negative
    for (let index = below.high; index >= below.low; index -= 1) {
      left -= below.counts[index - below.offset]!
      if (left <= 0) return -this.#middle(index)
    }
    left -= this.#zeroCount
    if (left <= 0) return 0
    const above = this.#positive
    for (let index = above.low; index <= above.high; index += 1) {
      left -= above.counts[index - above.offset]!
      if (left <= 0) return this.#middle(index)
    }
    // Counts above 2^53 are rounded, so their sum may be too high.
    return above.high < above.low ? 0 : this.#middle(above.high)
  }

  /** Visits each bucket that is not empty with its bounds, in ascending order. Ends when `visit` returns true. */
  each(visit: (lower: number, upper: number, count: number) => boolean): void {
    const below = this.#negative
    for (let index = below.high; index >= below.low; index -= 1) {
      const count = below.counts[index - below.offset]!
      if (count > 0 && visit(-this.#bound(index + 1), -this.#bound(index), count)) return
    }
    if (this.#zeroCount > 0 && visit(0, 0, this.#zeroCount)) return
    const above = this.#positive
    for (let index = above.low; index <= above.high; index += 1) {
      const count = above.counts[index - above.offset]!
      if (count > 0 && visit(this.#bound(index), this.#bound(index + 1), count)) return
    }
  }

  #bound(index: number): number {
    return Math.min(2 ** (index * 2 ** -this.#scale), Number.MAX_VALUE)
  }

  #middle(index: number): number {
    const [lower, upper] = [this.#bound(index), this.#bound(index + 1)]
    return upper === 0 ? 0 : lower * (2 / (1 + lower / upper))
  }

  #addBuckets(sign: 1 | -1, scale: number, { offset, counts }: SignedBuckets): void {
    let first = 0
    let last = counts.length - 1
    while (first <= last && counts[first] === 0) first += 1
    while (first <= last && counts[last] === 0) last -= 1
    if (first > last) return
    this.addWith(sign, scale, offset + first, offset + last, (into, steps, shift) => {
      let sum = 0
      for (let position = first; position <= last; position += 1) {
        const count = counts[position]!
        into[((offset + position) >> steps) - shift]! += count
        sum += count
      }
      return sum
    })
  }

  #coarsen(steps: number): void {
    if (steps <= 0) return
    this.#scale -= steps
    this.#positive.coarsen(steps)
    this.#negative.coarsen(steps)
  }
}

/**
 * Counts of consecutive indexes, from `low` to `high` unless empty. The fields are open, because adding is the inner
 * loop.
 */
class Range {
  counts = new Float64Array(128)
  /** Index of the first of the counts. */
  offset = 0
  low = Number.POSITIVE_INFINITY
  high = Number.NEGATIVE_INFINITY
  readonly #maxBuckets: number

  constructor(maxBuckets: number) {
    this.#maxBuckets = maxBuckets
  }

  /** Returns false and does nothing, if it would become wider than its limit. */
  include(first: number, last: number): boolean {
    const low = Math.min(first, this.low)
    const high = Math.max(last, this.high)
    if (high - low >= this.#maxBuckets) return false
    if (low < this.offset || high >= this.offset + this.counts.length) this.#makeRoom(low, high)
    this.low = low
    this.high = high
    return true
  }

  coarsen(steps: number): void {
    if (this.high < this.low) return
    const { counts, offset, low, high } = this
    this.counts = new Float64Array(counts.length)
    this.offset = low >> steps
    this.low = low >> steps
    this.high = high >> steps
    for (let index = low; index <= high; index += 1)
      this.counts[(index >> steps) - this.offset]! += counts[index - offset]!
  }

  buckets(): SignedBuckets {
    if (this.high < this.low) return { offset: 0, counts: [] }
    const counts = this.counts.subarray(this.low - this.offset, this.high - this.offset + 1)
    return { offset: this.low, counts }
  }

  clear(): void {
    if (this.high >= this.low) this.counts.fill(0, this.low - this.offset, this.high - this.offset + 1)
    this.low = Number.POSITIVE_INFINITY
    this.high = Number.NEGATIVE_INFINITY
  }

  #makeRoom(low: number, high: number): void {
    const length = Math.min(this.#maxBuckets, Math.max(this.counts.length, 2 * (high - low + 1)))
    // Half of the free room goes below, because values grow in either direction.
    const offset = low - ((length - (high - low + 1)) >> 1)
    const counts = new Float64Array(length)
    if (this.high >= this.low)
      counts.set(this.counts.subarray(this.low - this.offset, this.high - this.offset + 1), this.low - offset)
    this.counts = counts
    this.offset = offset
  }
}
