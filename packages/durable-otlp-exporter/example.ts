/**
 * `node example.ts [folder]` does three jobs and sends their telemetry to OTEL_EXPORTER_OTLP_ENDPOINT (default:
 * http://localhost:4318). Run it without a receiver, and once more with one: six jobs arrive.
 */
import { resourceFromAttributes } from '@opentelemetry/resources'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { TracerProvider } from '@opentelemetry/sdk-trace'
import {
  DurableOTLPMetricExporter,
  DurableOTLPTraceExporter,
  DurableSpanProcessor,
  DurableStorage,
  ExactMetricReader,
} from '@rollcall/durable-otlp-exporter'

const resource = resourceFromAttributes({ 'service.name': 'jobs', 'service.instance.id': 'jobs:1' })
const storage = new DurableStorage({ directory: process.argv[2] ?? 'telemetry', resource })

const meters = new MeterProvider({
  resource,
  readers: [new ExactMetricReader({ exporter: new DurableOTLPMetricExporter({ storage }) })],
})
const tracers = new TracerProvider({
  resource,
  spanProcessors: [new DurableSpanProcessor({ exporter: new DurableOTLPTraceExporter({ storage }) })],
})

const done = meters.getMeter('jobs').createCounter('jobs.done')
const tracer = tracers.getTracer('jobs')
for (const name of ['sort', 'print', 'send']) {
  const span = tracer.startSpan(name)
  done.add(1)
  span.end()
}

await Promise.all([meters.shutdown(), tracers.shutdown()])
const { metrics, traces } = storage.counts()
console.log(`points: ${metrics.acknowledged} acknowledged, ${metrics.waiting} wait on disk`)
console.log(`spans: ${traces.acknowledged} acknowledged, ${traces.waiting} wait on disk`)
