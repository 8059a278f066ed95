import { MergedSketch } from './sketch.ts'

/** What an observation-less column of a point holds where the sender did not say: of `min` and `max`. */
export const UNKNOWN = Number.NaN

export type Outcome = 'stored' | 'repeated' | 'overwritten' | 'added'

const SMALLEST = 8
const both = new MergedSketch()
/** Of the object and its arrays' own headers, as measured in a heap of such series. */
const OVERHEAD_BYTES = 600

/**
 * The points of one series in the order of time, one for each second: columns of numbers, and for distributions a
 * sketch of varying length. Typed arrays, because an hour of a thousand series are millions of numbers.
 */
export class SeriesPoints {
  /** Numbers of a point: 1, or 4 (count, sum, min, max) with a sketch. */
  readonly width: 1 | 4
  #size = 0
  #seconds = new Uint32Array(SMALLEST)
  /** Within the second: tells a point that was sent again from another one. */
  #nanoseconds = new Uint32Array(SMALLEST)
  #rows: Float64Array
  #sketchStarts: Uint32Array
  #sketchLengths: Uint32Array
  #sketches: Uint8Array
  #sketchesEnd = 0

  constructor(width: 1 | 4) {
    this.width = width
    this.#rows = new Float64Array(SMALLEST * width)
    this.#sketchStarts = new Uint32Array(width === 4 ? SMALLEST : 0)
    this.#sketchLengths = new Uint32Array(width === 4 ? SMALLEST : 0)
    this.#sketches = new Uint8Array(0)
  }

  get size(): number {
    return this.#size
  }

  /** What it takes in memory, used or reserved. */
  get bytes(): number {
    return (
      OVERHEAD_BYTES +
      this.#seconds.byteLength * 2 +
      this.#rows.byteLength +
      this.#sketchStarts.byteLength * 2 +
      this.#sketches.byteLength
    )
  }

  second(index: number): number {
    return this.#seconds[index]!
  }

  value(index: number, column = 0): number {
    return this.#rows[index * this.width + column]!
  }

  /** For `MergedSketch.add`. */
  get sketches(): Uint8Array {
    return this.#sketches
  }

  sketchStart(index: number): number {
    return this.#sketchStarts[index]!
  }

  /** Index of the first point that is not before the second. */
  firstFrom(second: number): number {
    let low = 0
    let high = this.#size
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#seconds[middle]! < second) low = middle + 1
      else high = middle
    }
    return low
  }

  /** The last point of a second is the one that stays. */
  put(second: number, nanoseconds: number, row: readonly number[], sketch?: Uint8Array): Outcome {
    const isLast = this.#size === 0 || second > this.#seconds[this.#size - 1]!
    const index = isLast ? this.#size : this.firstFrom(second)
    if (index < this.#size && this.#seconds[index] === second) {
      const isSame =
        this.#nanoseconds[index] === nanoseconds &&
        row.every((value, column) => Object.is(value, this.value(index, column)))
      this.#write(index, nanoseconds, row, sketch)
      return isSame ? 'repeated' : 'overwritten'
    }
    if (this.#size === this.#seconds.length) this.#resize(this.#size * 2)
    if (index < this.#size) this.#move(index, index + 1)
    this.#size += 1
    this.#seconds[index] = second
    this.#write(index, nanoseconds, row, sketch)
    return 'stored'
  }

  /** As `put`, but what comes to a second that has a point already is added to it. */
  add(second: number, nanoseconds: number, row: readonly number[], sketch?: Uint8Array): Outcome {
    const index = this.firstFrom(second)
    if (index === this.#size || this.#seconds[index] !== second)
      return this.put(second, nanoseconds, row, sketch)
    const [count, sum, min, max] = row.map((_, column) => this.value(index, column)) as [number, ...number[]]
    if (sketch === undefined) this.#write(index, nanoseconds, [count + row[0]!], undefined)
    else {
      both.clear()
      both.add(this.#sketches, this.#sketchStarts[index]!)
      both.add(sketch, 0)
      const joined = [count + row[0]!, sum! + row[1]!, Math.min(min!, row[2]!), Math.max(max!, row[3]!)]
      this.#write(index, nanoseconds, joined, both.encoded())
    }
    return 'added'
  }

  /** How many points went. */
  dropBefore(second: number): number {
    const dropped = this.firstFrom(second)
    if (dropped === 0) return 0
    this.#move(dropped, 0)
    this.#size -= dropped
    if (this.#seconds.length > Math.max(SMALLEST, this.#size * 4))
      this.#resize(Math.max(SMALLEST, this.#size * 2))
    if (this.width === 4) this.#packSketches(0)
    return dropped
  }

  #write(index: number, nanoseconds: number, row: readonly number[], sketch: Uint8Array | undefined): void {
    this.#nanoseconds[index] = nanoseconds
    this.#rows.set(row, index * this.width)
    if (sketch === undefined) return
    // Its old one must not be packed as if it were still there.
    this.#sketchLengths[index] = 0
    if (this.#sketchesEnd + sketch.length > this.#sketches.length) this.#packSketches(sketch.length)
    this.#sketches.set(sketch, this.#sketchesEnd)
    this.#sketchStarts[index] = this.#sketchesEnd
    this.#sketchLengths[index] = sketch.length
    this.#sketchesEnd += sketch.length
  }

  #move(from: number, to: number): void {
    for (const column of [this.#seconds, this.#nanoseconds, this.#sketchStarts, this.#sketchLengths])
      column.copyWithin(to, from, this.#size)
    this.#rows.copyWithin(to * this.width, from * this.width, this.#size * this.width)
  }

  #resize(capacity: number): void {
    const copy = <A extends Uint32Array | Float64Array>(into: A, from: A) => {
      into.set(from.subarray(0, Math.min(into.length, from.length)))
      return into
    }
    this.#seconds = copy(new Uint32Array(capacity), this.#seconds)
    this.#nanoseconds = copy(new Uint32Array(capacity), this.#nanoseconds)
    this.#rows = copy(new Float64Array(capacity * this.width), this.#rows)
    if (this.width === 1) return
    this.#sketchStarts = copy(new Uint32Array(capacity), this.#sketchStarts)
    this.#sketchLengths = copy(new Uint32Array(capacity), this.#sketchLengths)
  }

  /** Copies what is in use to new bytes with room for so many more, and as much again up to a limit. */
  #packSketches(more: number): void {
    let used = 0
    for (let index = 0; index < this.#size; index += 1) used += this.#sketchLengths[index]!
    const packed = new Uint8Array(used + more + Math.min(used + more, SPARE_BYTES))
    let end = 0
    for (let index = 0; index < this.#size; index += 1) {
      const start = this.#sketchStarts[index]!
      packed.set(this.#sketches.subarray(start, start + this.#sketchLengths[index]!), end)
      this.#sketchStarts[index] = end
      end += this.#sketchLengths[index]!
    }
    this.#sketches = packed
    this.#sketchesEnd = end
  }
}

const SPARE_BYTES = 4096
