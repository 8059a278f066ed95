import {
  JsonLogsSerializer,
  JsonMetricsSerializer,
  JsonTraceSerializer,
  ProtobufLogsSerializer,
  ProtobufMetricsSerializer,
  ProtobufTraceSerializer,
} from '@opentelemetry/otlp-transformer'
import fc from 'fast-check'
import t from 'tap'
import { decodeRequest, type Encoding, type Signal } from '../../packages/otlp/src/decode.ts'
import { DEFAULT_LIMITS } from '../../packages/otlp/src/limits.ts'
import { OtlpError } from '../../packages/otlp/src/otlp-error.ts'
import { collectLogs, collectMetrics, collectSpans } from './sdk-data.ts'
import { bytesField, numberField, requestWithMetric, varint } from './wire-writer.ts'

interface Sample {
  signal: Signal
  encoding: Encoding
  body: Buffer
}

async function samples(): Promise<Sample[]> {
  const metrics = await collectMetrics()
  const spans = collectSpans(3)
  const logs = await collectLogs()
  const sample = (signal: Signal, encoding: Encoding, body: Uint8Array | undefined) => ({
    signal,
    encoding,
    body: Buffer.from(body!),
  })
  return [
    sample('metrics', 'protobuf', ProtobufMetricsSerializer.serializeRequest(metrics)),
    sample('metrics', 'json', JsonMetricsSerializer.serializeRequest(metrics)),
    sample('traces', 'protobuf', ProtobufTraceSerializer.serializeRequest(spans)),
    sample('traces', 'json', JsonTraceSerializer.serializeRequest(spans)),
    sample('logs', 'protobuf', ProtobufLogsSerializer.serializeRequest(logs)),
    sample('logs', 'json', JsonLogsSerializer.serializeRequest(logs)),
  ]
}

/** What decoding ended in: an answer, or the status of an `OtlpError`. Anything else is thrown on. */
function outcome({ signal, encoding, body }: Sample, limits = DEFAULT_LIMITS): 'decoded' | number {
  try {
    decodeRequest(signal, encoding, body, limits)
    return 'decoded'
  } catch (error) {
    if (error instanceof OtlpError) return error.status
    throw error
  }
}

const protobuf = (body: Buffer): Sample => ({ signal: 'metrics', encoding: 'protobuf', body })
const json = (text: string): Sample => ({ signal: 'metrics', encoding: 'json', body: Buffer.from(text) })

t.test('bytes changed, cut, doubled or put in anywhere end in a request or in an OtlpError', async (t) => {
  const all = await samples()
  const edit = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    remove: fc.nat(12),
    insert: fc.oneof(fc.uint8Array({ maxLength: 12 }), fc.constant(new Uint8Array(10).fill(0xff))),
  })
  const outcomes = new Set<unknown>()
  fc.assert(
    fc.property(fc.constantFrom(...all), fc.array(edit, { minLength: 1, maxLength: 4 }), (sample, edits) => {
      let { body } = sample
      for (const { at, remove, insert } of edits) {
        const position = Math.floor(at * body.length)
        body = Buffer.concat([body.subarray(0, position), insert, body.subarray(position + remove)])
      }
      outcomes.add(outcome({ ...sample, body }))
    }),
    { numRuns: 3000 },
  )
  t.ok(outcomes.has('decoded') && outcomes.has(400), 'both outcomes were met')
})

t.test('a request that is cut off anywhere is refused', async (t) => {
  for (const sample of await samples()) {
    const lengths = Array.from(sample.body.keys())
    const decoded = lengths.filter(
      (length) => outcome({ ...sample, body: sample.body.subarray(0, length) }) !== 400,
    )
    // Nothing at all is an empty request in protobuf, and not JSON.
    t.same(decoded, sample.encoding === 'protobuf' ? [0] : [], `${sample.signal} as ${sample.encoding}`)
  }
})

t.test('any JSON value in the place of any part ends in a request or in an OtlpError', async () => {
  const parts = (await samples()).filter(({ encoding }) => encoding === 'json')
  fc.assert(
    fc.property(
      fc.constantFrom(...parts),
      fc.nat(),
      fc.jsonValue({ maxDepth: 3 }),
      (sample, which, value) => {
        let seen = 0
        const size = sample.body.toString().split(':').length
        const text = JSON.stringify(JSON.parse(sample.body.toString()), (_, part) => {
          seen += 1
          return seen === which % size ? value : part
        })
        if (text !== undefined) outcome({ ...sample, body: Buffer.from(text) })
      },
    ),
    { numRuns: 1500 },
  )
})

t.test('what is malformed is refused with 400', async (t) => {
  const cases: [string, Sample][] = [
    ['a varint without end', protobuf(Buffer.alloc(20, 0xff))],
    ['field number 0', protobuf(Buffer.from([0x02, 0x00]))],
    ['a length beyond its message', protobuf(Buffer.from([0x0a, 0x05, 0x00]))],
    ['a length of 4 GiB', protobuf(Buffer.concat([Buffer.from([0x0a]), varint(0xffffffff)]))],
    ['an inner length beyond the outer one', protobuf(Buffer.from([0x0a, 0x02, 0x12, 0x05, 1, 2, 3, 4, 5]))],
    ['text beyond its message', protobuf(requestWithMetric(Buffer.from([0x0a, 0x05, 0x61])))],
    [
      'a varint beyond its message',
      protobuf(bytesField(1, bytesField(1, Buffer.from([0x10, 0x80])), Buffer.from([0x01]))),
    ],
    ['a group', protobuf(Buffer.from([0x0b, 0x0c]))],
    ['a wire type that the field does not have', protobuf(numberField(1, 5))],
    [
      'an id of 3 bytes',
      {
        signal: 'traces',
        encoding: 'protobuf',
        body: bytesField(1, bytesField(2, bytesField(2, bytesField(1, 'abc')))),
      },
    ],
    ['no JSON', json('{"resourceMetrics": [')],
    ['JSON that is a list', json('[]')],
    ['JSON of the wrong type', json('{"resourceMetrics": {}}')],
    ['null among messages', json('{"resourceMetrics": [null]}')],
    [
      'an integer of a million digits',
      json(`{"resourceMetrics":[{"resource":{"droppedAttributesCount":"${'1'.repeat(1e6)}"}}]}`),
    ],
    [
      'a name for an enumeration',
      {
        signal: 'traces',
        encoding: 'json',
        body: Buffer.from('{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":"SPAN_KIND_SERVER"}]}]}]}'),
      },
    ],
  ]
  for (const [title, sample] of cases) t.equal(outcome(sample), 400, title)
})

t.test('what nests too deep or has too many parts is refused with 413', async (t) => {
  let value = bytesField(1, 'deep')
  for (let depth = 0; depth < 70; depth += 1) value = bytesField(5, bytesField(1, value))
  const attribute = Buffer.concat([bytesField(1, 'key'), bytesField(2, value)])
  const deep = requestWithMetric(bytesField(12, attribute))
  t.equal(outcome(protobuf(deep)), 413, 'deep protobuf')
  t.equal(outcome(protobuf(deep), { ...DEFAULT_LIMITS, maxDepth: 1000 }), 'decoded')
  t.equal(outcome(json('['.repeat(1e6))), 413, 'deep JSON')
  t.equal(outcome(json(`{"a": "\\"${'['.repeat(1000)}"}`)), 'decoded', 'brackets within text do not nest')
  const many = Buffer.alloc(2_000_000, Buffer.from([0x0a, 0x00]))
  t.equal(outcome(protobuf(many)), 413, 'a million empty messages')
  t.equal(outcome(json(`{"resourceMetrics":[${'{},'.repeat(3e6)}{}]}`)), 413, 'the same in JSON')
  const attributes = Buffer.concat(Array.from({ length: 11 }, () => bytesField(1, bytesField(1, 'k'))))
  const limits = { ...DEFAULT_LIMITS, maxElements: 11 }
  t.equal(outcome(protobuf(bytesField(1, bytesField(1, attributes))), limits), 413, 'attributes count')
})
