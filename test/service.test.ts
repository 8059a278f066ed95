import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { existsSync, globSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { readConfig } from '../src/config.ts'
import { openDatabase } from '../src/db/database.ts'
import { migrateToLatest } from '../src/db/migrate.ts'
import { unobserved } from '../src/db/observer.ts'
import { serve } from '../src/service.ts'
import { temporaryFolder } from './support/harness.ts'
import { OtlpReceiver } from './support/otlp-receiver.ts'

/** Calls `onMade` with the application of each start, before anything is registered on it. */
function whenMade(t: Test, onMade: (app: FastifyInstance) => void): void {
  const listener = (message: unknown) => onMade((message as { fastify: FastifyInstance }).fastify)
  subscribe('fastify.initialization', listener)
  t.teardown(() => unsubscribe('fastify.initialization', listener))
}

/** Starts in this process, where a start that leaves something open is not ended by its exit. */
async function start(t: Test, env: NodeJS.ProcessEnv = {}) {
  const receiver = await OtlpReceiver.start(t)
  const folder = temporaryFolder(t)
  const file = join(folder, 'rollcall.db')
  const telemetry = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_TRACES_EXPORTER: 'none' }
  Object.assign(process.env, telemetry)
  const config = readConfig({
    PORT: '0',
    INSTANCE_ID: 'this',
    LOG_LEVEL: 'silent',
    DATABASE_URL: `sqlite:${file}`,
    TELEMETRY_DIR: join(folder, 'telemetry'),
    ...env,
  })
  return {
    file,
    serve: () => serve({ config, listenOn: { host: config.host, port: config.port } }),
    /** SQLite takes the log away when the last connection is closed in order. */
    isDatabaseOpen: () => existsSync(`${file}-wal`),
    /** What was recorded until now has left, or waits on disk. */
    hasFlushed: () =>
      Object.keys(receiver.totals('database.query.time')).length > 0 ||
      globSync(join(folder, 'telemetry', 'instance-*', '*metrics*')).length > 0,
  }
}

t.test('a start that fails closes what it has opened, in the reverse order', async (t) => {
  const closing: string[] = []
  let current: Awaited<ReturnType<typeof start>> | undefined
  whenMade(t, (app) => {
    app.addHook('onClose', async () => {
      closing.push(current?.isDatabaseOpen() ? 'application before database' : 'database before application')
    })
  })
  const taken = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => taken.once('listening', resolve))
  t.teardown(() => taken.close())
  const { port } = taken.address() as { port: number }
  const checks = join(temporaryFolder(t), 'checks.json')
  writeFileSync(checks, '{"test.support.random":{"everySeconds":0}}')

  const cases: [string, NodeJS.ProcessEnv, RegExp][] = [
    ['a port that is taken', { PORT: String(port) }, /EADDRINUSE/],
    ['a file of checks that cannot be used', { CHECKS_FILE: checks }, /everySeconds/],
  ]
  for (const [name, env, message] of cases) {
    current = await start(t, env)
    closing.length = 0
    await t.rejects(current.serve(), { message })
    t.strictSame(closing, ['application before database'], name)
    t.notOk(current.isDatabaseOpen(), `${name}: the database is closed`)
    t.ok(current.hasFlushed(), `${name}: telemetry is closed`)
  }
})

t.test('so does one whose migration fails', async (t) => {
  const { file, serve, isDatabaseOpen, hasFlushed } = await start(t)
  const db = openDatabase({ url: `sqlite:${file}`, busyTimeoutMs: 0, observer: unobserved })
  await migrateToLatest(db)
  await db.destroy()
  const newer = new Sqlite(file)
  newer.exec("insert into kysely_migration (name, timestamp) values ('9999_from_the_future', '2030-01-01')")
  newer.close()
  await t.rejects(serve(), { message: /newer version/ })
  t.notOk(isDatabaseOpen())
  t.ok(hasFlushed())
})

t.test('so does one whose plugin throws', async (t) => {
  let isClosed = false
  whenMade(t, (app) => {
    app.addHook('onClose', async () => {
      isClosed = true
    })
    app.addHook('onRoute', () => {
      throw new Error('a plugin failed')
    })
  })
  const { serve, isDatabaseOpen, hasFlushed } = await start(t)
  await t.rejects(serve(), { message: 'a plugin failed' })
  t.ok(isClosed)
  t.notOk(isDatabaseOpen())
  t.ok(hasFlushed())
})
