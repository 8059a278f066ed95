import protobuf from 'protobufjs/light.js'

export type Long = protobuf.Long

export type Encoding = 'protobuf' | 'json'

/**
 * Messages as a specification writes them: `string 1`, `repeated KeyValue 7`, `optional double 5`. An `id` is bytes that
 * JSON writes as hexadecimal digits, an enumeration is an `int32`, and the members of a oneof are optional.
 */
export type Messages = Readonly<Record<string, Readonly<Record<string, string>>>>

interface Scalars {
  string: string
  bool: boolean
  double: number
  int32: number
  sint32: number
  uint32: number
  fixed32: number
  int64: Long
  uint64: Long
  fixed64: Long
  sfixed64: Long
  bytes: Uint8Array
  id: Uint8Array
}

type One<M extends Messages, T> = T extends keyof Scalars
  ? Scalars[T]
  : T extends keyof M
    ? Message<M, T>
    : never

type Value<M extends Messages, F> = F extends `repeated ${infer T} ${number}`
  ? One<M, T>[]
  : F extends `optional ${infer T} ${number}`
    ? One<M, T> | null
    : F extends `${infer T} ${number}`
      ? One<M, T> | (T extends keyof M ? null : never)
      : never

/** What was not sent is 0, '' or an empty list; a message or an optional field that was not sent is null. */
export type Message<M extends Messages, N extends keyof M> = {
  readonly [F in keyof M[N]]: Value<M, M[N][F]>
}

/** Reads and writes messages by protobufjs, which shares no code with the product's decoder. JSON is read here. */
export class Protobuf<const M extends Messages> {
  readonly #types = new Map<string, protobuf.Type>()
  readonly #ids = new Set<protobuf.Field>()

  constructor(messages: M) {
    const root = new protobuf.Root()
    const optional: (() => void)[] = []
    for (const [name, fields] of Object.entries(messages)) {
      const type = new protobuf.Type(name)
      for (const [key, text] of Object.entries(fields)) {
        const [, rule, kind = '', number] = /^(?:(repeated|optional) )?(\w+) (\d+)$/.exec(text)!
        const isId = kind === 'id'
        const field = new protobuf.Field(key, Number(number), isId ? 'bytes' : kind, rule, undefined, {
          packed: true,
        })
        type.add(field)
        if (isId) this.#ids.add(field)
        // protobufjs would have the type's zero there.
        if (rule === 'optional') optional.push(() => Object.assign(type.ctor.prototype, { [key]: null }))
      }
      root.add(type)
      this.#types.set(name, type)
    }
    root.resolveAll()
    for (const setNull of optional) setNull()
  }

  /** Throws where the bytes or the JSON are not such a message. */
  read<N extends keyof M & string>(name: N, encoding: Encoding, bytes: Buffer): Message<M, N> {
    const type = this.#types.get(name)!
    const message =
      encoding === 'protobuf' ? type.decode(bytes) : this.#fromJson(type, JSON.parse(bytes.toString('utf8')))
    return message as unknown as Message<M, N>
  }

  write(name: keyof M & string, fields: object): Buffer {
    return Buffer.from(this.#types.get(name)!.encode(fields).finish())
  }

  #fromJson(type: protobuf.Type, json: unknown): object {
    if (typeof json !== 'object' || json === null || Array.isArray(json))
      throw new TypeError(`${type.name} is an object, not ${JSON.stringify(json)}.`)
    const message = type.create() as unknown as Record<string, unknown>
    for (const [name, value] of Object.entries(json)) {
      const field = Object.hasOwn(type.fields, name) ? type.fields[name] : undefined
      // A name that is not known is a newer sender's, and null says that the field is not set.
      if (field === undefined || value === null) continue
      if (field.repeated && !Array.isArray(value)) throw new TypeError(`${type.name}.${name} is a list.`)
      message[name] = field.repeated
        ? value.map((each: unknown) => this.#valueFromJson(field, each))
        : this.#valueFromJson(field, value)
    }
    return message
  }

  /** protobuf's JSON mapping, with OTLP's own rules: hexadecimal ids, and enumerations as numbers only. */
  #valueFromJson(field: protobuf.Field, json: unknown): unknown {
    const { type, resolvedType } = field
    if (resolvedType) return this.#fromJson(resolvedType as protobuf.Type, json)
    const isText = typeof json === 'string'
    if (type === 'string' ? isText : type === 'bool' && typeof json === 'boolean') return json
    if (type === 'double' && (typeof json === 'number' || (isText && DOUBLE.test(json)))) return Number(json)
    if (NARROW.has(type) && Number.isInteger(json)) return json
    if (WIDE.has(type) && (Number.isInteger(json) || (isText && WHOLE.test(json))))
      return protobuf.util.LongBits.from(String(json)).toLong(UNSIGNED.has(type))
    const isId = this.#ids.has(field)
    if (type === 'bytes' && isText && (isId ? HEXADECIMAL : BASE64).test(json))
      return Buffer.from(json, isId ? 'hex' : 'base64')
    throw new TypeError(`${field.parent?.name}.${field.name} is ${type}, not ${JSON.stringify(json)}.`)
  }
}

const NARROW = new Set(['int32', 'sint32', 'uint32', 'fixed32'])
const UNSIGNED = new Set(['uint64', 'fixed64'])
const WIDE = new Set([...UNSIGNED, 'int64', 'sfixed64'])
const WHOLE = /^-?\d+$/
const DOUBLE = /^(-?\d+(\.\d+)?(e[+-]?\d+)?|NaN|-?Infinity)$/i
const HEXADECIMAL = /^([\da-f]{2})*$/i
const BASE64 = /^[\w+/-]*={0,2}$/

/** As a double, rounded above 2^53. */
export function toNumber({ high, low, unsigned }: Long): number {
  return (unsigned ? high >>> 0 : high) * 2 ** 32 + (low >>> 0)
}

export function toBigInt({ high, low, unsigned }: Long): bigint {
  return (BigInt(unsigned ? high >>> 0 : high) << 32n) | BigInt(low >>> 0)
}
