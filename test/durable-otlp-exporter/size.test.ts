import { type Test, test } from 'tap'
import { METRICS } from '../../src/telemetry/catalogue.ts'
import type { Counter, Recorder } from '../../src/telemetry/instruments.ts'
import { startTelemetry } from '../../src/telemetry/start.ts'
import { temporaryFolder } from '../support/harness.ts'
import { Intake } from '../support/intake/intake.ts'

const COUNTERS = 2500
const HISTOGRAMS = 400

for (const protocol of ['http/json', 'http/protobuf'])
  test(`an interval of many series over ${protocol} leaves in requests that Datadog takes`, async (t) => {
    const intake = await Intake.start()
    t.teardown(() => intake.close())
    const { telemetry, diagnostics } = sendingTo(t, intake.url, protocol)
    for (let n = 0; n < COUNTERS; n++) series(telemetry.instruments, 'counter', n).add(1)
    for (let n = 0; n < HISTOGRAMS; n++) {
      const recorder = series(telemetry.instruments, 'histogram', n)
      // Many buckets with many different counts: the largest points there are, and such as compress badly.
      for (let value = 0; value < 300; value++) recorder.record(2 ** (10 * random()))
    }
    await telemetry.shutdown(60_000)
    const { recorded, acknowledged } = telemetry.counts().metrics
    t.equal(acknowledged, recorded)
    t.ok(recorded >= COUNTERS + HISTOGRAMS)
    t.strictSame(intake.refusals.list(), [])
    t.match(intake.metrics.counters, { stored: recorded, overwritten: 0 })
    t.strictSame(Object.keys(intake.requests), ['200'])
    t.same(intake.metrics.sum({ metric: 'web.page_views' }), { '': COUNTERS })
    t.strictSame(diagnostics, [])
    t.comment(`${recorded} points in ${intake.requests['200']} requests`)
  })

function sendingTo(t: Test, url: string, protocol: string) {
  const telemetry = startTelemetry({
    env: {
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${url}/api/v2/otlpmetrics`,
      OTEL_EXPORTER_OTLP_METRICS_HEADERS: 'dd-api-key=a-key',
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      OTEL_TRACES_EXPORTER: 'none',
      OTEL_LOGS_EXPORTER: 'none',
      // Only the shutdown collects.
      OTEL_METRIC_EXPORT_INTERVAL: '3600000',
    },
    serviceVersion: '1.2.3',
    hostName: 'somewhere',
    instanceId: 'one',
    supportTag: 'rollcall',
    export: { directory: temporaryFolder(t) },
  })
  const diagnostics: string[] = []
  telemetry.diagnostics.listen(({ message }) => diagnostics.push(message))
  return { telemetry, diagnostics }
}

/** The same numbers from 0 to 1 in each run (Park and Miller). */
let state = 1
function random(): number {
  state = (state * 48_271) % 2_147_483_647
  return state / 2_147_483_647
}

type Instruments = ReturnType<typeof startTelemetry>['instruments']

/** Tags outside of the catalogue's closed sets, since those do not make so many series. */
function series(instruments: Instruments, kind: 'counter', n: number): Counter
function series(instruments: Instruments, kind: 'histogram', n: number): Recorder
function series(instruments: Instruments, kind: 'counter' | 'histogram', n: number): Counter | Recorder {
  const tags = { page: `p${n}${'-'.repeat(200)}` } as object as { page: 'home' }
  return kind === 'counter'
    ? instruments.counter(METRICS.pageViews, tags)
    : instruments.histogram(METRICS.queryTime, tags)
}
