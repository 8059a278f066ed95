import { addAll, type Codec, members } from './codecs.ts'
import { malformed } from './otlp-error.ts'
import { WIRE, type WireReader } from './wire-reader.ts'

/** A field's number, its name in JSON and its type. */
type Field<V> = readonly [number: number, jsonName: string, codec: Codec<V>]

/** By the property that holds the field. The members of a oneof share a property, and the last one sent holds. */
type FieldTable<M> = { readonly [K in keyof M]?: Field<M[K]> | readonly Field<M[K]>[] }

interface BoundField {
  readonly key: string
  readonly codec: Codec<unknown>
}

/**
 * A message's type, made from a table of its fields. `create` gives the message without any field set. Fields outside
 * the table are skipped, as protobuf asks, so newer senders are understood.
 */
export class MessageCodec<M extends object> implements Codec<M> {
  readonly wire = WIRE.bytes
  readonly #create: () => M
  readonly #byNumber: (BoundField | undefined)[] = []
  readonly #byName = new Map<string, BoundField>()

  constructor(create: () => M, table: FieldTable<M>) {
    this.#create = create
    for (const [key, value] of Object.entries(table as Record<string, readonly unknown[]>)) {
      const fields = (Array.isArray(value[0]) ? value : [value]) as Field<unknown>[]
      for (const [number, jsonName, codec] of fields) {
        this.#byNumber[number] = { key, codec }
        this.#byName.set(jsonName, { key, codec })
      }
    }
  }

  read(reader: WireReader, soFar: M | undefined): M {
    const message = this.#continued(soFar)
    const outer = reader.enter()
    this.#readFields(reader, message)
    reader.leave(outer)
    return message
  }

  /** Reads the whole rest of the reader as one message. */
  readWhole(reader: WireReader): M {
    const message = this.#create()
    this.#readFields(reader, message)
    return message
  }

  #readFields(reader: WireReader, message: M): void {
    const target = message as Record<string, unknown>
    while (reader.more) {
      const tag = reader.tag()
      const wire = tag & 7
      const field = this.#byNumber[tag >>> 3]
      if (field === undefined) reader.skip(wire)
      else if (wire === field.codec.wire) target[field.key] = field.codec.read(reader, target[field.key])
      else if (wire === WIRE.bytes && field.codec.readPacked)
        target[field.key] = field.codec.readPacked(reader, target[field.key])
      else throw malformed(`Field ${tag >>> 3} has wire type ${wire} instead of ${field.codec.wire}.`)
    }
  }

  fromJson(json: unknown, soFar: M | undefined): M {
    const message = this.#continued(soFar)
    const target = message as Record<string, unknown>
    for (const [name, value] of Object.entries(members(json))) {
      const field = this.#byName.get(name)
      if (field !== undefined && value !== null)
        target[field.key] = field.codec.fromJson(value, target[field.key])
    }
    return message
  }

  /** A second occurrence merges into the first. In a oneof it does so only for the same member. */
  #continued(soFar: M | undefined): M {
    const fresh = this.#create()
    const isSame = soFar !== undefined && (soFar as Kinded).kind === (fresh as Kinded).kind
    return isSame ? soFar : fresh
  }
}

interface Kinded {
  kind?: unknown
}

/** Several messages of one type. Each counts as an element. */
export function messages<M extends object>(codec: MessageCodec<M>): Codec<M[]> {
  return {
    wire: WIRE.bytes,
    read(reader, soFar) {
      reader.element()
      soFar.push(codec.read(reader, undefined))
      return soFar
    },
    fromJson: (json, soFar) => addAll(soFar, json, (item) => codec.fromJson(item, undefined)),
  }
}
