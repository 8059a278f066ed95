import { METRICS } from '../../src/telemetry/catalogue.ts'
import { startTelemetry } from '../../src/telemetry/start.ts'

/** A process that exports until it is killed, and tells its counts all the while. */
const [directory, url, instanceId] = process.argv.slice(2) as [string, string, string]
const started = Date.now()
const telemetry = startTelemetry({
  env: {
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_METRIC_EXPORT_INTERVAL: '20',
    OTEL_BSP_SCHEDULE_DELAY: '5',
    OTEL_BLRP_SCHEDULE_DELAY: '5',
    OTEL_TRACES_SAMPLER: 'always_on',
  },
  serviceVersion: '1.2.3',
  hostName: 'somewhere',
  supportTag: 'rollcall',
  instanceId,
  export: {
    directory,
    clock: { now: () => started + Math.floor(performance.now() * 100) },
    pace: { firstMs: 5, longestMs: 5 },
  },
})
telemetry.instruments.counter(METRICS.pageViewsTotal, {}).add(42)
telemetry.tracer.startSpan('before the kill').end()
telemetry.logs.emit({ body: 'before the kill' })
setInterval(() => process.send?.(telemetry.counts()), 10)
