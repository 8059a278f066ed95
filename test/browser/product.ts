import { setTimeout as delay } from 'node:timers/promises'
import type { Test } from 'tap'
import { temporaryFile } from '../db/temporary-database.ts'
import { PASSWORD } from '../support/harness.ts'
import { startService } from '../support/service.ts'
import { runScript, startCommand } from '../tools/run-command.ts'
import { openViewer, type ViewerClient } from '../viewer/viewer-client.ts'

/** The viewer, and the service that sends to it while visitors come: what `npm start` and `npm run load` are together. */
export async function startProduct(t: Test): Promise<{ viewer: ViewerClient; serviceUrl: string }> {
  const viewer = await openViewer(t)
  const database = { DATABASE_URL: `sqlite:${temporaryFile(t)}` }
  const seeding = ['--users', '50', '--polls', '5', '--votes', '100', '--friends', '2', '--feeds', '2']
  const seeded = await runScript('seed', seeding, database)
  t.equal(seeded.code, 0, seeded.stderr)
  const service = await startService(t, {
    env: {
      ...database,
      OTEL_METRICS_EXPORTER: 'otlp',
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_LOGS_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_ENDPOINT: viewer.url,
      OTEL_METRIC_EXPORT_INTERVAL: '1000',
      OTEL_TRACES_SAMPLER_ARG: '1',
      SLOW_REQUEST_MS: '1',
    },
  })
  await askForNews(service.url)
  const load = startCommand('load', ['--url', service.url, '--rate', '20', '--duration', '600'])
  t.teardown(async () => {
    if (load.child.exitCode === null) load.child.kill('SIGKILL')
    await load.ended
  })
  return { viewer, serviceUrl: service.url }
}

/** A member whose feed is not there: the service asks for it, and is refused. */
async function askForNews(url: string): Promise<void> {
  const headers: Record<string, string> = { 'content-type': 'application/json' }
  const send = async (method: string, path: string, body?: object) => {
    const reply = await fetch(url + path, { method, headers, ...(body && { body: JSON.stringify(body) }) })
    return reply.json() as Promise<{ token: string; data: [{ id: number }] }>
  }
  const account = { email: 'reader@example.com', password: PASSWORD }
  await send('POST', '/v1/users', { name: 'Reader', ...account })
  headers.authorization = `Bearer ${(await send('POST', '/v1/sessions', account)).token}`
  const { data } = await send('PUT', '/v1/me/feeds', { urls: ['http://127.0.0.1:9/feed.xml'] })
  await send('GET', `/v1/me/feeds/${data[0].id}/items`)
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
