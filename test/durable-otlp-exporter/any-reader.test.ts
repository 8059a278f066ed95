import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  AggregationTemporality,
  InstrumentType,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { type ReadableSpan, TracerProvider } from '@opentelemetry/sdk-trace'
import { type Test, test } from 'tap'
import { Diagnostics } from '../../packages/durable-otlp-exporter/src/diagnostics.ts'
import {
  DurableStorage,
  type DurableStorageOptions,
} from '../../packages/durable-otlp-exporter/src/durable-storage.ts'
import { Environment } from '../../packages/durable-otlp-exporter/src/environment.ts'
import { DurableOTLPMetricExporter } from '../../packages/durable-otlp-exporter/src/metric-exporter.ts'
import { DurableOTLPTraceExporter } from '../../packages/durable-otlp-exporter/src/trace-exporter.ts'
import { temporaryFolder } from '../support/harness.ts'
import { OtlpReceiver } from '../support/otlp-receiver.ts'
import { imbalance, QUICK_PACE, until } from './exporting.ts'

const RESOURCE = resourceFromAttributes({ 'service.instance.id': 'any:1' })

/** The SDK's own reader, which collects when it is told to, before an exporter of ours. */
async function stockReader(t: Test, options: DurableStorageOptions & { maxExportBatchSize?: number } = {}) {
  const { maxExportBatchSize, ...stored } = options
  const receiver = await OtlpReceiver.start(t, { foreign: ['metrics'] })
  const storage = new DurableStorage({
    pace: QUICK_PACE,
    shutdownTimeoutMillis: 1000,
    diagnostics: new Diagnostics(),
    ...stored,
  })
  const exporter = new DurableOTLPMetricExporter({
    storage,
    url: `${receiver.url}/v1/metrics`,
    timeoutMillis: 200,
    environment: new Environment({}, () => {}),
  })
  const reader = new PeriodicExportingMetricReader({
    exporter,
    exportIntervalMillis: 3_600_000,
    ...(maxExportBatchSize !== undefined && { maxExportBatchSize }),
  })
  const meters = new MeterProvider({ resource: RESOURCE, readers: [reader] })
  t.teardown(() => exporter.shutdown())
  return { receiver, storage, exporter, meters, counter: meters.getMeter('test').createCounter('counted') }
}

/** The seconds in which points of a metric end, in their order. */
function seconds(receiver: OtlpReceiver): number[] {
  return receiver
    .metrics('counted')
    .map(({ time }) => Number(time / 1_000_000_000n))
    .sort((one, other) => one - other)
}

test('collections of one second end in seconds of their own, each where the one before it ended', async (t) => {
  const { receiver, meters, counter } = await stockReader(t)
  for (let n = 0; n < 4; n++) {
    counter.add(1)
    await meters.forceFlush()
  }
  await meters.shutdown()
  t.equal(receiver.totals('counted')['{}'], 4)
  t.equal(new Set(seconds(receiver)).size, 4)
  const points = receiver.metrics('counted').toSorted((one, other) => Number(one.time - other.time))
  for (const [at, { startTime }] of points.entries())
    if (at > 0) t.equal(startTime, points[at - 1]?.time, 'without a gap')
})

test('batches of one collection have other series, and end together', async (t) => {
  const { receiver, meters, counter } = await stockReader(t, { maxExportBatchSize: 1 })
  for (const series of ['a', 'b', 'c', 'd']) counter.add(1, { series })
  await meters.forceFlush()
  counter.add(1, { series: 'a' })
  await meters.shutdown()
  t.ok(receiver.requests.length >= 5)
  const [one, two, three, four, later] = seconds(receiver) as [number, number, number, number, number]
  t.strictSame([two, three, four], [one, one, one])
  t.ok(later > one)
})

test('forceFlush and shutdown end while the receiver hangs, and what waits is on disk', async (t) => {
  const { receiver, storage, meters, counter } = await stockReader(t, {
    directory: temporaryFolder(t),
    shutdownTimeoutMillis: 100,
  })
  receiver.answerEach(() => 'no answer')
  counter.add(1)
  await meters.forceFlush()
  t.equal(storage.counts().metrics.waiting, 1)
  counter.add(1)
  await meters.shutdown()
  t.match(storage.counts().metrics, { recorded: 2, waiting: 2, acknowledged: 0 })
  t.strictSame(imbalance(storage.counts()), {})
})

test('without a disk the memory is bounded, and what is above is dropped and counted', async (t) => {
  const { receiver, storage, meters, counter } = await stockReader(t)
  receiver.answerEach(() => 503)
  for (let n = 0; n < 40; n++) {
    counter.add(1)
    await meters.forceFlush()
  }
  await until(() => storage.counts().metrics.dropped.buffer_full === 8)
  t.match(storage.counts().metrics, { recorded: 40, waiting: 32 })
  receiver.answerEach(undefined)
  await until(() => storage.counts().metrics.waiting === 0)
  t.equal(receiver.totals('counted')['{}'], 32)
})

test('delta is the default, whatever the base class reads, and the selectors say what our table said', async (t) => {
  const { DELTA } = AggregationTemporality
  const deltas = (preference?: string) => {
    const environment = new Environment(
      { OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: preference },
      () => {},
    )
    const storage = new DurableStorage({ diagnostics: new Diagnostics() })
    const exporter = new DurableOTLPMetricExporter({ storage, environment })
    return Object.values(InstrumentType).filter(
      (type) => exporter.selectAggregationTemporality(type) === DELTA,
    )
  }
  const all = ['COUNTER', 'GAUGE', 'HISTOGRAM', 'OBSERVABLE_COUNTER', 'OBSERVABLE_GAUGE']
  t.strictSame(deltas().sort(), all)
  t.strictSame(deltas('delta').sort(), all)
  t.strictSame(deltas('lowmemory').sort(), ['COUNTER', 'HISTOGRAM'])
  t.strictSame(deltas('cumulative'), [])
})

test('attributes of the resource that come late are waited for, also where the processor does not', async (t) => {
  const receiver = await OtlpReceiver.start(t, { foreign: ['traces'] })
  const late = Promise.withResolvers<string>()
  const storage = new DurableStorage({ resource: RESOURCE, diagnostics: new Diagnostics() })
  const exporter = new DurableOTLPTraceExporter({ storage, url: `${receiver.url}/v1/traces` })
  const impatient = {
    onStart() {},
    onEnd: (span: ReadableSpan) => exporter.export([span], () => {}),
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
  }
  const tracers = new TracerProvider({
    resource: resourceFromAttributes({ 'service.instance.id': late.promise }),
    spanProcessors: [impatient],
  })
  await storage.opened
  tracers.getTracer('test').startSpan('early').end()
  t.equal(storage.counts().traces.waiting, 1)
  setImmediate(() => late.resolve('late:1'))
  await tracers.shutdown()
  t.match(receiver.spans(), [{ name: 'early', resource: { 'service.instance.id': 'late:1' } }])
})

test('a storage has one exporter of a signal, and says so', async (t) => {
  const { storage } = await stockReader(t)
  t.throws(
    () => new DurableOTLPMetricExporter({ storage }),
    /A storage has one exporter of metrics; give another exporter a storage of its own\./,
  )
})
