import { setTimeout as delay } from 'node:timers/promises'
import type { Test } from 'tap'
import { startService } from '../support/service.ts'
import { startCommand } from '../tools/run-command.ts'
import { openViewer, type ViewerClient } from '../viewer/viewer-client.ts'

/** The viewer, and the service that sends to it while visitors come: what `npm start` and `npm run load` are together. */
export async function startProduct(t: Test): Promise<{ viewer: ViewerClient; serviceUrl: string }> {
  const viewer = await openViewer(t)
  const service = await startService(t, {
    env: {
      OTEL_METRICS_EXPORTER: 'otlp',
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_LOGS_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_ENDPOINT: viewer.url,
      OTEL_METRIC_EXPORT_INTERVAL: '1000',
      OTEL_TRACES_SAMPLER_ARG: '1',
      SLOW_REQUEST_MS: '1',
    },
  })
  const load = startCommand('load', ['--url', service.url, '--rate', '20', '--duration', '600'])
  t.teardown(async () => {
    if (load.child.exitCode === null) load.child.kill('SIGKILL')
    await load.ended
  })
  return { viewer, serviceUrl: service.url }
}

/** When every one of these has arrived. */
export async function arrived(viewer: ViewerClient, names: readonly string[]): Promise<void> {
  for (;;) {
    const { json } = await viewer.get('/api/metrics')
    const known = new Set(json.metrics.map(({ name }: { name: string }) => name))
    if (names.every((name) => known.has(name))) return
    await delay(100)
  }
}
