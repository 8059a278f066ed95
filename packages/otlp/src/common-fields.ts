/**
 * Field tables of opentelemetry/proto/common/v1/common.proto and resource/v1/resource.proto (opentelemetry-proto
 * v1.11.0).
 */
import { addAll, bytes, type Codec, double, flag, int64, members, mismatch, text, uint32 } from './codecs.ts'
import { MessageCodec } from './message.ts'
import type { AnyValue, Attributes, Resource, Scope } from './model.ts'
import { malformed } from './otlp-error.ts'
import { WIRE, type WireReader } from './wire-reader.ts'

/** An object with an empty prototype keeps V8's fast layout. An object without a prototype loses it. */
class Bag {
  [key: string]: AnyValue
}
Reflect.deleteProperty(Bag.prototype, 'constructor')
Object.freeze(Object.setPrototypeOf(Bag.prototype, null))

export function noAttributes(): Attributes {
  return new Bag()
}

/** AnyValue is a message with a oneof. The model has the value alone. */
export const anyValue: Codec<AnyValue> = {
  wire: WIRE.bytes,
  read(reader) {
    const outer = reader.enter()
    let value: AnyValue = null
    while (reader.more) value = readMember(reader, reader.tag(), value)
    reader.leave(outer)
    return value
  },
  fromJson(json) {
    let value: AnyValue = null
    for (const [name, member] of Object.entries(members(json))) {
      const convert = JSON_MEMBERS.get(name)
      if (convert !== undefined && member !== null) value = convert(member)
    }
    return value
  },
}

function readMember(reader: WireReader, tag: number, soFar: AnyValue): AnyValue {
  switch (tag) {
    case (1 << 3) | WIRE.bytes:
      return reader.string()
    case (2 << 3) | WIRE.varint:
      return reader.bool()
    case (3 << 3) | WIRE.varint:
      return reader.int64()
    case (4 << 3) | WIRE.fixed64:
      return reader.double()
    case (5 << 3) | WIRE.bytes:
      return readRepeated(reader, [] as AnyValue[], anyValueItem)
    case (6 << 3) | WIRE.bytes:
      return readRepeated(reader, noAttributes(), keyValues)
    case (7 << 3) | WIRE.bytes:
      return reader.copiedBytes()
    default:
      if (tag >>> 3 <= 7) throw malformed(`Field ${tag >>> 3} of a value has wire type ${tag & 7}.`)
      reader.skip(tag & 7)
      return soFar
  }
}

/** ArrayValue and KeyValueList have one field, number 1, and it is repeated. */
function readRepeated<V>(reader: WireReader, soFar: V, item: { read(reader: WireReader, soFar: V): V }): V {
  const outer = reader.enter()
  while (reader.more) {
    const tag = reader.tag()
    if (tag === ((1 << 3) | WIRE.bytes)) item.read(reader, soFar)
    else if (tag >>> 3 === 1) throw malformed(`Field 1 of a list has wire type ${tag & 7}.`)
    else reader.skip(tag & 7)
  }
  reader.leave(outer)
  return soFar
}

const anyValueItem = {
  read(reader: WireReader, soFar: AnyValue[]) {
    reader.element()
    soFar.push(anyValue.read(reader, null))
    return soFar
  },
}

/** Repeated KeyValue, as one record. */
export const keyValues: Codec<Attributes> = {
  wire: WIRE.bytes,
  read(reader, soFar) {
    reader.element()
    const outer = reader.enter()
    let key = ''
    let value: AnyValue = null
    while (reader.more) {
      const tag = reader.tag()
      if (tag === ((1 << 3) | WIRE.bytes)) key = reader.string()
      else if (tag === ((2 << 3) | WIRE.bytes)) value = anyValue.read(reader, value)
      else if (tag >>> 3 <= 2) throw malformed(`Field ${tag >>> 3} of a key has wire type ${tag & 7}.`)
      else reader.skip(tag & 7)
    }
    reader.leave(outer)
    soFar[key] = value
    return soFar
  },
  fromJson(json, soFar) {
    if (!Array.isArray(json)) throw mismatch('a list', json)
    for (const item of json) {
      const { key, value } = members(item)
      const name = key === undefined || key === null ? '' : text.fromJson(key, '')
      soFar[name] = value === undefined || value === null ? null : anyValue.fromJson(value, null)
    }
    return soFar
  },
}

const JSON_MEMBERS = new Map<string, (json: unknown) => AnyValue>([
  ['stringValue', (json) => text.fromJson(json, '')],
  ['boolValue', (json) => flag.fromJson(json, false)],
  ['intValue', (json) => int64.fromJson(json, 0)],
  ['doubleValue', (json) => double.fromJson(json, 0)],
  ['arrayValue', (json) => addAll([], valuesOf(json), (value) => anyValue.fromJson(value, null))],
  ['kvlistValue', (json) => keyValues.fromJson(valuesOf(json), noAttributes())],
  ['bytesValue', (json) => bytes.fromJson(json, new Uint8Array())],
])

function valuesOf(json: unknown): unknown {
  return members(json).values ?? []
}

export function emptyResource(): Resource {
  return { attributes: noAttributes(), droppedAttributesCount: 0 }
}

export const resource = new MessageCodec<Resource>(emptyResource, {
  attributes: [1, 'attributes', keyValues],
  droppedAttributesCount: [2, 'droppedAttributesCount', uint32],
})

export function emptyScope(): Scope {
  return { name: '', version: '', attributes: noAttributes(), droppedAttributesCount: 0 }
}

export const scope = new MessageCodec<Scope>(emptyScope, {
  name: [1, 'name', text],
  version: [2, 'version', text],
  attributes: [3, 'attributes', keyValues],
  droppedAttributesCount: [4, 'droppedAttributesCount', uint32],
})
