import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import {
  JsonTraceSerializer,
  ProtobufLogsSerializer,
  ProtobufMetricsSerializer,
  ProtobufTraceSerializer,
} from '@opentelemetry/otlp-transformer'
import t from 'tap'
import { collectLogs, collectMetrics, collectSpans } from '../../otlp/sdk-data.ts'
import { bytesField } from '../../otlp/wire-writer.ts'
import { deltaSum, metricJson, openIntake, pointOf, post } from './client.ts'

const METRICS = '/api/v2/otlpmetrics'
const ONE_VIEW = metricJson('views', deltaSum({ asInt: 1 }))

t.test('a key is needed, and the right one where there is one', async (t) => {
  const intake = await openIntake(t, { apiKey: 'right' })
  for (const [key, status] of [
    ['', 403],
    ['wrong', 403],
    ['right', 200],
  ] as const)
    t.equal((await post(intake.url + METRICS, ONE_VIEW, { 'dd-api-key': key })).status, status)
  t.equal(intake.metrics.counters.stored, 1)
  t.match(intake.refusals.list(), [
    { reason: /missing/, status: 403 },
    { reason: /not known/, status: 403 },
  ])
  const lenient = await openIntake(t)
  t.equal((await post(lenient.url + METRICS, ONE_VIEW, { 'dd-api-key': 'any' })).status, 200)
  t.same(intake.requests, { 200: 1, 403: 2 })
})

t.test(
  'what the SDK sends as deltas is taken whole; as cumulative it is refused whole, with 400',
  async (t) => {
    const intake = await openIntake(t, { now: Date.now })
    const send = async (temporality: 'delta' | 'cumulative') => {
      const body = ProtobufMetricsSerializer.serializeRequest(await collectMetrics({ temporality }))
      return post(intake.url + METRICS, Buffer.from(body!))
    }
    t.match(await send('cumulative'), { status: 400, text: /is cumulative; only deltas are accepted/ })
    t.equal(intake.metrics.counters.received, 0)
    for (const kind of ['histogram', 'exponentialHistogram']) {
      const data = { [kind]: { aggregationTemporality: 2, dataPoints: [pointOf({ count: 1 })] } }
      t.equal((await post(intake.url + METRICS, metricJson(kind, data))).status, 400, kind)
    }
    intake.refusals.forget()
    t.match(await send('delta'), { status: 200, text: '' })
    t.match(intake.metrics.counters, { received: 10, stored: 10 })
    t.same(intake.refusals.list(), [])
  },
)

t.test('points that Datadog drops are dropped silently, and named with the reason', async (t) => {
  const intake = await openIntake(t)
  const exponential = (fields: object) => ({
    exponentialHistogram: {
      aggregationTemporality: 1,
      dataPoints: [pointOf({ count: '2', sum: 2, zeroCount: '2', ...fields })],
    },
  })
  const cases: [string, object][] = [
    ['older than an hour', deltaSum({ asInt: 1, agoMs: 3_600_001 })],
    ['more than ten minutes ahead', deltaSum({ asInt: 1, agoMs: -600_001 })],
    ['no recorded value', deltaSum({ asInt: 1, flags: 1 })],
    ['no value', deltaSum({})],
    ['not a finite number', deltaSum({ asDouble: 'NaN' }, { asDouble: 'Infinity' })],
    ['unspecified temporality', { sum: { isMonotonic: true, dataPoints: [pointOf({ asInt: 1 })] } }],
    ['no observations', exponential({ count: 0, zeroCount: 0 })],
    ['too many observations', exponential({ count: '268431361', zeroCount: '268431361' })],
    ['buckets and count differ', exponential({ positive: { bucketCounts: [1] } })],
    ['not a finite number', exponential({ sum: 'NaN' })],
    ['summaries are not modelled here', { summary: { dataPoints: [pointOf({ count: 1, sum: 1 })] } }],
  ]
  for (const [reason, data] of cases) {
    intake.forget()
    t.match(await post(intake.url + METRICS, metricJson('a.metric', data)), { status: 200, text: '{}' })
    t.match(intake.refusals.list(), [{ signal: 'metrics', metric: 'a.metric', reason, status: 200 }], reason)
    t.equal(intake.metrics.counters.received, 0, reason)
  }
  intake.forget()
  const kept = deltaSum({ asInt: 1, agoMs: 3_600_000 }, { asInt: 1, agoMs: -600_000 })
  await post(intake.url + METRICS, metricJson('a.metric', kept))
  t.equal(intake.metrics.counters.stored, 2, 'the last moment counts')
})

t.test('bodies over the limits are refused with 413, those at the limit are not', async (t) => {
  const intake = await openIntake(t)
  const gzip = { 'content-encoding': 'gzip' }
  // Bytes in a field that no message has: valid, and as large as is wanted. Random ones stay large compressed.
  const plain = (size: number) => bytesField(1000, Buffer.alloc(size))
  const packed = (size: number) => gzipSync(bytesField(1000, randomBytes(size)))
  const statuses = async (path: string, ...bodies: [Buffer, Record<string, string>][]) =>
    Promise.all(
      bodies.map(async ([body, headers]) => (await post(intake.url + path, body as never, headers)).status),
    )
  t.same(
    await statuses(
      METRICS,
      [plain(499_000), {}],
      [plain(501_000), {}],
      [packed(520_000), gzip],
      [packed(526_000), gzip],
      [gzipSync(plain(4_999_000)), gzip],
      [gzipSync(plain(5_001_000)), gzip],
    ),
    [200, 413, 200, 413, 200, 413],
  )
  t.same(await statuses('/v1/logs', [plain(5_340_000), {}], [gzipSync(plain(5_350_000)), gzip]), [200, 413])
  t.same(
    await statuses('/v1/traces', [plain(15_700_000), {}], [gzipSync(plain(15_800_000)), gzip]),
    [200, 413],
  )
})

t.test('spans and records come as protobuf only, and are counted', async (t) => {
  const intake = await openIntake(t)
  const spans = collectSpans(5)
  const traces = Buffer.from(ProtobufTraceSerializer.serializeRequest(spans)!)
  t.equal((await post(`${intake.url}/v1/traces`, traces)).status, 200)
  t.equal(
    (await post(`${intake.url}/v1/traces`, gzipSync(traces), { 'content-encoding': 'gzip' })).status,
    200,
  )
  t.same(intake.traces, { received: 10, distinct: 5 })
  const logs = Buffer.from(ProtobufLogsSerializer.serializeRequest(await collectLogs(3))!)
  t.equal((await post(`${intake.url}/v1/logs`, logs)).status, 200)
  t.same(intake.logs, { received: 3 })
  const json = Buffer.from(JsonTraceSerializer.serializeRequest(spans)!).toString()
  t.match(await post(`${intake.url}/v1/traces`, json), { status: 415, text: /x-protobuf only/ })
})

t.test('what is malformed or goes elsewhere is refused', async (t) => {
  const intake = await openIntake(t)
  const refused = await post(intake.url + METRICS, Buffer.from([0x0a, 0x05]))
  t.equal(refused.status, 400)
  t.equal(refused.headers.get('content-type'), 'application/x-protobuf')
  t.equal(refused.text.charCodeAt(0), 0x12, 'the reason is a Status')
  t.equal((await post(`${intake.url}/v1/metrics`, ONE_VIEW)).status, 404)
  t.equal((await fetch(intake.url + METRICS)).status, 405)
})
