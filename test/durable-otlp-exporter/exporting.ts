import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import type { Clock } from '../../packages/durable-otlp-exporter/src/clock.ts'
import type { ExportCounts, SignalCounts } from '../../packages/durable-otlp-exporter/src/counts.ts'
import type { Diagnostic } from '../../packages/durable-otlp-exporter/src/diagnostics.ts'
import { METRICS } from '../../src/telemetry/catalogue.ts'
import type { ExportOptions } from '../../src/telemetry/export.ts'
import { startTelemetry } from '../../src/telemetry/start.ts'
import { OtlpReceiver } from '../support/otlp-receiver.ts'

export interface ExportingOptions extends ExportOptions {
  env?: NodeJS.ProcessEnv
  receiver?: OtlpReceiver
  url?: string
  instanceId?: string | Promise<string>
  /** Which signals leave; metrics alone unless told. */
  signals?: readonly ('metrics' | 'traces' | 'logs')[]
}

/** A clock on which a second takes ten milliseconds, so that short intervals end in seconds of their own. */
export function fastClock(speed = 100): Clock {
  const [wall, monotonic] = [Date.now(), performance.now()]
  return { now: () => Math.floor(wall + (performance.now() - monotonic) * speed) }
}

export const QUICK_PACE = { firstMs: 2, longestMs: 10 }

/** Telemetry on its way to a receiver of this test's own, at intervals of 20 ms and with short pauses. */
export async function openExporting(t: Test, options: ExportingOptions = {}) {
  const { env, url, instanceId = 'somewhere:3000', signals = ['metrics'], ...exporting } = options
  const receiver = options.receiver ?? (await OtlpReceiver.start(t, { foreign: ['traces', 'logs'] }))
  const exporters = (['metrics', 'traces', 'logs'] as const).map((signal) => [
    `OTEL_${signal.toUpperCase()}_EXPORTER`,
    signals.includes(signal) ? 'otlp' : 'none',
  ])
  const telemetry = startTelemetry({
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: url ?? receiver.url,
      OTEL_METRIC_EXPORT_INTERVAL: '20',
      OTEL_BSP_SCHEDULE_DELAY: '5',
      OTEL_BLRP_SCHEDULE_DELAY: '5',
      OTEL_TRACES_SAMPLER: 'always_on',
      ...Object.fromEntries(exporters),
      ...env,
    },
    serviceVersion: '1.2.3',
    hostName: 'somewhere',
    supportTag: 'rollcall',
    instanceId,
    export: { clock: fastClock(), pace: QUICK_PACE, ...exporting },
  })
  t.teardown(() => telemetry.shutdown(100))
  const diagnostics: Diagnostic[] = []
  telemetry.diagnostics.listen((diagnostic) => diagnostics.push(diagnostic))
  const views = telemetry.instruments.counter(METRICS.pageViewsTotal, {})
  return {
    receiver,
    telemetry,
    diagnostics,
    said: () => diagnostics.map(({ message }) => message),
    view: (count = 1) => views.add(count),
    arrived: () => receiver.totals('web.page_views_total')['{}'] ?? 0,
  }
}

/** Waits until something is true; the test's own time-out ends a wait for ever. */
export async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await sleep(2)
}

export function difference({
  recorded,
  restored,
  acknowledged,
  waiting,
  deadLetters,
  dropped,
}: SignalCounts): number {
  const lost = Object.values(dropped).reduce((sum, items) => sum + items, 0)
  return recorded + restored - acknowledged - waiting - deadLetters - lost
}

/** What does not balance, by signal. */
export function imbalance(counts: ExportCounts): Record<string, number> {
  return Object.fromEntries(
    Object.entries(counts)
      .map(([signal, account]) => [signal, difference(account)] as const)
      .filter(([, amount]) => amount !== 0),
  )
}
