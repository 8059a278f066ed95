import { MergedHistogram } from '@rollcall/otlp'
import { addSketch, encode, SKETCH_LIMITS } from './sketch.ts'
import { type Slabs, startOf } from './slabs.ts'

/** The value of `min` and `max` if the sender did not give them. */
export const UNKNOWN = Number.NaN

export type Outcome = 'stored' | 'repeated' | 'overwritten' | 'added'

const SMALLEST = 8
const NO_PLACE = -1
const both = new MergedHistogram(SKETCH_LIMITS)
/** Bytes of the object and its arrays' headers, measured in a heap of such series. */
const OVERHEAD_BYTES = 600

/**
 * The points of one series in the order of time, one for each second: columns of numbers, and for distributions a
 * sketch of varying length in slabs. Typed arrays, because an hour of a thousand series are millions of numbers.
 */
export class SeriesPoints {
  /** Numbers of a point: 1, or 4 (count, sum, min, max) with a sketch. */
  readonly width: 1 | 4
  #size = 0
  #seconds = new Uint32Array(SMALLEST)
  /** Time within the second: distinguishes a repeated point from another one. */
  #nanoseconds = new Uint32Array(SMALLEST)
  #rows: Float64Array
  /** Places of the sketches. */
  #places: Float64Array
  readonly #slabs: Slabs
  #sketchBytes = 0

  constructor(width: 1 | 4, slabs: Slabs) {
    this.width = width
    this.#slabs = slabs
    this.#rows = new Float64Array(SMALLEST * width)
    this.#places = new Float64Array(width === 4 ? SMALLEST : 0)
  }

  get size(): number {
    return this.#size
  }

  /** Used and reserved memory, without the slabs. */
  get bytes(): number {
    return OVERHEAD_BYTES + this.#seconds.byteLength * 2 + this.#rows.byteLength + this.#places.byteLength
  }

  /** Memory of its points, with their part of the slabs. */
  get usedBytes(): number {
    return this.#size * (8 * this.width + 16) + this.#sketchBytes
  }

  second(index: number): number {
    return this.#seconds[index]!
  }

  value(index: number, column = 0): number {
    return this.#rows[index * this.width + column]!
  }

  addSketchTo(merged: MergedHistogram, index: number): void {
    const place = this.#places[index]!
    addSketch(merged, this.#slabs.slabOf(place), startOf(place))
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

  /** The last point of a second stays. */
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
    this.#places[index] = NO_PLACE
    this.#write(index, nanoseconds, row, sketch)
    return 'stored'
  }

  /** As `put`, but adds to the point of the same second. */
  add(second: number, nanoseconds: number, row: readonly number[], sketch?: Uint8Array): Outcome {
    const index = this.firstFrom(second)
    if (index === this.#size || this.#seconds[index] !== second)
      return this.put(second, nanoseconds, row, sketch)
    const [count, sum, min, max] = row.map((_, column) => this.value(index, column)) as [number, ...number[]]
    if (sketch === undefined) this.#write(index, nanoseconds, [count + row[0]!], undefined)
    else {
      both.clear()
      this.addSketchTo(both, index)
      addSketch(both, sketch, 0)
      const joined = [count + row[0]!, sum! + row[1]!, Math.min(min!, row[2]!), Math.max(max!, row[3]!)]
      this.#write(index, nanoseconds, joined, encode(both))
    }
    return 'added'
  }

  /** Returns the number of removed points. */
  dropBefore(second: number): number {
    const dropped = this.firstFrom(second)
    if (dropped === 0) return 0
    for (let index = 0; index < dropped; index += 1) this.#release(index)
    this.#move(dropped, 0)
    this.#size -= dropped
    if (this.#seconds.length > Math.max(SMALLEST, this.#size * 4))
      this.#resize(Math.max(SMALLEST, this.#size * 2))
    return dropped
  }

  #write(index: number, nanoseconds: number, row: readonly number[], sketch: Uint8Array | undefined): void {
    this.#nanoseconds[index] = nanoseconds
    this.#rows.set(row, index * this.width)
    if (sketch === undefined) return
    this.#release(index)
    this.#places[index] = this.#slabs.add(sketch)
    this.#sketchBytes += sketch.length
  }

  #release(index: number): void {
    if (this.width === 1 || this.#places[index] === NO_PLACE) return
    this.#sketchBytes -= this.#slabs.lengthOf(this.#places[index]!)
    this.#slabs.release(this.#places[index]!)
  }

  #move(from: number, to: number): void {
    for (const column of [this.#seconds, this.#nanoseconds, this.#places])
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
    if (this.width === 4) this.#places = copy(new Float64Array(capacity), this.#places)
  }
}
