import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { ProtobufMetricsSerializer } from '@opentelemetry/otlp-transformer'
import { test } from 'tap'
import { decodeRequest } from '../../packages/otlp/src/decode.ts'
import type { MetricsRequest } from '../../packages/otlp/src/model.ts'
import { MetricStore } from '../../packages/viewer/src/store/metric-store.ts'
import { Refusals } from '../../packages/viewer/src/store/refusals.ts'
import { TelemetryStore } from '../../packages/viewer/src/telemetry-store.ts'
import { collectMetrics } from '../otlp/sdk-data.ts'
import {
  attributesOf,
  exponential,
  gauge,
  histogram,
  lastMinute,
  metricsJson,
  observed,
  openViewer,
  type PointSpec,
  sum,
  type Values,
  type ViewerClient,
} from './viewer-client.ts'

const total = async (client: ViewerClient, q: string) =>
  (await client.values(q, { seconds: 3600 }))[0]?.value ?? null

test('kinds, names and tags are those that Datadog makes of OTLP', async (t) => {
  const client = await openViewer(t)
  const second = lastMinute()
  const resource: Values = {
    'host.name': 'Box',
    'service.name': 'Shop',
    'service.version': '1.2',
    'deployment.environment.name': 'prod',
    'service.instance.id': 'box:3000',
    support: 'team one',
    'process.pid': 7,
  }
  const attributes = { 'http.route': '/v1/users/{id}', Method: 'GET', n: 3, yes: true }
  await client.send(
    [
      sum('web.views', [{ attributes, second, asInt: '3' }]),
      sum('up-down', [{ second, asInt: '-2' }], 'cumulative', false),
      gauge('rows', [{ second, asDouble: 115.5 }]),
      exponential('time', [{ second, ...observed([1, 2], 4) }]),
    ],
    resource,
  )
  const { json } = await client.get('/api/metrics?name=web.views')
  t.match(json.metrics[0], {
    name: 'web.views',
    kind: 'count',
    unit: '{view}',
    description: 'what web.views counts',
    series: 1,
  })
  t.strictSame(json.metrics[0].tags, {
    env: ['prod'],
    host: ['box'],
    'http.route': ['/v1/users/_id_'],
    method: ['get'],
    n: ['3'],
    service: ['shop'],
    'service.instance.id': ['box:3000'],
    support: ['team_one'],
    version: ['1.2'],
    yes: ['true'],
  })
  const kinds = (await client.get('/api/metrics')).json.metrics.map(
    ({ name, kind }: Values) => `${name} ${kind}`,
  )
  t.strictSame(kinds, ['rows gauge', 'time distribution', 'up_down gauge', 'web.views count'])
  t.equal((await client.get('/api/metrics?name=web')).status, 404)
})

test('one value stays for each metric, tags, host and second: the last', async (t) => {
  const client = await openViewer(t)
  const second = lastMinute()
  const send = (fields: object, tags: Values = {}) =>
    client.send([sum('views', [{ second, attributes: tags, asInt: '5', ...fields }])])
  await send({})
  await send({})
  t.match((await client.status()).metrics, { received: 2, stored: 1, repeated: 1, overwritten: 0 })
  await send({ asInt: '7' })
  t.equal(await total(client, 'sum:views{*}'), 7)
  await send({ timeUnixNano: `${second}500000000`, asInt: '7' })
  t.match(
    (await client.status()).metrics,
    { overwritten: 2 },
    'the same value of another moment is another point',
  )
  await send({ asInt: '1' }, { a: '1', b: '2' })
  await send({ asInt: '2' }, { b: '2', a: '1' })
  t.equal(await total(client, 'sum:views{a:1}'), 2, 'the order of tags makes no other series')
  await client.send([
    sum('views', [
      { second: second - 5, asInt: '10' },
      { second: second + 1, asInt: '20' },
    ]),
  ])
  t.equal(await total(client, 'sum:views{!a:1}'), 37, 'points may come late')
  t.match((await client.status()).metrics, {
    received: 8,
    stored: 4,
    repeated: 1,
    overwritten: 3,
    kept: 4,
    series: 2,
  })
})

test('cumulative sums and histograms are kept as what they grew by', async (t) => {
  const client = await openViewer(t)
  const now = Math.floor(Date.now() / 1000)
  const long = { startSecond: now - 3000 }
  const count = (second: number, asInt: number, more: Partial<PointSpec> = long, attributes: Values = {}) =>
    client.send([sum('views', [{ second, asInt: String(asInt), attributes, ...more }], 'cumulative')])
  await count(now - 40, 1000)
  t.equal(await total(client, 'sum:views{*}'), null, 'what was before the first point is not known')
  await count(now - 30, 1004)
  await count(now - 30, 1004)
  await count(now - 20, 1010)
  t.equal(await total(client, 'sum:views{*}'), 10)
  await count(now - 10, 3, { startSecond: now - 15 })
  t.equal(await total(client, 'sum:views{*}'), 13, 'a new start counts whole')
  await count(now - 8, 20, { startSecond: now - 9 })
  t.equal(await total(client, 'sum:views{*}'), 33, 'also where it is more than before')
  await count(now - 5, 2, { startSecond: now - 15 })
  t.equal(await total(client, 'sum:views{*}'), 35, 'and so does what shrank')
  await count(now + 200, 6, { startSecond: now + 100 }, { late: 'yes' })
  t.equal(await total(client, 'sum:views{late:yes}'), null, 'not yet')
  const ahead = (
    await client.values('sum:views{late:yes}', { from: (now - 60) * 1000, to: (now + 300) * 1000 })
  )[0]
  t.equal(ahead?.value, 6, 'what began after the viewer did was never missed')

  const explicit = (second: number, bucketCounts: number[]) =>
    client.send([
      histogram(
        'wait',
        [
          {
            second,
            ...long,
            count: bucketCounts.reduce((a, b) => a + b),
            sum: second,
            bucketCounts,
            explicitBounds: [1, 2],
          },
        ],
        'cumulative',
      ),
    ])
  await explicit(now - 40, [1, 1, 1])
  await explicit(now - 30, [1, 5, 1])
  t.equal(await total(client, 'count:wait{*}'), 4)
  t.equal(await total(client, 'sum:wait{*}'), 10)
  const p50 = await total(client, 'p50:wait{*}')
  t.ok(p50 !== null && p50 > 1 && p50 < 2, `what grew is between 1 and 2: ${p50}`)

  const values = [0.5, 0.7, 3]
  const finer = observed(values, 6)
  const coarser = observed([...values, 40, 50, 60], 4)
  await client.send([exponential('time', [{ second: now - 40, ...long, ...finer }], 'cumulative')])
  await client.send([exponential('time', [{ second: now - 30, ...long, ...coarser }], 'cumulative')])
  t.equal(await total(client, 'count:time{*}'), 3)
  t.equal(await total(client, 'sum:time{*}'), 150)
  const median = (await total(client, 'p50:time{*}')) as number
  t.ok(Math.abs(median / 50 - 1) < 0.03, `the median of what was new: ${median}`)
  t.match((await client.status()).metrics, { received: 12, stored: 8, repeated: 1, bases: 3, refused: 0 })
})

test('what grew twice in a second, and in several processes with the same tags, is all there', async (t) => {
  const client = await openViewer(t)
  const now = Math.floor(Date.now() / 1000)
  // Begun after the viewer did; the clock of a test does not wait for it.
  const [one, other, third] = [now + 100, now + 103, now + 130]
  const views = (startSecond: number, second: number, asInt: number) =>
    sum('views', [{ startSecond, second, asInt: String(asInt) }], 'cumulative')
  const times = (startSecond: number, second: number, values: number[], nanoseconds: string) => {
    const point = { startSecond, second, ...observed(values, 6), timeUnixNano: `${second}${nanoseconds}` }
    return exponential('time', [point], 'cumulative')
  }
  await client.send([views(one, now + 110, 5), times(one, now + 110, [0.5, 2], '100000000')])
  // What an SDK sends last as its process ends comes soon after what it sent before.
  await client.send([times(one, now + 110, [0.5, 2, 3, 4, 8], '900000000')])
  await client.send([views(other, now + 110, 70), views(one, now + 120, 6), views(other, now + 120, 90)])
  await client.send([views(third, now + 140, 1000), views(one, now + 141, 8)])

  const window = { from: now * 1000, to: (now + 200) * 1000 }
  const value = async (q: string) => (await client.values(q, window))[0]?.value as number
  t.equal(await value('sum:views{*}'), 8 + 90 + 1000)
  t.equal(await value('count:time{*}'), 5)
  t.equal(await value('sum:time{*}'), 17.5)
  t.equal(await value('min:time{*}'), 0.5)
  t.equal(await value('max:time{*}'), 8)
  const p50 = await value('p50:time{*}')
  t.ok(Math.abs(p50 / 3 - 1) < 0.01, `the third of five is 3: ${p50}`)
  t.match((await client.status()).metrics, { received: 8, stored: 5, added: 3, overwritten: 0, bases: 0 })
})

test('extremes of what grew are those that moved, and otherwise no wider than all there was', async (t) => {
  const client = await openViewer(t)
  const now = Math.floor(Date.now() / 1000)
  const begin = now + 100
  const bounds = [0, 5, 10, 100]
  const explicit = (second: number, values: number[]) => {
    const bucketCounts = [...bounds, Number.POSITIVE_INFINITY].map(
      (upper, index) =>
        values.filter((value) => value <= upper && value > (bounds[index - 1] ?? Number.NEGATIVE_INFINITY))
          .length,
    )
    const { count, sum, min, max } = observed(values, 0)
    const point = { second, startSecond: begin, count, sum, min, max, bucketCounts, explicitBounds: bounds }
    return histogram('basket', [point], 'cumulative')
  }
  const fine = (second: number, values: number[]) =>
    exponential('time', [{ second, startSecond: begin, ...observed(values, 6) }], 'cumulative')
  const rounds = [[7, 20], [3], [250, 8], [9]]
  const all: number[] = []
  for (const [index, round] of rounds.entries()) {
    all.push(...round)
    await client.send([explicit(now + 110 + index, all), fine(now + 110 + index, all)])
  }
  const extremes = async (name: string, index: number) => {
    const window = { from: (now + 110 + index) * 1000, to: (now + 111 + index) * 1000 }
    const [min] = await client.values(`min:${name}{*}`, window)
    const [max] = await client.values(`max:${name}{*}`, window)
    return [min?.value, max?.value] as number[]
  }
  t.strictSame(await extremes('basket', 0), [7, 20])
  t.strictSame(await extremes('basket', 1), [3, 5])
  t.strictSame(await extremes('basket', 2), [5, 250])
  t.strictSame(await extremes('basket', 3), [5, 10])
  const [low, high] = (await extremes('time', 3)) as [number, number]
  t.ok(low <= 9 && high >= 9 && high / low < 1.02, `${low} to ${high}`)
  const window = { from: now * 1000, to: (now + 200) * 1000 }
  for (const name of ['basket', 'time']) {
    t.equal((await client.values(`min:${name}{*}`, window))[0]?.value, 3, name)
    t.equal((await client.values(`max:${name}{*}`, window))[0]?.value, 250, name)
  }
})

test('explicit buckets give percentiles within their bounds, exact counts, sums and extremes', async (t) => {
  const client = await openViewer(t)
  const second = lastMinute()
  const bounds = [0.1, 0.2, 0.5, 1, 2]
  const even = Array.from({ length: 1000 }, (_, index) => 0.05 + (index * 1.5) / 1000)
  const bucketCounts = [...bounds, Number.POSITIVE_INFINITY].map(
    (upper, index) => even.filter((value) => value <= upper && value > (bounds[index - 1] ?? 0)).length,
  )
  const fields = {
    count: 1000,
    sum: even.reduce((a, b) => a + b),
    min: even[0],
    max: even.at(-1),
    bucketCounts,
    explicitBounds: bounds,
  }
  await client.send([
    histogram('even', [{ second, ...fields }]),
    histogram('no-buckets', [{ second, count: 4, sum: 8 }]),
  ])
  for (const [aggregation, fraction] of [
    ['p50', 0.5],
    ['p75', 0.75],
    ['p95', 0.95],
    ['p99', 0.99],
  ] as const) {
    const estimate = (await total(client, `${aggregation}:even{*}`)) as number
    const exact = even[Math.ceil(fraction * 1000) - 1]!
    t.ok(Math.abs(estimate / exact - 1) < 0.02, `${aggregation} of even values: ${estimate} and ${exact}`)
  }
  t.equal(await total(client, 'count:even{*}'), 1000)
  t.ok(Math.abs(((await total(client, 'sum:even{*}')) as number) - fields.sum) < 1e-9)
  t.equal(await total(client, 'min:even{*}'), even[0])
  t.equal(await total(client, 'max:even{*}'), even.at(-1))
  t.ok(
    Math.abs(((await total(client, 'p95:no_buckets{*}')) as number) - 2) < 0.05,
    'without buckets there is only the mean',
  )
})

test('what cannot be kept is refused with its reason, and the rest is kept', async (t) => {
  const client = await openViewer(t, { maxSeries: 3, minutes: 10 })
  const second = lastMinute()
  const many = Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`a${index}`, '']))
  const reply = await client.send([
    sum('views', [
      { second, asInt: '1', attributes: { n: '1' } },
      { second: second - 700, asInt: '1' },
      { second: second + 1000, asInt: '1' },
      { second, asDouble: 'NaN' },
      { second },
      { second, asInt: '1', flags: 1 },
      { second, asInt: '1', attributes: many },
    ]),
    { name: 'views', gauge: { dataPoints: [{ timeUnixNano: `${second}000000000`, asInt: '1' }] } },
    { name: '<script>', gauge: { dataPoints: [{ timeUnixNano: `${second}000000000`, asInt: '1' }] } },
    { name: 'summary', summary: { dataPoints: [{ timeUnixNano: `${second}000000000` }] } },
    { name: 'unspecified', sum: { dataPoints: [{ timeUnixNano: `${second}000000000`, asInt: '1' }] } },
    { name: 'later', futureKind: {} },
    exponential('time', [
      { second, ...observed([1], 4), count: '2' },
      { second, ...observed([1], 4), scale: 30 },
      { second, ...observed([1], 4), positive: { offset: 2_000_000_000, bucketCounts: ['1'] } },
      { second, count: 0 },
      { second, ...observed([1], 4), attributes: { n: '2' } },
    ]),
    histogram('wait', [
      { second, count: 1, bucketCounts: [1], explicitBounds: [1, 2] },
      { second, count: 2, bucketCounts: [1, 1], explicitBounds: ['NaN'] },
      { second, count: 2, bucketCounts: [1, 0, 1], explicitBounds: [2, 1] },
      { second, count: 1, bucketCounts: [1, 0], explicitBounds: ['Infinity'] },
      { second, count: 1, sum: 3, attributes: { n: '3' } },
      { second, count: 1, sum: 3, attributes: { n: '4' } },
    ]),
  ])
  t.equal(reply.status, 200)
  const { metrics, refusals } = await client.status()
  t.equal(Number(reply.json.partialSuccess.rejectedDataPoints), metrics.refused)
  t.match(metrics, { received: 22, stored: 3, bases: 1, refused: 18, kept: 3, series: 3 })
  const reasons = Object.fromEntries(refusals.map(({ reason, count }: Values) => [reason, count]))
  t.match(reasons, {
    'older than the 10 minutes that are kept': 1,
    'more than ten minutes ahead of this clock': 1,
    'not a finite number': 1,
    'the point has no value': 1,
    'the point has the flag for no recorded value': 1,
    'more than 64 attributes on a point': 1,
    'its metric is kept as another kind (count, gauge or distribution)': 1,
    'the name of a metric must begin with a letter': 1,
    'summaries are not kept; send histograms': 1,
    'its temporality is neither delta nor cumulative': 1,
    'buckets and count differ': 1,
    'a scale beyond -10 to 20': 1,
    'buckets beyond the range of numbers': 1,
    'there is not one bucket more than there are bounds': 1,
    'the bounds do not ascend': 2,
    'a bound is not a finite number': 1,
    'the limit of 3 series is reached': 1,
  })
  t.match(reply.json.partialSuccess.errorMessage, /1: the limit of 3 series is reached/)
})

test('of texts that are cut the rest is not kept', (t) => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const held = () => {
    collect()
    collect()
    return process.memoryUsage().heapUsed
  }
  const telemetry = new TelemetryStore({ minutes: 10, memoryMib: 64, maxSeries: 100 })
  t.teardown(() => telemetry.close())
  const megabyte = (index: number) => Buffer.alloc(1_000_000, String(index).padStart(4, 'x')).toString()
  const before = held()
  for (let index = 0; index < 10; index += 1) {
    const point = { asDouble: 1, timeUnixNano: `${lastMinute()}000000000` }
    const dataPoints = [{ ...point, attributes: attributesOf({ text: megabyte(index) }) }]
    const metric = { name: `a${index}`, unit: megabyte(index), description: megabyte(index) }
    const json = metricsJson([{ ...metric, gauge: { dataPoints } }], {})
    telemetry.receive('metrics', decodeRequest('metrics', 'json', Buffer.from(JSON.stringify(json))))
  }
  t.match(telemetry.metrics.counters, { stored: 10 })
  const kept = held() - before
  // Kept whole, 30 MB; some of what is gone may not be collected yet.
  t.ok(kept < 15_000_000, `${kept} bytes`)
  t.end()
})

test('a cumulative series that comes back after it was forgotten is not counted again', (t) => {
  let now = Date.now()
  t.intercept(Date, 'now', { value: () => now })
  const telemetry = new TelemetryStore({ minutes: 1, memoryMib: 64, maxSeries: 100 })
  t.teardown(() => telemetry.close())
  const second = () => Math.floor(now / 1000)
  const startSecond = second() + 10
  const send = (asInt: string) => {
    const json = metricsJson([sum('orders', [{ startSecond, second: second(), asInt }], 'cumulative')], {})
    telemetry.receive('metrics', decodeRequest('metrics', 'json', Buffer.from(JSON.stringify(json))))
  }
  now += 20_000
  send('5000')
  t.match(telemetry.metrics.counters, { stored: 1, bases: 0 }, 'it began after the viewer did')
  now += 130_000
  telemetry.metrics.letGoOfOld()
  t.equal(telemetry.metrics.seriesCount, 0)
  send('5003')
  t.match(telemetry.metrics.counters, { stored: 1, bases: 1 })
  now += 10_000
  send('5005')
  t.match(telemetry.metrics.counters, { stored: 2, bases: 1 })
  t.end()
})

test('points that took the place of others are not counted again when the oldest tenth makes room', (t) => {
  const limits = { maxAgeSeconds: 3600, maxBytes: 1024 * 1024, maxSeries: 100 }
  const store = new MetricStore(limits, new Refusals())
  const first = lastMinute() - 3400
  const times = Array.from({ length: 300 }, (_, index) => 1.03 ** index)
  const [one, other] = [times, times.slice(1)].map((values) => {
    const json = metricsJson([exponential('web.time', [{ second: first, ...observed(values, 6) }])], {})
    return decodeRequest('metrics', 'json', Buffer.from(JSON.stringify(json)))
  }) as [MetricsRequest, MetricsRequest]
  const send = (second: number, request = one) => {
    const [point] = request.resourceMetrics[0]!.scopeMetrics[0]!.metrics[0]!.data!.points
    point!.time = BigInt(second) * 1_000_000_000n
    store.receive(request)
  }
  for (let second = 0; second < 500; second += 1) send(first + second)
  for (let again = 0; again < 500; again += 1) send(first + 499, again % 2 === 0 ? other : one)
  t.match(store.counters, { stored: 500, overwritten: 500, evicted: 0 })
  for (let second = 500; store.counters.evicted === 0 && second < 3500; second += 1) send(first + second)
  const { stored, evicted } = store.counters
  t.ok(evicted >= stored * 0.09 && evicted <= stored * 0.11, `${evicted} of ${stored} points went`)
  t.end()
})

test('further ways to write the tags of a series take no more than their share of memory', (t) => {
  const telemetry = new TelemetryStore({ minutes: 10, memoryMib: 16, maxSeries: 10_000 })
  t.teardown(() => telemetry.close())
  for (let index = 0; index < 400; index += 1) {
    // Long values that are cut to the same tag.
    const dataPoints = [0, 1, 2, 3].map((way) => ({
      asDouble: 1,
      timeUnixNano: `${lastMinute()}000000000`,
      attributes: attributesOf({ n: String(index), text: 'x'.repeat(3900) + way }),
    }))
    const json = metricsJson([{ name: 'a', gauge: { dataPoints } }], {})
    telemetry.receive('metrics', decodeRequest('metrics', 'json', Buffer.from(JSON.stringify(json))))
  }
  t.equal(telemetry.metrics.seriesCount, 400)
  // Half of the memory is for metrics, and half of that for what finds them.
  t.ok(telemetry.metrics.bytes < 5 * 2 ** 20, `${telemetry.metrics.bytes} bytes`)
  t.end()
})

test('a bad body is refused whole, with a sentence', async (t) => {
  const client = await openViewer(t)
  const cases: [Promise<{ status: number }>, number][] = [
    [client.post('/v1/metrics', Buffer.from('not protobuf')), 400],
    [client.post('/v1/traces', { resourceSpans: 7 }), 400],
    [client.post('/v1/logs', {}, { 'content-type': 'text/plain' }), 415],
    [client.post('/v1/logs', Buffer.alloc(100), { 'content-encoding': 'gzip' }), 400],
    [client.post('/v1/metrics', Buffer.alloc(17 * 1024 * 1024)), 413],
    [client.get('/v1/metrics'), 405],
  ]
  for (const [reply, status] of cases) t.equal((await reply).status, status)
  t.match((await client.status()).requests, { 400: 3, 413: 1, 415: 1 })
})

test("an SDK's protobuf is read as JSON is", async (t) => {
  const client = await openViewer(t)
  const collected = await collectMetrics({ series: 3 })
  const body = Buffer.from(ProtobufMetricsSerializer.serializeRequest(collected) as Uint8Array<ArrayBuffer>)
  t.equal((await client.post('/v1/metrics', body)).status, 200)
  const { json } = await client.get('/api/metrics')
  t.match(
    json.metrics.map(({ name, kind, unit, series }: Values) => [name, kind, unit, series]),
    [
      ['counter', 'count', '{view}', 3],
      ['explicit', 'distribution', 's', 3],
      ['exponential', 'distribution', 's', 3],
      ['gauge', 'gauge', '', 3],
      ['up_down', 'count', '', 3],
    ],
  )
  t.equal(await total(client, 'sum:counter{*}'), 6)
  t.equal(await total(client, 'sum:up_down{*}'), -3)
  for (const name of ['explicit', 'exponential']) {
    t.equal(await total(client, `count:${name}{*}`), 15)
    t.equal(await total(client, `max:${name}{index:2}`), 1002)
  }
})
