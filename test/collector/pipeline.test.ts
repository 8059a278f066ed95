import { test } from 'tap'
import { Client, inParallel } from '../proof/client.ts'
import type { Point } from '../support/flat-telemetry.ts'
import { OtlpReceiver } from '../support/otlp-receiver.ts'
import { startService } from '../support/service.ts'
import { deltaPoint, lonelySpan } from './otlp-requests.ts'
import { type CollectorPlace, collectorPlace, findProgram, startCollector, until } from './real-collector.ts'

const { program, options } = await findProgram()

const REQUESTS = 400
const SAMPLING = 0.1
const SAMPLED_REQUESTS = 4000

const FROM_RESOURCE = [
  ...['env', 'service', 'version', 'host'],
  ...['deployment.environment.name', 'service.name', 'service.version', 'host.name'],
]

test('what the service measures arrives at the intake through the Collector', options, async (t) => {
  const intake = await OtlpReceiver.start(t, { foreign: ['metrics', 'traces', 'logs'] })
  const place = await collectorPlace(t, intake.url)
  const collector = await startCollector(t, program, place, { spanMetricsEvery: '1s' })
  const service = await startService(t, {
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: place.url,
      OTEL_METRICS_EXPORTER: 'otlp',
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_LOGS_EXPORTER: 'otlp',
      OTEL_TRACES_SAMPLER_ARG: '1',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
      OTEL_METRIC_EXPORT_INTERVAL: '1000',
      INSTANCE_ID: 'web-1',
      SUPPORT_TAG: 'pipeline',
      // The sign-up below is slow enough to be logged.
      SLOW_REQUEST_MS: '5',
    },
  })
  const client = new Client(service.url)
  t.teardown(() => client.close())
  await askForHome(client, REQUESTS)
  const account = { name: 'Ada', email: 'ada@example.com', password: 'correct horse battery staple' }
  t.equal((await client.ask({ method: 'POST', path: '/v1/users', body: account })).status, 201)
  service.kill('SIGTERM')
  t.strictSame(await service.exited, [0, null])
  await countedSpans(place, intake)
  t.strictSame(await collector.end('SIGTERM'), [0, null])

  const tags = { 'service.instance.id': 'web-1', support: 'pipeline' }
  const page = (name: string) => JSON.stringify({ page: name, ...tags })
  t.strictSame(intake.totals('web.page_views'), { [page('home')]: REQUESTS, [page('signup')]: 1 })
  t.strictSame(intake.totals('web.page_views_total'), { [JSON.stringify(tags)]: REQUESTS + 1 })

  const points = intake.metrics().filter(({ resource }) => resource['service.name'] !== 'lonely')
  t.strictSame(
    without(
      points,
      ({ attributes }) => attributes.support === 'pipeline' && attributes['service.instance.id'] === 'web-1',
    ),
    [],
    'both tags are on every point',
  )
  t.strictSame(
    without(
      points,
      ({ resource }) => resource['service.name'] === 'rollcall' && resource['host.name'] !== undefined,
    ),
    [],
    'the resource has the service and the host',
  )
  t.strictSame(
    without(points, ({ name, attributes }) =>
      FROM_RESOURCE.every((key) => !(key in attributes) || (isOfSpans(name) && key === 'service.name')),
    ),
    [],
    'what Datadog reads from the resource is not on the points too, save the dimension of span metrics',
  )
  t.strictSame(
    without(points, ({ attributes }) => !('collector.instance.id' in attributes)),
    [],
    'a restart of the Collector makes no new series',
  )
  t.strictSame(
    without(
      points,
      ({ kind, monotonic, temporality }) =>
        kind === 'gauge' || (kind === 'sum' && !monotonic) || temporality === 'delta',
    ),
    [],
    'all that is summed up is delta',
  )
  t.strictSame(
    without(points, ({ kind }) => kind !== 'histogram'),
    [],
    'histograms are exponential',
  )
  for (const name of ['database.query.time', 'http.server.request.duration', 'traces.span.metrics.duration'])
    t.match(intake.metrics(name)[0], { kind: 'exponential histogram', temporality: 'delta' }, name)

  const servers = intake.spans().filter(({ kind }) => kind === 2)
  t.equal(servers.length, REQUESTS + 1, 'every span of a request')
  t.equal(sumOf(intake.metrics('traces.span.metrics.calls').filter(isServer)), REQUESTS + 1)
  const signup = servers.find(({ name }) => name === 'POST /v1/users')
  t.ok(
    intake.spans().some(({ parentSpanId }) => parentSpanId === signup?.spanId),
    'and those of its queries',
  )

  const line = intake.logs().find(({ traceId }) => traceId === signup?.traceId)
  t.match(line, { severityText: /warn/i, resource: { 'service.name': 'rollcall', support: 'pipeline' } })

  t.ok(
    intake.requests.every(({ headers }) => headers['dd-api-key'] === 'test-key'),
    'the key is on every request',
  )
  t.strictSame([...new Set(intake.requests.map(({ path }) => path))].sort(), [
    '/api/v2/otlpmetrics',
    '/v1/logs',
    '/v1/traces',
  ])
})

test('counts that are made from sampled spans are weighed by their threshold', options, async (t) => {
  const intake = await OtlpReceiver.start(t, { foreign: ['metrics', 'traces', 'logs'] })
  const place = await collectorPlace(t, intake.url)
  const collector = await startCollector(t, program, place, { spanMetricsEvery: '1s' })
  const service = await startService(t, {
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: place.url,
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_TRACES_SAMPLER_ARG: String(SAMPLING),
    },
  })
  const client = new Client(service.url)
  t.teardown(() => client.close())
  await askForHome(client, SAMPLED_REQUESTS)
  service.kill('SIGTERM')
  t.strictSame(await service.exited, [0, null])
  await countedSpans(place, intake)
  t.strictSame(await collector.end('SIGTERM'), [0, null])

  const servers = intake.spans().filter(({ kind }) => kind === 2)
  t.ok(
    servers.every(({ traceState }) => traceState === 'ot=th:e6666666666666'),
    'the threshold of 10 %',
  )
  const counted = sumOf(intake.metrics('traces.span.metrics.calls').filter(isServer))
  const timed = intake.metrics('traces.span.metrics.duration').filter(isServer)
  t.comment(`${SAMPLED_REQUESTS} requests, ${servers.length} sampled, counted as ${counted}`)
  t.equal(counted, servers.length / SAMPLING, 'each counts for ten')
  t.equal(
    timed.reduce((sum, { count }) => sum + (count ?? 0), 0),
    counted,
    'in the durations too',
  )
  // Binomial: the estimate of N requests deviates by √(N(1 - p)/p). Once in 1.7 million runs it is beyond five times that.
  const deviation = Math.sqrt((SAMPLED_REQUESTS * (1 - SAMPLING)) / SAMPLING)
  t.ok(Math.abs(counted - SAMPLED_REQUESTS) < 5 * deviation, 'about as many as were asked')
})

test('what the intake refuses for a while is sent until it takes it', options, async (t) => {
  const intake = await OtlpReceiver.start(t, { foreign: ['metrics', 'traces', 'logs'] })
  const place = await collectorPlace(t, intake.url)
  await startCollector(t, program, place)
  intake.answerWith(503, 429, 502, 504)
  const now = BigInt(Date.now()) * 1_000_000n
  t.equal((await fetch(`${place.url}/v1/metrics`, deltaPoint(now))).status, 200, 'taken at once')
  await until(() => intake.metrics('test.delta').length > 0)
  t.equal(intake.requests.length, 5)
  t.equal(
    new Set(intake.requests.map(({ body }) => body.toString('base64'))).size,
    1,
    'the same bytes each time',
  )
})

async function askForHome(client: Client, times: number): Promise<void> {
  await inParallel(new Array<string>(times).fill('/'), 16, async (path) => {
    const { status } = await client.ask({ path })
    if (status !== 200) throw new Error(`answered with ${status}`)
  })
}

/** Waits until all spans so far are in the counts: those of the last one come with them, or after. */
async function countedSpans(place: CollectorPlace, intake: OtlpReceiver): Promise<void> {
  await fetch(`${place.url}/v1/traces`, lonelySpan('the last'))
  const isCounted = ({ attributes }: Point) => attributes['span.name'] === 'the last'
  await until(() => intake.metrics('traces.span.metrics.calls').some(isCounted))
}

/** Names and tags of those that are not as they should be. */
function without(points: readonly Point[], isRight: (point: Point) => boolean): string[] {
  return points
    .filter((point) => !isRight(point))
    .map(({ name, attributes }) => `${name} ${JSON.stringify(attributes)}`)
}

function isOfSpans(name: string): boolean {
  return name.startsWith('traces.span.metrics.')
}

function isServer({ attributes }: Point): boolean {
  return attributes['span.kind'] === 'SPAN_KIND_SERVER'
}

function sumOf(points: readonly Point[]): number {
  return points.reduce((sum, { value }) => sum + (value ?? 0), 0)
}
