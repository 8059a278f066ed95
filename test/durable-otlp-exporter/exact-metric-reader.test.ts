import { setTimeout as sleep } from 'node:timers/promises'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { AggregationTemporality, InMemoryMetricExporter, MeterProvider } from '@opentelemetry/sdk-metrics'
import { test } from 'tap'
import { systemClock } from '../../packages/durable-otlp-exporter/src/clock.ts'
import { Diagnostics } from '../../packages/durable-otlp-exporter/src/diagnostics.ts'
import { Environment } from '../../packages/durable-otlp-exporter/src/environment.ts'
import { ExactMetricReader } from '../../packages/durable-otlp-exporter/src/exact-metric-reader.ts'
import { METRICS } from '../../src/telemetry/catalogue.ts'
import { openExport } from '../../src/telemetry/export.ts'
import { Recording } from '../../src/telemetry/recording/recording.ts'
import { OtlpReceiver } from '../support/otlp-receiver.ts'
import { fastClock, openExporting, QUICK_PACE, until } from './exporting.ts'

/** Exports that are under way together may arrive in any order. */
function inOrder<Point extends { time: bigint }>(points: readonly Point[]): Point[] {
  return points.toSorted((one, other) => Number(one.time - other.time))
}

/** Series of which two points end in one second: what Datadog would keep only one of. */
function collisions(receiver: OtlpReceiver): string[] {
  const points = receiver
    .metrics()
    .map(({ name, attributes, time }) => JSON.stringify([name, attributes, String(time / 1_000_000_000n)]))
  return points.filter((point, at) => points.indexOf(point) !== at)
}

test('an interval shorter than a second never makes two points of a series in one second', async (t) => {
  const { receiver, telemetry, view, arrived } = await openExporting(t, { clock: systemClock })
  let views = 0
  const adding = setInterval(() => {
    view()
    views += 1
  }, 5)
  await until(() => receiver.metrics('web.page_views_total').length >= 2)
  clearInterval(adding)
  await telemetry.shutdown()
  t.same(collisions(receiver), [])
  t.equal(arrived(), views)
})

test('a clock that steps back makes no second twice, loses nothing and leaves no gap', async (t) => {
  for (const [step, speed] of [
    [3_000, 100],
    [60_000, 100],
    [1_000_000, 2000],
    [7_200_000, 100],
  ] as const) {
    const [wall, monotonic] = [Date.now(), performance.now()]
    let offset = 0
    const clock = { now: () => Math.floor(wall + (performance.now() - monotonic) * speed + offset) }
    const { receiver, telemetry, view, arrived } = await openExporting(t, { clock })
    let views = 0
    const adding = setInterval(() => {
      view()
      views += 1
    }, 1)
    const points = () => receiver.metrics('web.page_views_total')
    // What waits when the clock steps back by hours ends in the future, and is not sent before its time.
    await until(() => points().length >= 3 && telemetry.counts().metrics.waiting === 0)
    offset = -step
    const before = points().length
    await until(() => points().length >= before + 3)
    clearInterval(adding)
    await telemetry.shutdown()
    t.same(collisions(receiver), [], `${step} ms`)
    t.equal(arrived(), views, `${step} ms`)
    for (const { startTime, time } of points()) t.ok(startTime <= time, `${step} ms`)
    if (step < 3_600_000) {
      const intervals = inOrder(points())
      for (const [at, { startTime }] of intervals.entries())
        if (at > 0) t.equal(startTime, intervals[at - 1]?.time, `${step} ms: without a gap`)
    }
  }
})

test('what is recorded while exports wait is merged, each kind of instrument by its own rule', async (t) => {
  const { receiver, telemetry, view, arrived } = await openExporting(t, { waitingMax: 1 })
  receiver.answerEach(() => 503)
  const hashing = telemetry.instruments.histogram(METRICS.passwordHashDuration, {})
  const queue = telemetry.instruments.gauge(METRICS.passwordHashQueue, {})
  const active = telemetry.instruments.upDownCounter(METRICS.activeRequests, {
    'http.request.method': 'GET',
    'url.scheme': 'http',
  })
  await until(() => telemetry.counts().metrics.waiting > 0)
  for (let n = 1; n <= 50; n++) {
    view()
    hashing.record(n)
    queue.record(n)
    active.add(n % 2 === 0 ? -1 : 2)
    await sleep(2)
  }
  receiver.answerEach(undefined)
  await until(() => arrived() === 50)
  await telemetry.shutdown()
  t.match(receiver.metrics('rollcall.password.hash.duration'), [{ count: 50, sum: 1275, min: 1, max: 50 }])
  t.match(receiver.metrics('rollcall.password.hash.queue'), [{ value: 50 }])
  t.match(receiver.metrics('http.server.active_requests').at(0), { value: 25 })
})

test('the first interval may end soon after the start, however long the others are, in a second of its own', async (t) => {
  const name = Promise.withResolvers<string>()
  const { receiver, telemetry, view, arrived } = await openExporting(t, {
    clock: systemClock,
    instanceId: name.promise,
    firstIntervalMs: 100,
    env: { OTEL_METRIC_EXPORT_INTERVAL: '3600000' },
  })
  view()
  // The address that names the instance is known only when the service listens.
  await sleep(250)
  t.equal(arrived(), 0)
  name.resolve('somewhere:3000')
  await until(() => arrived() === 1)
  view()
  await telemetry.shutdown()
  t.same(collisions(receiver), [])
  t.equal(arrived(), 2)
})

test('intervals follow each other without a gap, for the SDK and for what is recorded without it', async (t) => {
  const receiver = await OtlpReceiver.start(t, { foreign: ['metrics'] })
  const recording = new Recording({ scope: { name: 'test' }, cardinalityLimit: 10, maxBuckets: 160 })
  const environment = new Environment(
    {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_TRACES_EXPORTER: 'none',
      OTEL_LOGS_EXPORTER: 'none',
      OTEL_METRIC_EXPORT_INTERVAL: '20',
    },
    () => {},
  )
  const resource = resourceFromAttributes({ 'service.instance.id': 'a' })
  const { storage, reader } = openExport(
    { clock: fastClock(), pace: QUICK_PACE },
    { environment, resource, diagnostics: new Diagnostics(), userAgent: 'test', producer: recording },
  )
  const meters = new MeterProvider({ readers: reader ? [reader] : [] })
  const meter = meters.getMeter('test')
  const counters = [
    meter.createCounter('counted'),
    recording.counter(METRICS.pageViewsTotal, {}, AggregationTemporality.DELTA),
  ]
  // Keeps the SDK busy between the time that it takes and the one at which the recording is collected.
  meter.createObservableGauge('slow').addCallback(() => sleep(5))
  const adding = setInterval(() => {
    for (const counter of counters) counter.add(1)
  }, 1)
  const pointsOf = (name: string) => receiver.metrics(name)
  await until(() => pointsOf('counted').length >= 4 && pointsOf('web.page_views_total').length >= 4)
  clearInterval(adding)
  storage.beginShutdown(1000)
  await meters.shutdown()
  for (const name of ['counted', 'web.page_views_total']) {
    const points = inOrder(pointsOf(name))
    t.same(
      points.slice(1).map(({ startTime }) => startTime),
      points.slice(0, -1).map(({ time }) => time),
    )
  }
})

test('a series that goes on begins where it began, also where it did while it was collected', async (t) => {
  // Beside the clock that points begin by, and far behind it, as after a step back.
  for (const behindMs of [0, 40_000_000]) {
    const clock = fastClock()
    const receiver = await OtlpReceiver.start(t, { foreign: ['metrics'] })
    const { telemetry } = await openExporting(t, {
      receiver,
      clock: { now: () => clock.now() - behindMs },
      env: { OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'cumulative' },
    })
    const { instruments } = telemetry
    const views = instruments.counter(METRICS.pageViewsTotal, {})
    const hashing = instruments.histogram(METRICS.passwordHashDuration, {})
    instruments.beforeCollection(() => {
      views.add(1)
      hashing.record(1)
    })
    for (const { name } of [METRICS.pageViewsTotal, METRICS.passwordHashDuration]) {
      await until(() => receiver.metrics(name).length >= 4)
      const points = receiver.metrics(name)
      t.equal(new Set(points.map(({ startTime }) => startTime)).size, 1, `${name}, ${behindMs} ms`)
      for (const { startTime, time } of points) t.ok(startTime < time)
    }
    await telemetry.shutdown()
  }
})

test('the reader takes any exporter, and hands it what is recorded without the SDK too', async (t) => {
  const recording = new Recording({ scope: { name: 'test' }, cardinalityLimit: 10, maxBuckets: 160 })
  const exporter = new InMemoryMetricExporter(AggregationTemporality.DELTA)
  const reader = new ExactMetricReader({ exporter, metricProducers: [recording] })
  const meters = new MeterProvider({ readers: [reader] })
  const counters = [
    meters.getMeter('test').createCounter('counted'),
    recording.counter(METRICS.pageViewsTotal, {}, AggregationTemporality.DELTA),
  ]
  for (const count of [1, 2]) {
    for (const counter of counters) counter.add(count)
    await meters.forceFlush()
  }
  const values = exporter
    .getMetrics()
    .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics))
    .map(({ descriptor, dataPoints }) => [descriptor.name, dataPoints[0]?.value])
  t.strictSame(values, [
    ['counted', 1],
    ['web.page_views_total', 1],
    ['counted', 2],
    ['web.page_views_total', 2],
  ])
  await meters.shutdown()
})
