import type { OtlpLimits } from './limits.ts'
import { malformed, OtlpError } from './otlp-error.ts'

/** The layout of a field's value (protobuf.dev/programming-guides/encoding, "Message Structure"). */
export const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const

/**
 * Reads protobuf's wire format from a buffer. Every length is checked against its message, so nothing reads past the end.
 * Every read moves forward, so nothing loops. Bytes of any content end in a value or in an `OtlpError`.
 */
export class WireReader {
  readonly #bytes: Buffer
  readonly #view: DataView
  readonly #limits: OtlpLimits
  #position = 0
  #end: number
  #depth = 0
  #elements = 0

  constructor(bytes: Buffer, limits: OtlpLimits) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#limits = limits
    this.#end = bytes.length
  }

  /** Whether the current message goes on. */
  get more(): boolean {
    return this.#position < this.#end
  }

  /** Counts against the limit of elements. */
  element(): void {
    this.#elements += 1
    if (this.#elements > this.#limits.maxElements)
      throw new OtlpError(413, `The request has more than ${this.#limits.maxElements} elements.`)
  }

  /** Field number times eight, plus the wire type. */
  tag(): number {
    const tag = this.uint32()
    if (tag < 8) throw malformed('A field has the number 0.')
    return tag
  }

  /** The low 32 bits of a varint. The rest is read and ignored, as protobuf asks for narrow fields. */
  uint32(): number {
    const bytes = this.#bytes
    let position = this.#position
    let value = 0
    for (let shift = 0; shift < 70; shift += 7) {
      if (position >= this.#end) throw truncated()
      const byte = bytes[position++]!
      if (shift < 32) value |= (byte & 0x7f) << shift
      if (byte < 0x80) {
        this.#position = position
        return value >>> 0
      }
    }
    throw malformed('A varint is longer than ten bytes.')
  }

  int32(): number {
    return this.uint32() | 0
  }

  /** Zigzag: 0, -1, 1, -2, … */
  sint32(): number {
    const value = this.uint32()
    return (value >>> 1) ^ -(value & 1)
  }

  bool(): boolean {
    return this.varint64() !== 0n
  }

  /** As a double, rounded above 2^53. */
  uint64(): number {
    const first = this.#position < this.#end ? this.#bytes[this.#position]! : 0x80
    if (first < 0x80) {
      this.#position += 1
      return first
    }
    return Number(this.varint64())
  }

  /** A number if that is exact, else a bigint. */
  int64(): number | bigint {
    const first = this.#position < this.#end ? this.#bytes[this.#position]! : 0x80
    if (first < 0x80) {
      this.#position += 1
      return first
    }
    return narrowed(BigInt.asIntN(64, this.varint64()))
  }

  varint64(): bigint {
    let low = 0
    let high = 0
    for (let index = 0; index < 10; index += 1) {
      if (this.#position >= this.#end) throw truncated()
      const byte = this.#bytes[this.#position++]!
      const bits = byte & 0x7f
      // Four groups of seven bits in the low half, five in the high half and the last bit on top.
      if (index < 4) low |= bits << (7 * index)
      else if (index < 9) high += bits * 2 ** (7 * (index - 4))
      else high += (bits & 1) * 2 ** 35
      if (byte < 0x80) return (BigInt(high) << 28n) | BigInt(low)
    }
    throw malformed('A varint is longer than ten bytes.')
  }

  double(): number {
    return this.#view.getFloat64(this.#advance(8), true)
  }

  fixed32(): number {
    return this.#view.getUint32(this.#advance(4), true)
  }

  fixed64(): bigint {
    return this.#view.getBigUint64(this.#advance(8), true)
  }

  /** As a double, rounded above 2^53. */
  fixed64Number(): number {
    const at = this.#advance(8)
    return this.#view.getUint32(at + 4, true) * 2 ** 32 + this.#view.getUint32(at, true)
  }

  /** As a double, rounded above 2^53. */
  sfixed64Number(): number {
    return Number(this.#view.getBigInt64(this.#advance(8), true))
  }

  /** Bytes that are not UTF-8 become U+FFFD: a bad label is no reason to lose a count. */
  string(): string {
    const length = this.uint32()
    const start = this.#advance(length)
    // A call into the runtime costs more than a short loop.
    if (length > 24) return this.#bytes.toString('utf8', start, start + length)
    let text = ''
    for (let index = start; index < start + length; index += 1) {
      const byte = this.#bytes[index]!
      if (byte > 0x7f) return this.#bytes.toString('utf8', start, start + length)
      text += String.fromCharCode(byte)
    }
    return text
  }

  /** A copy, so a kept value does not keep the request in memory. */
  copiedBytes(): Uint8Array {
    const length = this.uint32()
    const start = this.#advance(length)
    return new Uint8Array(this.#bytes.subarray(start, start + length))
  }

  /** Lower-case hexadecimal, undefined for no bytes. */
  id(length: number): string | undefined {
    const actual = this.uint32()
    const start = this.#advance(actual)
    if (actual === 0) return undefined
    if (actual !== length) throw malformed(`An id has ${actual} bytes instead of ${length}.`)
    return this.#bytes.toString('hex', start, start + length)
  }

  /**
   * Narrows the reader to the length-delimited value that follows. Read all of it, then call `leave` with the returned
   * number. The reader cannot be used after an error.
   */
  enter(): number {
    const length = this.uint32()
    if (length > this.#end - this.#position) throw truncated()
    if (this.#depth >= this.#limits.maxDepth)
      throw new OtlpError(413, `The request is nested deeper than ${this.#limits.maxDepth} levels.`)
    const outer = this.#end
    this.#end = this.#position + length
    this.#depth += 1
    return outer
  }

  leave(outer: number): void {
    this.#depth -= 1
    this.#end = outer
  }

  skip(wire: number): void {
    if (wire === WIRE.varint) this.varint64()
    else if (wire === WIRE.fixed64) this.#advance(8)
    else if (wire === WIRE.bytes) this.#advance(this.uint32())
    else if (wire === WIRE.fixed32) this.#advance(4)
    // Groups went out of use before OTLP existed.
    else throw malformed(`A field has wire type ${wire}, which OTLP does not use.`)
  }

  /** Start of the skipped bytes. */
  #advance(length: number): number {
    const start = this.#position
    if (length > this.#end - start) throw truncated()
    this.#position = start + length
    return start
  }
}

/** A number if that is exact, else a bigint. */
export function narrowed(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

function truncated(): OtlpError {
  return malformed('A message ends in the middle of a field.')
}
