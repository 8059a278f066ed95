import type { ExponentialHistogram as ExponentialHistogramValue } from '@opentelemetry/sdk-metrics'
import { type bucketPosition, octave } from './bucket-position.ts'

/** The finest scale; each interval begins with it, as in the SDK. */
const MAX_SCALE = 20

/** Shared by all histograms: merging buckets is synchronous. */
let scratch = new Float64Array(0)

/**
 * A base-2 exponential histogram of at most `maxBuckets` neighbouring buckets: if the values lie too far apart for
 * them, pairs of neighbours merge, which halves the resolution. For values that are not negative; makes the same point
 * of the same values as the SDK's.
 *
 * Counts are in a ring whose length is a power of two, so that `index & mask` finds a count wherever the range lies,
 * and the ring can grow at both ends without moving anything.
 */
export class ExponentialHistogram {
  readonly #maxBuckets: number
  readonly #mask: number
  /** Doubles, which count exactly up to 2^53: an interval that merges through an outage has no end. */
  readonly #counts: Float64Array
  #count = 0
  #zeroCount = 0
  #sum = 0
  #min = Number.POSITIVE_INFINITY
  #max = Number.NEGATIVE_INFINITY
  #scale = MAX_SCALE
  /** 2^scale. */
  #factor = 2 ** MAX_SCALE
  /** The range of indexes with counts; empty while `#high < #low`. */
  #low = 0
  #high = -1
  readonly #taken = { count: 0, sum: 0 }

  constructor(maxBuckets: number) {
    const ring = 2 ** Math.ceil(Math.log2(maxBuckets))
    this.#maxBuckets = maxBuckets
    this.#mask = ring - 1
    this.#counts = new Float64Array(ring)
    if (scratch.length < ring) scratch = new Float64Array(ring)
  }

  /** Adds a finite value that is not negative, with its {@link bucketPosition}. */
  add(value: number, position: number): void {
    this.#count += 1
    if (value < this.#min) this.#min = value
    if (value > this.#max) this.#max = value
    if (value === 0) {
      this.#zeroCount += 1
      return
    }
    this.#sum += value
    let index = this.#scale > 0 ? Math.floor(position * this.#factor) : octave(value) >> -this.#scale
    if (index < this.#low || index > this.#high) index = this.#include(index, value)
    this.#counts[index & this.#mask] = (this.#counts[index & this.#mask] as number) + 1
  }

  /** The point of the records since the last call; empties the histogram. */
  take(): ExponentialHistogramValue {
    const value = {
      count: this.#count,
      sum: this.#sum,
      min: this.#min,
      max: this.#max,
      // Nothing but zeros fits any scale.
      scale: this.#count === this.#zeroCount ? 0 : this.#scale,
      zeroCount: this.#zeroCount,
      positive: { offset: this.#low, bucketCounts: this.#takeCounts() },
      negative: { offset: 0, bucketCounts: [] },
    }
    this.#taken.count += this.#count
    this.#taken.sum += this.#sum
    this.#count = 0
    this.#zeroCount = 0
    this.#sum = 0
    this.#min = Number.POSITIVE_INFINITY
    this.#max = Number.NEGATIVE_INFINITY
    this.#scale = MAX_SCALE
    this.#factor = 2 ** MAX_SCALE
    this.#low = 0
    this.#high = -1
    return value
  }

  /** Of all records since the start. */
  total(): { count: number; sum: number } {
    return { count: this.#taken.count + this.#count, sum: this.#taken.sum + this.#sum }
  }

  #takeCounts(): number[] {
    const counts: number[] = []
    for (let index = this.#low; index <= this.#high; index++) {
      counts.push(this.#counts[index & this.#mask] as number)
      this.#counts[index & this.#mask] = 0
    }
    return counts
  }

  /** Extends the range to an index, merging buckets while it is too wide. Returns the index at the resulting scale. */
  #include(index: number, value: number): number {
    let at = index
    for (;;) {
      const isEmpty = this.#high < this.#low
      const low = isEmpty ? at : Math.min(this.#low, at)
      const high = isEmpty ? at : Math.max(this.#high, at)
      let halvings = 0
      while ((high >> halvings) - (low >> halvings) >= this.#maxBuckets) halvings += 1
      if (halvings === 0) {
        this.#low = low
        this.#high = high
        return at
      }
      this.#downscale(halvings)
      // From scale 0 down, bounds are exact: a shift of a rounded index would not be.
      at = this.#scale > 0 ? at >> halvings : octave(value) >> -this.#scale
    }
  }

  #downscale(halvings: number): void {
    const low = this.#low >> halvings
    const high = this.#high >> halvings
    for (let index = this.#low; index <= this.#high; index++) {
      const to = (index >> halvings) - low
      scratch[to] = (scratch[to] as number) + (this.#counts[index & this.#mask] as number)
      this.#counts[index & this.#mask] = 0
    }
    for (let index = low; index <= high; index++) {
      this.#counts[index & this.#mask] = scratch[index - low] as number
      scratch[index - low] = 0
    }
    this.#low = low
    this.#high = high
    this.#scale -= halvings
    this.#factor = 2 ** this.#scale
  }
}
