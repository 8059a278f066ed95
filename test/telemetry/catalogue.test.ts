import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PerformanceObserver } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { MetricDefinition } from '@rollcall/fastify-route-telemetry'
import t from 'tap'
import { startChecks } from '../../src/checks/start.ts'
import { openDatabase } from '../../src/db/database.ts'
import { migrateToLatest } from '../../src/db/migrate.ts'
import { unobserved } from '../../src/db/observer.ts'
import { METRICS } from '../../src/telemetry/catalogue.ts'
import { cataloguePage } from '../../src/telemetry/catalogue-page.ts'
import { fetchTiming } from '../../src/telemetry/fetch-timing.ts'
import { hashTiming } from '../../src/telemetry/password-timing.ts'
import { queryTiming } from '../../src/telemetry/query-timing.ts'
import { mostSeries, seriesKey, seriesOf } from '../../src/telemetry/series.ts'
import { openMeasured } from './measured.ts'

const metrics: MetricDefinition[] = Object.values(METRICS)
const byName = new Map(metrics.map((metric) => [metric.name, metric]))
const SHAPE = {
  routes: [
    { method: 'GET', url: '/', page: 'home', statuses: [200, 404, 500] },
    { method: 'POST', url: '/v1/users', page: 'signup', statuses: [201, 400, 409, 415, 422, 429, 500, 503] },
  ],
} as const

t.test('each metric has a name of its own, a unit, a source, and a bound for its series', async (t) => {
  t.equal(byName.size, metrics.length)
  for (const metric of metrics) {
    t.match(metric.name, /^[a-z0-9]+([._][a-z0-9]+)+$/)
    t.ok(metric.unit && metric.source && metric.description.endsWith('.'), metric.name)
    t.equal(
      metric.clock !== undefined || metric.kind !== 'histogram',
      true,
      `${metric.name} says what its clock is`,
    )
    const series = Array.from(seriesOf(metric, SHAPE), seriesKey)
    t.ok(series.length > 0, metric.name)
    t.equal(new Set(series).size, series.length, `${metric.name} has no series twice`)
    for (const [name, { values, boundedBy }] of Object.entries(metric.attributes))
      t.ok(values?.length || boundedBy, `${metric.name} bounds ${name}`)
  }
  t.equal(mostSeries(METRICS.requestDuration, SHAPE), 2 * (15 + 35 + 11 * 43))
  t.same([...seriesOf(METRICS.pageViews, SHAPE)], [{ page: 'home' }, { page: 'signup' }])
})

t.test('every metric is emitted, and those of the process have values that make sense', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'checks.json')
  writeFileSync(file, '{"test.support.random":{"everySeconds":15},"rollcall.table.rows":{"everySeconds":15}}')
  const { app, telemetry, received } = await openMeasured(t, (app) => {
    app.get('/', { config: { page: 'home' } }, async () => 'welcome')
  })
  const timing = queryTiming(telemetry)
  timing.connectionWait(0)
  timing.statement({ sql: 'select 1', operation: 'SELECT', collection: 'users', summary: 'SELECT users' })(
    0,
    1,
    undefined,
  )
  fetchTiming(telemetry.instruments, 'news')({ seconds: 0.2, status: 200 })
  const hashing = hashTiming(telemetry.instruments)
  hashing.hashed(0.03)
  hashing.queued(2)
  const db = openDatabase({ url: 'sqlite::memory:', busyTimeoutMs: 0, observer: unobserved })
  t.teardown(() => db.destroy())
  await migrateToLatest(db)
  await db.updateTable('table_rows').set({ rows: 115 }).where('name', '=', 'users').execute()
  const checks = startChecks({ file, db, telemetry, logger: app.log })
  t.teardown(() => checks.stop())
  await app.inject('/')
  await garbageCollected()
  // The event loop's delay is measured every 20 ms.
  await new Promise((resolve) => setTimeout(resolve, 60))
  const points = (await received()).metrics()

  t.same(new Set(points.map(({ name }) => name)), new Set(byName.keys()))
  t.match(
    points.filter(({ name, attributes }) => name === 'rollcall.table.rows' && attributes.table === 'users'),
    [{ attributes: { table: 'users' }, value: 115 }],
  )
  t.match(
    points.filter(({ name }) => name === 'rollcall.password.hash.queue'),
    [{ value: 2 }],
  )
  const value = (name: string) => points.find((point) => point.name === name)?.value ?? Number.NaN
  t.ok(value('test.support.random') >= 0 && value('test.support.random') < 1)
  t.ok(value('process.memory.usage') > 10_000_000 && value('process.memory.usage') < 4_000_000_000)
  t.ok(value('process.uptime') > 0 && value('process.uptime') <= process.uptime())
  t.ok(value('nodejs.eventloop.utilization') > 0 && value('nodejs.eventloop.utilization') <= 1)
})

/** Forces a collection and waits until observers were told of it, which is in a later turn. */
async function garbageCollected(): Promise<void> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const { promise, resolve } = Promise.withResolvers<void>()
  const observer = new PerformanceObserver(() => resolve())
  observer.observe({ entryTypes: ['gc'] })
  collect()
  await promise
  observer.disconnect()
}

t.test('docs/telemetry.md is what the catalogue says', async (t) => {
  const file = new URL('../../docs/telemetry.md', import.meta.url)
  t.equal(readFileSync(file, 'utf8'), cataloguePage(), 'run npm run docs')
  for (const { name } of metrics) t.ok(cataloguePage().includes(`\n## ${name}\n`))
  const run = (...args: string[]) =>
    spawnSync(process.execPath, ['scripts/telemetry-docs.ts', ...args], { encoding: 'utf8' })
  t.match(run('--check'), { status: 0, stderr: '' })
  t.match(run('--help'), { status: 0, stdout: /--check/ })
  t.match(run('--chekc'), { status: 2, stderr: /^[^\n]+\n$/ })
})
