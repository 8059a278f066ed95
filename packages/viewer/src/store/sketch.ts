import {
  type ExponentialBuckets,
  type HistogramPoint,
  MergedHistogram,
  type SignedBuckets,
} from '@rollcall/otlp'

/**
 * Distributions as kept: an exponential histogram's buckets as bytes. Most have a few dozen buckets with counts below 128,
 * so a bucket takes a byte or two.
 */

/**
 * Scale 7 is ±0.27 %, and Datadog's own sketch ±0.78 %. There 4096 buckets reach from a nanosecond to four seconds. A wider
 * distribution becomes coarser.
 */
export const SKETCH_LIMITS = { finestScale: 7, maxBuckets: 4096 } as const

/** Scale for the counts of explicit buckets, whose bounds are coarser by far. */
const EXPLICIT_SCALE = 5
const EXPLICIT_OCTAVES = 40

const one = new MergedHistogram(SKETCH_LIMITS)

/** A copy as small as the sketch, of buckets without a complaint. */
export function encodeExponential(buckets: ExponentialBuckets): Uint8Array {
  one.clear()
  one.add(buckets)
  return encode(one)
}

/**
 * The observations of a bucket are spread evenly over it, as whole numbers, as Datadog's Agent does. The outer buckets end
 * at min and max if these are known. Else the first begins at 0, and the last is its bound.
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
  one.clear()
  spread.addTo(one)
  return encode(one)
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

  addTo(merged: MergedHistogram): void {
    merged.addZeros(this.zeros)
    for (const sign of [1, -1] as const) {
      const buckets = [...this.#counts[sign]].sort(([one], [other]) => one - other)
      if (buckets.length === 0) continue
      const [[first], [last]] = [buckets[0]!, buckets.at(-1)!]
      merged.addWith(sign, EXPLICIT_SCALE, first, last, (counts, steps, offset) => {
        let sum = 0
        for (const [index, count] of buckets) {
          counts[(index >> steps) - offset]! += count
          sum += count
        }
        return sum
      })
    }
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

/** The sketch of a histogram that was merged within {@link SKETCH_LIMITS}. */
export function encode({ scale, zeroCount, positive, negative }: MergedHistogram): Uint8Array {
  written = 0
  const most = 20 * (positive.counts.length + negative.counts.length + 4)
  if (scratch.length < most) scratch = new Uint8Array(most * 2)
  writeVarint(zigzag(scale))
  writeVarint(zeroCount)
  writeBuckets(positive)
  writeBuckets(negative)
  return scratch.slice(0, written)
}

/** The number of buckets that are not empty. If above 0, then the first one's index, and pairs of step and count. */
function writeBuckets({ offset, counts }: SignedBuckets): void {
  writeVarint(counts.length)
  if (counts.length === 0) return
  writeVarint(zigzag(offset))
  let previous = 0
  for (let position = 0; position < counts.length; position += 1) {
    const count = counts[position]!
    if (count === 0) continue
    writeVarint(position - previous)
    writeVarint(count)
    previous = position
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

let bytes: Uint8Array = scratch
let position = 0

/** Adds the sketch that begins there. */
export function addSketch(merged: MergedHistogram, from: Uint8Array, start: number): void {
  bytes = from
  position = start
  const scale = unzigzag(readVarint())
  merged.addZeros(readVarint())
  addBuckets(merged, 1, scale)
  addBuckets(merged, -1, scale)
}

let index = 0
let last = 0

function addBuckets(merged: MergedHistogram, sign: 1 | -1, scale: number): void {
  const width = readVarint()
  if (width === 0) return
  index = unzigzag(readVarint())
  last = index + width - 1
  merged.addWith(sign, scale, index, last, addPairs)
}

function addPairs(counts: Float64Array, steps: number, offset: number): number {
  const from = bytes
  let at = position
  let reached = index
  let sum = 0
  do {
    // Nearly all steps and counts are one byte; a call for each would be most of the time.
    const step = from[at]!
    if (step < 0x80) {
      reached += step
      at += 1
    } else {
      position = at
      reached += readVarint()
      at = position
    }
    let count = from[at]!
    if (count < 0x80) at += 1
    else {
      position = at
      count = readVarint()
      at = position
    }
    counts[(reached >> steps) - offset]! += count
    sum += count
  } while (reached < last)
  position = at
  return sum
}

function readVarint(): number {
  let value = 0
  let factor = 1
  for (;;) {
    const byte = bytes[position++]!
    value += (byte & 0x7f) * factor
    if (byte < 0x80) return value
    factor *= 0x80
  }
}
