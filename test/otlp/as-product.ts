import { OTLP_MESSAGES, type OtlpMessage, otlp } from '../support/otlp-messages.ts'
import { type Long, type Messages, toBigInt, toNumber } from '../support/protobuf.ts'

/** What the product calls it, where that is not the specification's name. */
const NAMES: Readonly<Record<string, string>> = {
  startTimeUnixNano: 'startTime',
  endTimeUnixNano: 'endTime',
  timeUnixNano: 'time',
  observedTimeUnixNano: 'observedTime',
  aggregationTemporality: 'temporality',
  isMonotonic: 'monotonic',
  dataPoints: 'points',
  explicitBounds: 'bounds',
  quantileValues: 'quantiles',
  filteredAttributes: 'attributes',
  asInt: 'value',
  asDouble: 'value',
}

const KINDS: Readonly<Record<string, string>> = {
  gauge: 'gauge',
  sum: 'sum',
  histogram: 'histogram',
  exponentialHistogram: 'exponential histogram',
  summary: 'summary',
}

/** A message that the tests' decoder read, in the form that the product's decoder gives it. */
export function asProduct(name: string, message: Record<string, unknown>): Record<string, unknown> {
  const result: Record<string, unknown> = name === 'Metric' ? { data: undefined } : {}
  for (const [field, kind] of Object.entries((OTLP_MESSAGES as Messages)[name]!)) {
    const [, rule, type = ''] = /^(?:(repeated|optional) )?(\w+) \d+$/.exec(kind)!
    const value = message[field]
    const key = name === 'Buckets' && field === 'bucketCounts' ? 'counts' : (NAMES[field] ?? field)
    if (name === 'Metric' && field in KINDS) {
      if (value) result.data = { kind: KINDS[field], ...asProduct(type, value as Record<string, unknown>) }
    } else if (type === 'KeyValue') result[key] = attributes(value as OtlpMessage<'KeyValue'>[])
    else if (rule === 'repeated') result[key] = (value as unknown[]).map((each) => one(type, field, each))
    else if (rule === 'optional') result[key] = value === null ? result[key] : one(type, field, value)
    else result[key] = one(type, field, value)
  }
  return result
}

function one(type: string, field: string, value: unknown): unknown {
  if (field === 'aggregationTemporality')
    return ['unspecified', 'delta', 'cumulative'][value as number] ?? 'unspecified'
  if (field.endsWith('UnixNano')) return toBigInt(value as Long)
  if (type.endsWith('64')) return toNumber(value as Long)
  if (type === 'id') return Buffer.from(value as Uint8Array).toString('hex') || undefined
  if (type === 'AnyValue') return anyValue(value as OtlpMessage<'AnyValue'> | null)
  if (!(type in OTLP_MESSAGES)) return value
  return asProduct(
    type,
    (value ?? otlp.read(type as 'Resource', 'protobuf', Buffer.alloc(0))) as Record<string, unknown>,
  )
}

function attributes(list: OtlpMessage<'KeyValue'>[]): Record<string, unknown> {
  return Object.fromEntries(list.map(({ key, value }) => [key, anyValue(value)]))
}

function anyValue(any: OtlpMessage<'AnyValue'> | null): unknown {
  if (any?.arrayValue) return any.arrayValue.values.map(anyValue)
  if (any?.kvlistValue) return attributes(any.kvlistValue.values)
  if (any?.intValue) {
    const value = toBigInt(any.intValue)
    return Number.isSafeInteger(Number(value)) ? Number(value) : value
  }
  return any?.stringValue ?? any?.boolValue ?? any?.doubleValue ?? any?.bytesValue ?? null
}
