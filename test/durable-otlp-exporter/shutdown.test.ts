import type { ObservableResult } from '@opentelemetry/api'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { AggregationTemporality, MeterProvider } from '@opentelemetry/sdk-metrics'
import { test } from 'tap'
import { Diagnostics } from '../../packages/durable-otlp-exporter/src/diagnostics.ts'
import { Environment } from '../../packages/durable-otlp-exporter/src/environment.ts'
import { Spool } from '../../packages/durable-otlp-exporter/src/spool.ts'
import { METRICS } from '../../src/telemetry/catalogue.ts'
import { openExport } from '../../src/telemetry/export.ts'
import { Recording } from '../../src/telemetry/recording/recording.ts'
import { temporaryFolder } from '../support/harness.ts'
import { OtlpReceiver } from '../support/otlp-receiver.ts'
import { fastClock, imbalance, openExporting, QUICK_PACE, until } from './exporting.ts'

const ALL = ['metrics', 'traces', 'logs'] as const

test('a shutdown before the name of the process is known: all is counted as dropped', async (t) => {
  const { telemetry, view, receiver, said } = await openExporting(t, {
    directory: temporaryFolder(t),
    signals: ALL,
    instanceId: new Promise<string>(() => {}),
  })
  view(3)
  telemetry.tracer.startSpan('span').end()
  telemetry.logs.emit({ body: 'record' })
  await telemetry.shutdown(50)
  const { metrics, traces, logs } = telemetry.counts()
  t.ok(metrics.recorded > 0)
  t.equal(metrics.dropped.shutdown, metrics.recorded)
  t.match([traces, logs], [{ dropped: { shutdown: 1 } }, { dropped: { shutdown: 1 } }])
  t.same(imbalance(telemetry.counts()), {})
  t.same(receiver.requests, [])
  t.same(said(), ['telemetry was not all sent within 50 ms of the shutdown'])
})

test('a shutdown while a live process bears the same name: sent or kept, not dropped', async (t) => {
  const directory = temporaryFolder(t)
  const bearer = await Spool.open({ directory, instanceId: 'somewhere:3000', maxBytes: 1_000_000 })
  t.teardown(() => bearer.release())
  const { telemetry, view, arrived } = await openExporting(t, { directory })
  view(3)
  await telemetry.shutdown(2000)
  t.equal(arrived(), 3)
})

test('what is recorded after the shutdown is counted as dropped', async (t) => {
  const { telemetry } = await openExporting(t, { signals: ['traces'] })
  await telemetry.shutdown()
  for (let n = 0; n < 3000; n++) telemetry.tracer.startSpan('late').end()
  await new Promise((resolve) => setTimeout(resolve, 30))
  t.match(telemetry.counts().traces, { recorded: 3000, waiting: 0, dropped: { shutdown: 3000 } })
})

test('an item that cannot be written costs its batch, counted, and not the process', async (t) => {
  const { telemetry, receiver, said } = await openExporting(t, {
    signals: ['logs'],
    env: { OTEL_BLRP_MAX_EXPORT_BATCH_SIZE: '1' },
  })
  const endless: Record<string, unknown> = {}
  endless.itself = endless
  telemetry.logs.emit({ body: endless as never })
  telemetry.logs.emit({ body: 'fine' })
  await until(() => telemetry.counts().logs.acknowledged === 1)
  t.match(telemetry.counts().logs, { recorded: 2, acknowledged: 1, dropped: { unreadable: 1 } })
  t.match(receiver.logs(), [{ body: 'fine' }])
  t.same(said(), ['telemetry could not be made ready'])
  await telemetry.shutdown()
})

test('an observable callback that never returns holds up neither the others nor the shutdown', async (t) => {
  const receiver = await OtlpReceiver.start(t, { foreign: ['metrics'] })
  const diagnostics = new Diagnostics()
  const said: string[] = []
  diagnostics.listen(({ message }) => said.push(message))
  const variables = {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_TRACES_EXPORTER: 'none',
    OTEL_LOGS_EXPORTER: 'none',
    OTEL_METRIC_EXPORT_INTERVAL: '20',
    OTEL_METRIC_EXPORT_TIMEOUT: '30',
  }
  for (const env of [variables, { ...variables, OTEL_METRIC_EXPORT_TIMEOUT: '3000' }]) {
    const recording = new Recording({ scope: { name: 'test' }, cardinalityLimit: 10, maxBuckets: 160 })
    const views = recording.counter(METRICS.pageViewsTotal, {}, AggregationTemporality.DELTA)
    const { storage, reader } = openExport(
      { clock: fastClock(), pace: QUICK_PACE },
      {
        environment: new Environment(env, () => {}),
        producer: recording,
        resource: resourceFromAttributes({ 'service.instance.id': 'a' }),
        diagnostics,
        userAgent: 'test',
      },
    )
    const meters = new MeterProvider({ readers: reader ? [reader] : [] })
    const meter = meters.getMeter('test')
    const counter = meter.createCounter('counted')
    meter.createObservableGauge('hangs').addCallback((_: ObservableResult) => new Promise(() => {}))
    const arrived = () => [
      receiver.totals('counted')['{}'] ?? 0,
      receiver.totals('web.page_views_total')['{}'] ?? 0,
    ]
    const before = arrived()
    const add = (count: number) => {
      counter.add(count)
      views.add(count)
    }
    add(1)
    if (env === variables) await until(() => arrived().every((sum, at) => sum === (before[at] as number) + 1))
    else await new Promise((resolve) => setTimeout(resolve, 50))
    add(2)
    storage.beginShutdown(1000)
    await meters.shutdown()
    t.same(
      arrived(),
      before.map((sum) => sum + 3),
    )
    t.same(imbalance(storage.counts()), {})
  }
  t.match(said, ['metrics could not be collected'])
})
