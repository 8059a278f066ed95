/** The longest kept text, 65,536 characters, fits in. */
const SLAB_BYTES = 256 * 1024
const LENGTH_BYTES = 4

interface Slab {
  readonly bytes: Buffer
  /** Pieces that are not released yet. */
  wanted: number
}

/**
 * Texts and sketches that come and go in about the same order, in slabs of one size outside of V8's heap. In the heap,
 * released data stay until the collector has walked through all other data, and arrays that grow and go leave holes that
 * fit nothing else. As strings and arrays, 250 MiB made a process of 640.
 */
export class Slabs {
  readonly #slabs = new Map<number, Slab>()
  /** The last empty slab: a full store goes on in the same memory. */
  #spare: Buffer | undefined
  #newest = -1
  #end = SLAB_BYTES

  /** All reserved memory, used or not. */
  get bytes(): number {
    return (this.#slabs.size + (this.#spare ? 1 : 0)) * SLAB_BYTES
  }

  /** Returns the place, which must be released once. Throws a RangeError for more than a slab holds. */
  add(piece: Uint8Array): number {
    const { slab, place } = this.#reserve(piece.length)
    slab.bytes.set(piece, startOf(place))
    return place
  }

  addText(text: string): number {
    const { slab, place } = this.#reserve(Buffer.byteLength(text))
    slab.bytes.write(text, startOf(place), 'utf8')
    return place
  }

  lengthOf(place: number): number {
    return this.#slabAt(place).bytes.readUInt32LE(startOf(place) - LENGTH_BYTES)
  }

  /** The slab of a piece. The piece begins at {@link startOf} its place. */
  slabOf(place: number): Uint8Array {
    return this.#slabAt(place).bytes
  }

  text(place: number): string {
    const start = startOf(place)
    return this.#slabAt(place).bytes.toString('utf8', start, start + this.lengthOf(place))
  }

  release(place: number): void {
    const slab = this.#slabAt(place)
    slab.wanted -= 1
    if (slab.wanted > 0) return
    const number = Math.floor(place / SLAB_BYTES)
    this.#slabs.delete(number)
    this.#spare ??= slab.bytes
    // The next piece begins another slab.
    if (number === this.#newest) this.#end = SLAB_BYTES
  }

  #slabAt(place: number): Slab {
    const slab = this.#slabs.get(Math.floor(place / SLAB_BYTES))
    if (slab === undefined) throw new RangeError(`nothing is kept at ${place}`)
    return slab
  }

  #reserve(length: number): { slab: Slab; place: number } {
    const needed = LENGTH_BYTES + length
    if (needed > SLAB_BYTES) throw new RangeError(`${length} bytes are more than a slab holds`)
    // The last byte stays free: an empty text at the very end would have its place in the next slab.
    if (this.#end + needed >= SLAB_BYTES) this.#begin()
    const slab = this.#slabs.get(this.#newest) as Slab
    slab.wanted += 1
    const place = this.#newest * SLAB_BYTES + this.#end + LENGTH_BYTES
    this.#end += needed
    slab.bytes.writeUInt32LE(length, startOf(place) - LENGTH_BYTES)
    return { slab, place }
  }

  #begin(): void {
    // Not from Node's pool: a part of it would keep the whole pool.
    const bytes = this.#spare ?? Buffer.allocUnsafeSlow(SLAB_BYTES)
    this.#spare = undefined
    this.#newest += 1
    this.#slabs.set(this.#newest, { bytes, wanted: 0 })
    this.#end = 0
  }
}

/** Offset of a piece in its slab. */
export function startOf(place: number): number {
  return place % SLAB_BYTES
}
