import type { Temporality } from './model.ts'
import { malformed } from './otlp-error.ts'
import { narrowed, WIRE, type WireReader } from './wire-reader.ts'

/**
 * How one type of field is read, from protobuf's wire and from its JSON mapping (protobuf.dev/programming-guides/json,
 * with the deviations of opentelemetry-proto's docs/specification.md, "JSON Protobuf Encoding"). Both take the field's
 * value so far: a repeated field adds to it, and a message that comes twice merges.
 */
export interface Codec<V> {
  /** The wire type that the field must have. */
  readonly wire: number
  /** Repeated numbers may come packed into one value; this reads such a value. */
  readPacked?(reader: WireReader, soFar: V): V
  read(reader: WireReader, soFar: V): V
  /** Never called with null or undefined: both mean that the field is not set. */
  fromJson(json: unknown, soFar: V): V
}

export const text: Codec<string> = {
  wire: WIRE.bytes,
  read: (reader) => reader.string(),
  fromJson(json) {
    if (typeof json !== 'string') throw mismatch('a string', json)
    return json
  },
}

export const flag: Codec<boolean> = {
  wire: WIRE.varint,
  read: (reader) => reader.bool(),
  fromJson(json) {
    if (typeof json !== 'boolean') throw mismatch('true or false', json)
    return json
  },
}

export const double: Codec<number> = {
  wire: WIRE.fixed64,
  read: (reader) => reader.double(),
  fromJson(json) {
    if (typeof json === 'number') return json
    if (json === 'NaN') return Number.NaN
    if (json === 'Infinity' || json === '-Infinity') return Number(json)
    if (typeof json === 'string' && /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(json)) return Number(json)
    throw mismatch('a number', json)
  },
}

/** The same for an optional field. */
export const optionalDouble = double as Codec<number | undefined>

/** Nanoseconds since the epoch. */
export const nanoseconds: Codec<bigint> = {
  wire: WIRE.fixed64,
  read: (reader) => reader.fixed64(),
  fromJson: (json) => BigInt.asUintN(64, wholeNumber(json)),
}

export const fixed64: Codec<number> = {
  wire: WIRE.fixed64,
  read: (reader) => reader.fixed64Number(),
  fromJson: count,
}

export const uint64: Codec<number> = {
  wire: WIRE.varint,
  read: (reader) => reader.uint64(),
  fromJson: count,
}

export const signedFixed64: Codec<number | undefined> = {
  wire: WIRE.fixed64,
  read: (reader) => reader.sfixed64Number(),
  fromJson: (json) => Number(wholeNumber(json)),
}

export const int64: Codec<number | bigint> = {
  wire: WIRE.varint,
  read: (reader) => reader.int64(),
  fromJson: (json) => narrowed(BigInt.asIntN(64, wholeNumber(json))),
}

export const uint32: Codec<number> = {
  wire: WIRE.varint,
  read: (reader) => reader.uint32(),
  fromJson: (json) => Number(wholeNumber(json)) >>> 0,
}

export const sint32: Codec<number> = {
  wire: WIRE.varint,
  read: (reader) => reader.sint32(),
  fromJson: (json) => Number(wholeNumber(json)) | 0,
}

export const fixed32: Codec<number> = {
  wire: WIRE.fixed32,
  read: (reader) => reader.fixed32(),
  fromJson: (json) => Number(wholeNumber(json)) >>> 0,
}

/** In JSON a number only: OTLP forbids the names that protobuf would allow. */
export const enumeration: Codec<number> = {
  wire: WIRE.varint,
  read: (reader) => reader.int32(),
  fromJson(json) {
    if (!Number.isInteger(json)) throw mismatch('a whole number', json)
    return Number(json) | 0
  },
}

const TEMPORALITIES: readonly Temporality[] = ['unspecified', 'delta', 'cumulative']

export const temporality: Codec<Temporality> = {
  wire: WIRE.varint,
  read: (reader) => TEMPORALITIES[reader.int32()] ?? 'unspecified',
  fromJson: (json, soFar) => TEMPORALITIES[enumeration.fromJson(json, 0)] ?? soFar,
}

export const bytes: Codec<Uint8Array> = {
  wire: WIRE.bytes,
  read: (reader) => reader.copiedBytes(),
  fromJson(json) {
    if (typeof json !== 'string' || !/^[\w+/-]*={0,2}$/.test(json)) throw mismatch('base64', json)
    return new Uint8Array(Buffer.from(json, 'base64'))
  },
}

/** Ids of traces (16 bytes) or spans (8): hexadecimal in JSON, where protobuf's own mapping has base64. */
function id(length: number): Codec<string | undefined> {
  const pattern = new RegExp(`^[0-9a-f]{${length * 2}}$`)
  return {
    wire: WIRE.bytes,
    read: (reader) => reader.id(length),
    fromJson(json) {
      if (json === '') return undefined
      const hex = typeof json === 'string' ? json.toLowerCase() : ''
      if (!pattern.test(hex)) throw mismatch(`${length * 2} hexadecimal digits`, json)
      return hex
    },
  }
}

export const traceId = id(16)
export const spanId = id(8)

/** Several numbers, packed or one by one. They do not count as elements: a byte becomes eight bytes at most. */
export function numbers(item: Codec<number>): Codec<number[]> {
  return {
    wire: item.wire,
    readPacked(reader, soFar) {
      const outer = reader.enter()
      while (reader.more) soFar.push(item.read(reader, 0))
      reader.leave(outer)
      return soFar
    },
    read(reader, soFar) {
      soFar.push(item.read(reader, 0))
      return soFar
    },
    fromJson: (json, soFar) => addAll(soFar, json, (value) => item.fromJson(value, 0)),
  }
}

export function addAll<V>(soFar: V[], json: unknown, convert: (value: unknown) => V): V[] {
  if (!Array.isArray(json)) throw mismatch('a list', json)
  for (const value of json) soFar.push(convert(value))
  return soFar
}

/** The entries of a JSON object. */
export function members(json: unknown): Record<string, unknown> {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw mismatch('an object', json)
  return json as Record<string, unknown>
}

/**
 * JSON's numbers are doubles, so 64-bit integers come as text. Narrower integers are numbers, and so are those of
 * lenient senders.
 */
function wholeNumber(json: unknown): bigint {
  if (typeof json === 'number' && Number.isInteger(json) && Math.abs(json) < 2 ** 64) return BigInt(json)
  // No 64-bit integer has more digits. The time of a conversion grows with the square of their number.
  if (typeof json === 'string' && /^-?\d{1,20}$/.test(json)) return BigInt(json)
  throw mismatch('a whole number', json)
}

function count(json: unknown): number {
  return Number(BigInt.asUintN(64, wholeNumber(json)))
}

export function mismatch(expected: string, json: unknown) {
  const shown = JSON.stringify(json) ?? 'nothing'
  return malformed(`Expected ${expected}, got ${shown.length > 40 ? `${shown.slice(0, 40)}…` : shown}.`)
}
