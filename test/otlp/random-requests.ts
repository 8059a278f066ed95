import fc from 'fast-check'
import { OTLP_MESSAGES } from '../support/otlp-messages.ts'
import type { Messages } from '../support/protobuf.ts'

/** Fields of which a sender sets one at most. */
const ONEOFS: Readonly<Record<string, readonly string[]>> = {
  AnyValue: Object.keys(OTLP_MESSAGES.AnyValue),
  Metric: ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'],
  NumberDataPoint: ['asDouble', 'asInt'],
  Exemplar: ['asDouble', 'asInt'],
}

const text = fc.string({ unit: 'binary', maxLength: 30 })
const whole = (min: bigint, max: bigint) => fc.oneof(fc.bigInt(min, max), fc.bigInt(0n, 300n)).map(String)

/** 64-bit integers are text, which protobufjs writes and JSON has. JSON knows no -0. */
const SCALARS: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  string: text,
  bool: fc.boolean(),
  double: fc.double().map((value) => value || (value === 0 ? 0 : Number.NaN)),
  int32: fc.integer({ min: 0, max: 30 }),
  sint32: fc.integer(),
  uint32: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  fixed32: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  int64: whole(-(2n ** 63n), 2n ** 63n - 1n),
  sfixed64: whole(-(2n ** 63n), 2n ** 63n - 1n),
  uint64: whole(0n, 2n ** 64n - 1n),
  fixed64: whole(0n, 2n ** 64n - 1n),
  bytes: fc.uint8Array({ maxLength: 20 }),
}

/** A message whose fields are any that the specification allows, set or not. */
export function messageOf(name: string, depth = 0): fc.Arbitrary<Record<string, unknown>> {
  const fields = Object.entries((OTLP_MESSAGES as Messages)[name]!)
  const arbitrary = ([field, kind]: [string, string]) => {
    const [, rule, type = ''] = /^(?:(repeated|optional) )?(\w+) \d+$/.exec(kind)!
    const one =
      type === 'id'
        ? idOf(field === 'traceId' ? 16 : 8)
        : (SCALARS[type] ?? (() => messageOf(type, depth + 1)))
    const value = typeof one === 'function' ? fc.constant(null).chain(one) : one
    return rule === 'repeated' ? fc.array(value, { maxLength: depth > 6 ? 1 : 3 }) : value
  }
  const oneof = ONEOFS[name] ?? []
  const others = fields.filter(([field]) => !oneof.includes(field))
  const all = fc.record(Object.fromEntries(others.map((each) => [each[0], arbitrary(each)])), {
    requiredKeys: [],
  })
  if (oneof.length === 0) return all
  // Values within values end somewhere.
  const members = fields.filter(
    ([field]) => oneof.includes(field) && (depth < 10 || !/List|Array/.test(field)),
  )
  const member = fc.oneof(
    fc.constant({}),
    ...members.map((each) => fc.record({ [each[0]]: arbitrary(each) })),
  )
  return fc.tuple(all, member).map(([one, other]) => ({ ...one, ...other }))
}

function idOf(bytes: number): fc.Arbitrary<Uint8Array> {
  return fc.oneof(fc.uint8Array({ minLength: bytes, maxLength: bytes }), fc.constant(new Uint8Array()))
}

/** The message as OTLP/JSON has it. */
export function jsonOf(name: string, message: Record<string, unknown>): unknown {
  const kinds = (OTLP_MESSAGES as Messages)[name]!
  const one = (type: string, value: unknown): unknown => {
    if (type === 'id') return Buffer.from(value as Uint8Array).toString('hex')
    if (type === 'bytes') return Buffer.from(value as Uint8Array).toString('base64')
    if (type === 'double') return Number.isFinite(value) ? value : String(value)
    return type in OTLP_MESSAGES ? jsonOf(type, value as Record<string, unknown>) : value
  }
  return Object.fromEntries(
    Object.entries(message).map(([field, value]) => {
      const [, type = ''] = /(\w+) \d+$/.exec(kinds[field]!)!
      return [field, Array.isArray(value) ? value.map((each) => one(type, each)) : one(type, value)]
    }),
  )
}
