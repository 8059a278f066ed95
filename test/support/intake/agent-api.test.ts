import { promisify } from 'node:util'
import { deflate, gzip, zstdCompress } from 'node:zlib'
import t, { type Test } from 'tap'
import { bytesField, doubleField, numberField, varint } from '../../otlp/wire-writer.ts'
import { NOW_MS, openIntake, post } from './client.ts'

const NOW = NOW_MS / 1000
const COMPRESS = { gzip: promisify(gzip), deflate: promisify(deflate), zstd: promisify(zstdCompress) }

interface SeriesSpec {
  metric?: string
  type?: number
  host?: string
  tags?: string[]
  points?: [timestamp: number, value: number][]
}

/** MetricPayload with one series, as protobuf. */
function seriesBytes({
  metric = 'a.count',
  type = 1,
  host = 'h',
  tags = ['page:home'],
  points = [[NOW, 1]],
}: SeriesSpec) {
  return bytesField(
    1,
    bytesField(1, bytesField(1, 'host'), bytesField(2, host)),
    bytesField(2, metric),
    ...tags.map((tag) => bytesField(3, tag)),
    ...points.map(([timestamp, value]) => bytesField(4, doubleField(1, value), numberField(2, timestamp))),
    numberField(5, type),
    numberField(8, 10),
  )
}

/** The same as the exporter's older client writes it. */
function seriesJson({ metric = 'a.count', type = 1, host = 'h', tags = ['page:home'] }: SeriesSpec) {
  const resources = [{ type: 'host', name: host }]
  const points = [{ timestamp: NOW, value: 1 }]
  return JSON.stringify({ series: [{ interval: 0, metric, points, resources, tags, type }] })
}

const zigzag = (value: number) => varint(value < 0 ? -value * 2 - 1 : value * 2)

interface Bins {
  [key: number]: number
}

function sketchBytes(bins: Bins, { sum = 0, min = -1e12, max = 1e12, timestamp = NOW, count = -1 } = {}) {
  const entries = Object.entries(bins)
  const total = entries.reduce((all, [, each]) => all + each, 0)
  const point = bytesField(
    7,
    numberField(1, timestamp),
    numberField(2, count < 0 ? total : count),
    doubleField(3, min),
    doubleField(4, max),
    doubleField(6, sum),
    bytesField(7, ...entries.map(([key]) => zigzag(Number(key)))),
    bytesField(8, ...entries.map(([, each]) => varint(each))),
  )
  return bytesField(1, bytesField(1, 'a.time'), bytesField(2, 'h'), bytesField(4, 'page:home'), point)
}

async function refusal(t: Test, path: string, body: string | Buffer, headers = {}) {
  const intake = await openIntake(t)
  const { status, text } = await post(`${intake.url}${path}`, body, headers)
  t.match(JSON.parse(text), { errors: [String] }, 'in the form of its API')
  t.equal(intake.refusals.list()[0]?.reason, JSON.parse(text).errors[0], 'and kept')
  return `${status} ${JSON.parse(text).errors[0]}`
}

t.test('series are taken as protobuf and as JSON, in every compression that is used', async (t) => {
  const intake = await openIntake(t)
  const url = `${intake.url}/api/v2/series`
  const bodies = [seriesBytes({}), seriesJson({ host: 'h', tags: ['page:other'] })]
  for (const body of bodies) {
    t.match(await post(url, body), { status: 202, text: '{"errors":[]}' })
    for (const [encoding, compress] of Object.entries(COMPRESS)) {
      const headers = {
        'content-encoding': encoding,
        'content-type': typeof body === 'string' ? 'application/json' : 'application/x-protobuf',
      }
      const compressed = await compress(body)
      t.equal((await post(url, compressed, headers)).status, 202, encoding)
    }
  }
  t.strictSame(
    { ...intake.metrics.sum({ metric: 'a.count', by: ['page', 'host'] }) },
    {
      'page:home,host:h': 1,
      'page:other,host:h': 1,
    },
  )
  t.match(intake.metrics.counters, { received: 8, stored: 2, repeated: 6, overwritten: 0 })
  t.strictSame(intake.refusals.list(), [])
})

t.test('the last value of a second wins here too, and untimely points are dropped silently', async (t) => {
  const intake = await openIntake(t)
  const points: [number, number][] = [
    [NOW, 7],
    [NOW, 5],
    [NOW - 1, 2],
    [NOW - 3601, 1],
    [NOW + 601, 1],
    [NOW - 2, Number.NaN],
  ]
  t.equal((await post(`${intake.url}/api/v2/series`, seriesBytes({ points }))).status, 202)
  t.strictSame({ ...intake.metrics.sum({ metric: 'a.count' }) }, { '': 7 })
  t.match(intake.metrics.counters, { stored: 2, overwritten: 1 })
  t.strictSame(
    intake.refusals.list().map(({ reason, status, count }) => [reason, status, count]),
    [
      ['older than an hour', 200, 1],
      ['more than ten minutes ahead', 200, 1],
      ['not a finite number', 200, 1],
    ],
  )
})

t.test('sketches add up, and their percentiles are within the error of their keys', async (t) => {
  const intake = await openIntake(t)
  const url = `${intake.url}/api/beta/sketches`
  // The keys of 1, 2 and 4, and of -4: the nearest whole number of log(value) / log(γ), plus 1338.
  t.equal((await post(url, sketchBytes({ 1338: 90, 1383: 9, 1427: 1 }, { sum: 112 }))).status, 202)
  const older = sketchBytes({ [-1427]: 100, 0: 100 }, { sum: -400, timestamp: NOW - 1 })
  t.equal((await post(url, older)).status, 202)
  const metric = 'a.time'
  t.strictSame({ ...intake.metrics.count({ metric, filter: ['page:home'] }) }, { '': 300 })
  t.strictSame({ ...intake.metrics.sum({ metric }) }, { '': -288 })
  for (const [fraction, exact] of [
    [0.01, -4],
    [0.5, 0],
    [0.9, 1],
    [0.99, 2],
    [1, 4],
  ] as const) {
    const { value, relativeError } = intake.metrics.percentile({ metric }, fraction)['']!
    t.ok(relativeError < 0.0078, 'of the Agent')
    t.ok(Math.abs(value - exact) <= Math.abs(exact) * relativeError, `p${fraction * 100} is ${value}`)
  }
  t.strictSame(intake.refusals.list(), [])
})

t.test('spans, records and descriptions of hosts are counted, and the key is confirmed', async (t) => {
  const intake = await openIntake(t, { apiKey: 'a key' })
  const big = 2n ** 63n + 1n
  const span = (id: bigint) => bytesField(3, numberField(4, big), numberField(5, id))
  const chunk = bytesField(6, span(big), span(big), span(big + 1n))
  t.equal((await post(`${intake.url}/api/v0.2/traces`, bytesField(5, chunk))).status, 200)
  t.match(intake.traces, { received: 3, distinct: 2 }, 'ids are told apart beyond what a double can')
  t.equal(
    (await post(`${intake.url}/api/v2/logs`, '{}')).status,
    202,
    'the question whether anybody is there',
  )
  t.equal((await post(`${intake.url}/api/v2/logs`, '[{"message":"a"},{"message":"b"}]')).status, 202)
  t.equal(intake.logs.received, 2)
  t.equal((await post(`${intake.url}/intake`, '{"internalHostname":"h"}')).status, 202)
  t.strictSame([...intake.describedHosts], ['h'])
  const validate = `${intake.url}/api/v1/validate`
  t.equal((await fetch(validate, { headers: { 'dd-api-key': 'a key' } })).status, 200)
  t.equal((await fetch(`${validate}?api_key=a%20key`)).status, 200)
  t.equal((await fetch(`${validate}?api_key=another`)).status, 403)
  t.equal((await fetch(validate)).status, 403)
})

t.test('what it does not know it refuses with the reason', async (t) => {
  const series = '/api/v2/series'
  t.match(await refusal(t, '/api/v0.2/stats', ''), /^404 .*not modelled/)
  t.match(await refusal(t, '/api/v2/events', '{}'), /^404 .*not modelled/)
  t.match(await refusal(t, series, seriesBytes({}), { 'dd-api-key': '' }), /^403 .*dd-api-key is missing/)
  t.match(await refusal(t, series, seriesBytes({ type: 2 })), /^400 .*type 2/)
  t.match(await refusal(t, series, seriesBytes({ metric: '' })), /^400 .*no name/)
  t.match(
    await refusal(t, series, seriesJson({}).replace('"host"', '"device"')),
    /^400 .*resource type device/,
  )
  t.match(await refusal(t, series, 'no JSON'), /^400/)
  t.match(await refusal(t, series, seriesBytes({}), { 'content-encoding': 'br' }), /^415/)
  t.match(await refusal(t, series, seriesBytes({}), { 'content-encoding': 'zstd' }), /^400 .*decompressed/)
  t.match(await refusal(t, '/api/beta/sketches', '{}'), /^415/)
  t.match(await refusal(t, '/api/beta/sketches', bytesField(1, bytesField(3))), /^400 .*old form/)
  t.match(await refusal(t, '/api/v0.2/traces', bytesField(11)), /^400 .*Indexed/)
  t.match(await refusal(t, '/api/v2/logs', '[{"text":"a"}]'), /^400 .*no message/)
  t.match(await refusal(t, '/intake', '{"events":{}}'), /^400 .*descriptions of a host/)
})

t.test('a sketch whose bins are not its count is dropped, and named', async (t) => {
  const intake = await openIntake(t)
  await post(`${intake.url}/api/beta/sketches`, sketchBytes({ 1338: 2 }, { count: 3 }))
  t.match(intake.refusals.list(), [{ metric: 'a.time', reason: 'buckets and count differ', status: 200 }])
})

t.test('each endpoint has its limits, sent and decompressed', async (t) => {
  const limits = {
    '/api/v2/series': [512_000, 5_242_880],
    '/api/beta/sketches': [2_621_440, 4_194_304],
    '/api/v0.2/traces': [3_200_000, 3_200_000],
  }
  // A field that no message here has, so that the length alone decides.
  const filled = (bytes: number) => bytesField(100, Buffer.alloc(bytes - (bytes > 2 ** 21 ? 6 : 5)))
  for (const [path, [sent, decompressed]] of Object.entries(limits) as [string, [number, number]][]) {
    const intake = await openIntake(t)
    const url = `${intake.url}${path}`
    t.ok((await post(url, filled(sent))).status < 300, `${path} takes ${sent} bytes`)
    t.equal((await post(url, filled(sent + 1))).status, 413, 'and not one more')
    const zstd = async (bytes: number) => {
      const body = await COMPRESS.zstd(filled(bytes))
      return (await post(url, body, { 'content-encoding': 'zstd' })).status
    }
    t.ok((await zstd(decompressed)) < 300, `${path} takes ${decompressed} decompressed bytes`)
    t.equal(await zstd(decompressed + 1), 413, 'and not one more')
  }
  const intake = await openIntake(t)
  const records = (count: number) => JSON.stringify(new Array(count).fill({ message: 'a' }))
  t.equal((await post(`${intake.url}/api/v2/logs`, records(1000))).status, 202)
  t.equal((await post(`${intake.url}/api/v2/logs`, records(1001))).status, 413)
})
