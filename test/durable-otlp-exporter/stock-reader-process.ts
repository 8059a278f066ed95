import { metrics } from '@opentelemetry/api'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import {
  DurableOTLPMetricExporter,
  DurableOTLPTraceExporter,
  DurableStorage,
} from '@rollcall/durable-otlp-exporter'

/**
 * A plain service with the SDK's own reader and processor before our exporters. It works until it is told to end, and
 * says then how much it has done.
 */
const [directory, url] = process.argv.slice(2) as [string, string]
const resource = resourceFromAttributes({ 'service.name': 'plain', 'service.instance.id': 'plain:1' })
const storage = new DurableStorage({ directory, pace: { firstMs: 5, longestMs: 50 } })
const exporter = new DurableOTLPMetricExporter({ storage, url: `${url}/v1/metrics`, timeoutMillis: 300 })
const reader = new PeriodicExportingMetricReader({
  exporter,
  exportIntervalMillis: 100,
  exportTimeoutMillis: 100,
  // Several exports for each collection.
  maxExportBatchSize: 2,
})
const meters = new MeterProvider({ resource, readers: [reader] })
metrics.setGlobalMeterProvider(meters)
const tracers = new TracerProvider({
  resource,
  spanProcessors: [
    new BatchSpanProcessor({
      exporter: new DurableOTLPTraceExporter({ storage, url: `${url}/v1/traces`, timeoutMillis: 300 }),
      scheduledDelayMillis: 20,
    }),
  ],
})

const meter = metrics.getMeter('plain')
const counter = meter.createCounter('work.done')
const histogram = meter.createHistogram('work.size')
const tracer = tracers.getTracer('plain')
const KINDS = ['a', 'b', 'c', 'd', 'e']
let done = 0
const working = setInterval(() => {
  const kind = KINDS[done % KINDS.length] as string
  counter.add(1, { kind })
  histogram.record(done, { kind })
  tracer.startSpan('work').end()
  done += 1
  // Two collections within a millisecond, as an impatient caller makes them.
  if (done % 20 === 0) void Promise.all([reader.forceFlush(), reader.forceFlush()])
}, 5)

process.on('message', async () => {
  clearInterval(working)
  await Promise.all([meters.shutdown(), tracers.shutdown()])
  process.send?.({ done, counts: storage.counts() })
  process.disconnect?.()
})
