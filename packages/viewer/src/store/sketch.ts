import type { Buckets, HistogramPoint } from '@rollcall/otlp'

/**
 * Distributions as exponential buckets: index i holds values above base^i up to base^(i+1), base = 2^(2^-scale). Kept
 * as bytes, because most have a few dozen buckets and most of these a count below 128: a byte or two for each.
 */

/** Finer scales are merged down to this one when they come: ±0.27 %, where Datadog's own sketch has ±0.78 %. */
export const MAX_SCALE = 7

/** Of each sign. At scale 7 they reach from a nanosecond to four seconds; what is wider becomes coarser. */
const MAX_BUCKETS = 4096

/** What explicit buckets are spread over: their bounds are coarser by far. */
const EXPLICIT_SCALE = 5
const EXPLICIT_OCTAVES = 40

/** The specification's (metrics data model, "Exponential Scale"): an SDK begins at 20. */
const SCALES = { min: -10, max: 20 }

export interface Exponential {
  readonly scale: number
  readonly zeroCount: number
  readonly positive: Buckets
  readonly negative: Buckets
}

/** Why a sender cannot mean these buckets: a bound beyond what a double holds, or a scale that no SDK has. */
export function complaintAbout({ scale, positive, negative }: Exponential): string | undefined {
  if (scale < SCALES.min || scale > SCALES.max) return `a scale beyond ${SCALES.min} to ${SCALES.max}`
  for (const { offset, counts } of [positive, negative]) {
    if (counts.length === 0) continue
    const exponents = [offset * 2 ** -scale, (offset + counts.length) * 2 ** -scale]
    if (counts.length > MOST_SENT || exponents.some((exponent) => Math.abs(exponent) > 1100))
      return 'buckets beyond the range of numbers'
  }
  return undefined
}
const MOST_SENT = 16_384

class Pairs {
  readonly indexes: number[] = []
  readonly counts: number[] = []

  /** In ascending order of the indexes. */
  add(index: number, count: number): void {
    const last = this.indexes.length - 1
    if (last >= 0 && this.indexes[last] === index) this.counts[last]! += count
    else {
      this.indexes.push(index)
      this.counts.push(count)
    }
  }

  get width(): number {
    return this.indexes.length === 0 ? 0 : this.indexes.at(-1)! - this.indexes[0]! + 1
  }

  coarser(): Pairs {
    const merged = new Pairs()
    for (const [position, index] of this.indexes.entries()) merged.add(index >> 1, this.counts[position]!)
    return merged
  }
}

/** A copy as small as the sketch, of one that there is no complaint about. */
export function encodeExponential({ scale, zeroCount, positive, negative }: Exponential): Uint8Array {
  return encode(scale, zeroCount, pairsOf(positive), pairsOf(negative))
}

function pairsOf({ offset, counts }: { offset: number; counts: ArrayLike<number> }): Pairs {
  const pairs = new Pairs()
  for (let position = 0; position < counts.length; position += 1)
    if (counts[position]! > 0) pairs.add(offset + position, counts[position]!)
  return pairs
}

/**
 * What is in a bucket is spread evenly over it, in whole observations, as Datadog's Agent does. The outer buckets end at
 * min and max where they are known, else the first begins at 0 and the last is its bound.
 */
export function encodeExplicit(
  point: Pick<HistogramPoint, 'count' | 'sum' | 'min' | 'max' | 'bucketCounts' | 'bounds'>,
) {
  const { count, sum = 0, min, max, bounds, bucketCounts } = point
  const spread = new Spread()
  if (bucketCounts.length === 0) spread.add(min ?? sum / count, max ?? sum / count, count)
  for (const [position, inBucket] of bucketCounts.entries()) {
    if (inBucket === 0) continue
    const upper = Math.min(
      bounds[position] ?? max ?? bounds.at(-1) ?? sum / count,
      max ?? Number.POSITIVE_INFINITY,
    )
    const lower = Math.max(bounds[position - 1] ?? min ?? Math.min(0, upper), min ?? Number.NEGATIVE_INFINITY)
    spread.add(Math.min(lower, upper), upper, inBucket)
  }
  return encode(EXPLICIT_SCALE, spread.zeros, spread.sorted(1), spread.sorted(-1))
}

class Spread {
  zeros = 0
  readonly #counts = { 1: new Map<number, number>(), [-1]: new Map<number, number>() }

  add(lower: number, upper: number, count: number): void {
    if (lower < 0 && upper > 0) {
      const negative = Math.round((count * -lower) / (upper - lower))
      this.#addSigned(-1, 0, -lower, negative)
      this.#addSigned(1, 0, upper, count - negative)
    } else if (upper > 0) this.#addSigned(1, lower, upper, count)
    else this.#addSigned(-1, -upper, -lower, count)
  }

  sorted(sign: 1 | -1): Pairs {
    const pairs = new Pairs()
    for (const [index, count] of [...this.#counts[sign]].sort(([one], [other]) => one - other))
      pairs.add(index, count)
    return pairs
  }

  #addSigned(sign: 1 | -1, lower: number, upper: number, count: number): void {
    if (count === 0) return
    if (upper === 0) {
      this.zeros += count
      return
    }
    const steps = 2 ** EXPLICIT_SCALE
    const last = indexOf(upper)
    const first = Math.max(
      lower > 0 ? indexOf(lower) : Number.NEGATIVE_INFINITY,
      last - steps * EXPLICIT_OCTAVES,
    )
    const counts = this.#counts[sign]
    let done = 0
    for (let index = first; index <= last; index += 1) {
      const end = index === last ? upper : 2 ** ((index + 1) / steps)
      const passed = upper > lower ? Math.round((count * (end - lower)) / (upper - lower)) : count
      if (passed > done) counts.set(index, (counts.get(index) ?? 0) + passed - done)
      done = passed
    }
  }
}

function indexOf(value: number): number {
  return Math.ceil(Math.log2(value) * 2 ** EXPLICIT_SCALE) - 1
}

let scratch = new Uint8Array(1024)
let written = 0

function encode(scale: number, zeroCount: number, positive: Pairs, negative: Pairs): Uint8Array {
  let [kept, above, below] = [scale, positive, negative]
  while (kept > MAX_SCALE || Math.max(above.width, below.width) > MAX_BUCKETS) {
    kept -= 1
    above = above.coarser()
    below = below.coarser()
  }
  written = 0
  const most = 20 * (above.indexes.length + below.indexes.length + 4)
  if (scratch.length < most) scratch = new Uint8Array(most * 2)
  writeVarint(zigzag(kept))
  writeVarint(zeroCount)
  writePairs(above)
  writePairs(below)
  return scratch.slice(0, written)
}

/** How many there are, and if any: the first index, how far it is to the last, and the pairs of step and count. */
function writePairs(pairs: Pairs): void {
  const { indexes, counts, width } = pairs
  writeVarint(indexes.length)
  if (indexes.length === 0) return
  writeVarint(zigzag(indexes[0]!))
  writeVarint(width - 1)
  let previous = indexes[0]!
  for (const [position, index] of indexes.entries()) {
    writeVarint(index - previous)
    writeVarint(counts[position]!)
    previous = index
  }
}

function writeVarint(value: number): void {
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) scratch[written++] = (rest % 0x80) | 0x80
  scratch[written++] = rest
}

function zigzag(value: number): number {
  return value >= 0 ? value * 2 : -value * 2 - 1
}

function unzigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2
}

/** Counts of consecutive indexes, from `low` to `high` where there are any. Open, because adding is the inner loop. */
class Range {
  counts = new Float64Array(128)
  /** Index of the first of the counts. */
  offset = 0
  low = Number.POSITIVE_INFINITY
  high = Number.NEGATIVE_INFINITY

  /** False, and nothing is done, where it would become wider than it may. */
  include(first: number, last: number): boolean {
    const low = Math.min(first, this.low)
    const high = Math.max(last, this.high)
    if (high - low >= MAX_BUCKETS) return false
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

  pairs(): Pairs {
    return pairsOf({
      offset: this.low,
      counts:
        this.high < this.low ? [] : this.counts.subarray(this.low - this.offset, this.high - this.offset + 1),
    })
  }

  clear(): void {
    if (this.high >= this.low) this.counts.fill(0, this.low - this.offset, this.high - this.offset + 1)
    this.low = Number.POSITIVE_INFINITY
    this.high = Number.NEGATIVE_INFINITY
  }

  #makeRoom(low: number, high: number): void {
    const length = Math.min(MAX_BUCKETS, Math.max(this.counts.length, 2 * (high - low + 1)))
    // Half of what is free goes below, because values grow in either direction.
    const offset = low - ((length - (high - low + 1)) >> 1)
    const counts = new Float64Array(length)
    if (this.high >= this.low)
      counts.set(this.counts.subarray(this.low - this.offset, this.high - this.offset + 1), this.low - offset)
    this.counts = counts
    this.offset = offset
  }
}

/** Many encoded sketches as one, at the coarsest scale among them, to which every finer one folds without loss. */
export class MergedSketch {
  #scale = MAX_SCALE
  #zeros = 0
  #count = 0
  readonly #positive = new Range()
  readonly #negative = new Range()
  #bytes: Uint8Array = new Uint8Array()
  #position = 0

  get count(): number {
    return this.#count
  }

  clear(): void {
    this.#scale = MAX_SCALE
    this.#zeros = 0
    this.#count = 0
    this.#positive.clear()
    this.#negative.clear()
  }

  /** The sketch that begins there. */
  add(bytes: Uint8Array, start: number): void {
    this.#bytes = bytes
    this.#position = start
    const scale = unzigzag(this.#varint())
    this.#coarsen(this.#scale - scale)
    const zeros = this.#varint()
    this.#zeros += zeros
    this.#count += zeros
    this.#addPairs(this.#positive, scale)
    this.#addPairs(this.#negative, scale)
  }

  encoded(): Uint8Array {
    return encode(this.#scale, this.#zeros, this.#positive.pairs(), this.#negative.pairs())
  }

  /**
   * The value of rank ⌈fraction × n⌉ in ascending order, at least 1. The estimate is the point of its bucket that is
   * relatively nearest to both ends, off by at most (base - 1) / (base + 1). Undefined without observations.
   */
  percentile(fraction: number): number | undefined {
    if (this.#count === 0) return undefined
    // A hair less, because 0.07 × 100 is 7.000000000000001 to a double.
    let left = Math.max(1, Math.ceil(fraction * this.#count * (1 - 1e-12)))
    const { counts, offset, low, high } = this.#negative
    for (let index = high; index >= low; index -= 1) {
      left -= counts[index - offset]!
      if (left <= 0) return -this.#middle(index)
    }
    left -= this.#zeros
    if (left <= 0) return 0
    const above = this.#positive
    for (let index = above.low; index <= above.high; index += 1) {
      left -= above.counts[index - above.offset]!
      if (left <= 0) return this.#middle(index)
    }
    return undefined
  }

  /** Ascending, with the bounds of each bucket that is not empty; ends when told so. */
  each(visit: (lower: number, upper: number, count: number) => boolean): void {
    const { counts, offset, low, high } = this.#negative
    for (let index = high; index >= low; index -= 1) {
      const count = counts[index - offset]!
      if (count > 0 && visit(-this.#bound(index + 1), -this.#bound(index), count)) return
    }
    if (this.#zeros > 0 && visit(0, 0, this.#zeros)) return
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
    return 2 * lower * (upper / (lower + upper))
  }

  #addPairs(range: Range, scale: number): void {
    const length = this.#varint()
    if (length === 0) return
    const first = unzigzag(this.#varint())
    const last = first + this.#varint()
    while (!range.include(first >> (scale - this.#scale), last >> (scale - this.#scale))) this.#coarsen(1)
    const { counts, offset } = range
    const steps = scale - this.#scale
    const bytes = this.#bytes
    let position = this.#position
    let index = first
    let sum = 0
    for (let pair = 0; pair < length; pair += 1) {
      // Nearly all steps and counts are one byte; a call for each would be most of the time.
      const step = bytes[position]!
      if (step < 0x80) position += 1
      else {
        this.#position = position
        index += this.#varint() - step
        position = this.#position
      }
      index += step
      let count = bytes[position]!
      if (count < 0x80) position += 1
      else {
        this.#position = position
        count = this.#varint()
        position = this.#position
      }
      counts[(index >> steps) - offset]! += count
      sum += count
    }
    this.#position = position
    this.#count += sum
  }

  #coarsen(steps: number): void {
    if (steps <= 0) return
    this.#scale -= steps
    this.#positive.coarsen(steps)
    this.#negative.coarsen(steps)
  }

  #varint(): number {
    let value = 0
    let factor = 1
    for (;;) {
      const byte = this.#bytes[this.#position++]!
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
      factor *= 0x80
    }
  }
}
