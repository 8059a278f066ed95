import { type Test, test } from 'tap'
import { Client, inParallel } from '../proof/client.ts'
import { Intake } from '../support/intake/intake.ts'
import { SHAPES, sketchOf } from '../support/intake/observed-values.ts'
import { startService } from '../support/service.ts'
import { documentedMetrics } from './documented-metrics.ts'
import { logRecord, lonelySpan, metricsOf, pointAt } from './otlp-requests.ts'
import { type CollectorPlace, collectorPlace, findProgram, startCollector, until } from './real-collector.ts'

const { program, options } = await findProgram()

const FILES = ['otel-collector.yaml', 'collector/datadog-exporter.yaml']

/** With it closed the exporter waits for the intake's answer, as the file's head says. */
const SYNCHRONOUS = '--feature-gates=-exporter.datadogexporter.metricexportserializerclient'

const OVERLAY = `
exporters:
  datadog:
    retry_on_failure:
      initial_interval: 100ms
      max_interval: 500ms
    logs:
      batch_wait: 1
connectors:
  span_metrics:
    metrics_flush_interval: 1s
`

/** The queue is emptied in its order, so what was sent last tells that all before it is settled. */
const OUTAGE_OVERLAY = `
exporters:
  datadog:
    retry_on_failure: {initial_interval: 100ms, max_interval: 500ms}
    sending_queue: {num_consumers: 1}
`

const WAYS: Record<string, string[]> = { asynchronously: [], synchronously: [SYNCHRONOUS] }

const REQUESTS = 300
const SCALE = 6
const POINTS = 5
const VALUES = 400

for (const [how, flags] of Object.entries(WAYS))
  test(`sent ${how}, counts are exact and percentiles within their error`, options, async (t) => {
    const intake = await openIntake(t)
    const place = await collectorPlace(t, intake.url)
    await startCollector(t, program, place, { files: FILES, overlay: OVERLAY, flags })
    const values = await sendKnownMetrics(place)
    const service = await startService(t, {
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: place.url,
        OTEL_METRICS_EXPORTER: 'otlp',
        OTEL_TRACES_EXPORTER: 'otlp',
        OTEL_TRACES_SAMPLER_ARG: '1',
        OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test,host.name=a-host',
        OTEL_METRIC_EXPORT_INTERVAL: '1000',
        INSTANCE_ID: 'web-1',
        SUPPORT_TAG: 'a-team',
      },
    })
    const client = new Client(service.url)
    t.teardown(() => client.close())
    await inParallel(new Array<string>(REQUESTS).fill('/'), 16, async (path) => {
      if ((await client.ask({ path })).status !== 200) throw new Error('not answered')
    })
    service.kill('SIGTERM')
    t.strictSame(await service.exited, [0, null])
    await fetch(`${place.url}/v1/traces`, lonelySpan('the last'))
    await fetch(`${place.url}/v1/logs`, logRecord('a line'))
    const { metrics } = intake
    const total = (metric: string, ...filter: string[]) => metrics.sum({ metric, filter })[''] ?? 0
    await until(() => total('web.page_views_total') >= REQUESTS)
    await until(() => total('traces.span.metrics.calls', 'span.name:the_last') > 0)
    await until(() => total('test.last') === 1)

    const tags = [
      'host:a-host',
      'service:rollcall',
      'env:test',
      'service.instance.id:web-1',
      'support:a-team',
    ]
    t.equal(total('web.page_views', 'page:home', ...tags), REQUESTS, 'every view, with its tags')
    t.equal(total('web.page_views_total'), REQUESTS)
    const durations = { metric: 'http.server.request.duration', filter: ['http.route:/', ...tags] }
    t.strictSame({ ...metrics.count(durations) }, { '': REQUESTS }, 'every duration')
    t.equal(total('traces.span.metrics.calls', 'span.kind:SPAN_KIND_SERVER'), REQUESTS, 'every span')
    // Its queries have spans as well, and the lonely one is the last.
    await until(() => intake.traces.distinct > REQUESTS)
    await until(() => intake.logs.received === 1)

    t.equal(total('test.count', 'page:home'), 3 + 5 + 7)
    t.equal(total('test.count', 'page:login'), 2 ** 40 + 1)
    t.strictSame(
      metrics.points({ metric: 'test.gauge' })['']?.map(([, value]) => value),
      [1.5, -2.5],
    )
    let worst = 0
    for (const [shape, observed] of Object.entries(values)) {
      const selection = { metric: 'test.time', filter: [`shape:${shape}`] }
      t.equal(metrics.count(selection)[''], observed.length, `${shape}: every value`)
      const sum = observed.reduce((all, value) => all + value, 0)
      t.ok(Math.abs(metrics.sum(selection)['']! / sum - 1) < 1e-12, `${shape}: the sum, but for rounding`)
      worst = Math.max(worst, worstPercentile(t, intake, shape, observed))
    }
    t.comment(`the worst percentile is off by ${(worst * 100).toFixed(2)} %`)

    t.strictSame(intake.refusals.list(), [], 'nothing was refused or dropped')
    t.strictSame(
      Object.keys(metrics.seriesPerMetric()).filter((name) => isOfExporter(name) && !isDocumented(name)),
      [],
      'what the exporter adds is documented',
    )
    for (const { name, tags: own } of documentedMetrics('Spans'))
      t.strictSame(
        metrics.tagNames(name).filter((tag) => !FROM_RESOURCE.includes(tag)),
        own,
        `the tags of ${name}`,
      )
  })

/** On every metric, as they are or copied to the points. */
const FROM_RESOURCE = ['env', 'service', 'version', 'service.instance.id', 'support', 'os.type']

/**
 * The exact value is in a bucket of the exponential histogram, which the exporter spreads over every key of the Agent's
 * sketch that it overlaps; so the key that answers may be one bucket and half a key away.
 */
function worstPercentile(t: Test, intake: Intake, shape: string, observed: readonly number[]): number {
  const bucket = 2 ** (2 ** -SCALE)
  const sorted = observed.toSorted((one, other) => one - other)
  const selection = { metric: 'test.time', filter: [`shape:${shape}`] }
  const errors = [0.5, 0.95, 0.99].map((fraction) => {
    const exact = sorted[Math.ceil(fraction * sorted.length - 1e-6) - 1]!
    const { value, relativeError } = intake.metrics.percentile(selection, fraction)['']!
    const off = Math.abs(value / exact - 1)
    const allowed = bucket * (1 + relativeError) - 1
    t.ok(off <= allowed, `${shape}: p${fraction * 100} is off by ${off} of ${allowed}`)
    return off
  })
  return Math.max(...errors)
}

test('sent asynchronously, an outage and a kill lose what was acknowledged', options, async (t) => {
  const { acknowledged, stored } = await outageAndKill(t, [])
  t.comment(`${acknowledged} acknowledged, ${stored} stored`)
  t.ok(stored < acknowledged, 'or the head of collector/datadog-exporter.yaml is too modest')
})

test('sent synchronously, an outage and a kill lose nothing', options, async (t) => {
  const { acknowledged, stored } = await outageAndKill(t, [SYNCHRONOUS])
  t.comment(`${acknowledged} acknowledged, ${stored} stored`)
  t.equal(stored, acknowledged)
})

async function outageAndKill(t: Test, flags: string[]) {
  const intake = await openIntake(t)
  const place = await collectorPlace(t, intake.url)
  const start = () => startCollector(t, program, place, { files: FILES, overlay: OUTAGE_OVERLAY, flags })
  const collector = await start()
  intake.misbehaving.order(503, { signal: 'metrics' })
  const acknowledged = 200
  const first = Math.floor(Date.now() / 1000) - 1000
  for (let second = first; second < first + acknowledged; second += 1)
    await send(place, [sum('test.outage', { ...pointAt(second, {}), asInt: '1' })])
  t.strictSame(await collector.end('SIGKILL'), [null, 'SIGKILL'])
  intake.misbehaving.behave()
  await start()
  await send(place, [sum('test.after', { ...pointAt(first, {}), asInt: '1' })])
  const stored = (metric: string) => intake.metrics.sum({ metric })[''] ?? 0
  await until(() => stored('test.after') === 1)
  return { acknowledged, stored: stored('test.outage') }
}

async function openIntake(t: Test): Promise<Intake> {
  const intake = await Intake.start()
  t.teardown(() => intake.close())
  return intake
}

/** Values of five shapes, as they were observed. */
async function sendKnownMetrics(place: CollectorPlace): Promise<Record<string, number[]>> {
  const now = Math.floor(Date.now() / 1000)
  const count = (agoSeconds: number, page: string, value: number) => ({
    ...pointAt(now - agoSeconds, { page }),
    asInt: String(value),
  })
  const gauge = (agoSeconds: number, asDouble: number) => ({ ...pointAt(now - agoSeconds, {}), asDouble })
  const values = Object.fromEntries(
    Object.entries(SHAPES).map(([shape, draw]) => [
      shape.replaceAll(' ', '_'),
      Array.from({ length: POINTS * VALUES }, draw),
    ]),
  )
  const histograms = Object.entries(values).flatMap(([shape, observed]) =>
    Array.from({ length: POINTS }, (_, index) =>
      histogramPoint(now - index, { shape }, observed.slice(index * VALUES, (index + 1) * VALUES)),
    ),
  )
  await send(place, [
    sum('test.count', count(0, 'home', 3), count(1, 'home', 5), count(2, 'home', 7)),
    sum('test.count', count(0, 'login', 2 ** 40), count(1, 'login', 1)),
    { name: 'test.gauge', unit: '1', gauge: { dataPoints: [gauge(1, 1.5), gauge(0, -2.5)] } },
    {
      name: 'test.time',
      unit: 's',
      exponentialHistogram: { aggregationTemporality: 1, dataPoints: histograms },
    },
    sum('test.last', count(0, 'none', 1)),
  ])
  return values
}

function sum(name: string, ...dataPoints: object[]) {
  return { name, unit: '1', sum: { aggregationTemporality: 1, isMonotonic: true, dataPoints } }
}

function histogramPoint(second: number, attributes: Record<string, string>, values: readonly number[]) {
  const { scale, zeroCount, positive, negative } = sketchOf(values, SCALE)
  const buckets = ({ offset, counts }: typeof positive) => ({ offset, bucketCounts: counts.map(String) })
  return {
    ...pointAt(second, attributes),
    count: String(values.length),
    sum: values.reduce((all, value) => all + value, 0),
    min: Math.min(...values),
    max: Math.max(...values),
    scale,
    zeroCount: String(zeroCount),
    positive: buckets(positive),
    negative: buckets(negative),
  }
}

async function send(place: CollectorPlace, metrics: readonly object[]): Promise<void> {
  const { status } = await fetch(
    `${place.url}/v1/metrics`,
    metricsOf({ 'service.name': 'test', 'host.name': 'b-host' }, metrics),
  )
  if (status !== 200) throw new Error(`answered with ${status}`)
}

function isOfExporter(name: string): boolean {
  return /^(otel\.datadog|datadog\.)/.test(name)
}

function isDocumented(name: string): boolean {
  return documentedMetrics('The Datadog exporter').some((metric) => metric.name === name)
}
