import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { getCompileCacheDir } from 'node:module'
import { createServer } from 'node:net'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { test } from 'tap'
import { temporaryFolder } from './support/harness.ts'
import { startService } from './support/service.ts'

/** Starts the service where it must not start: its exit code and what it says. */
async function failToStart(env: NodeJS.ProcessEnv): Promise<{ code: unknown; stderr: string }> {
  const server = join(import.meta.dirname, '..', 'src', 'server.ts')
  const base = {
    PATH: process.env.PATH,
    NODE_COMPILE_CACHE: getCompileCacheDir(),
    PORT: '0',
    OTEL_SDK_DISABLED: 'true',
    LOG_LEVEL: 'silent',
    VIEWER_PORT: '0',
  }
  return new Promise((resolve) => {
    execFile(process.execPath, [server], { env: { ...base, ...env } }, (error, _stdout, stderr) =>
      resolve({ code: error?.code, stderr }),
    )
  })
}

test('what keeps the service from starting is said in one sentence with the mend, and the exit code is 1', async (t) => {
  const folder = temporaryFolder(t)
  const database = (name: string) => `sqlite:${join(folder, name)}`
  const taken = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => taken.once('listening', resolve))
  t.teardown(() => taken.close())
  const { port } = taken.address() as { port: number }

  writeFileSync(join(folder, 'text.db'), 'this is no database, whatever its name says'.repeat(100))
  writeFileSync(join(folder, 'checks.json'), '{"test.support.random":{"everySeconds":0}}')
  const service = await startService(t, { env: { DATABASE_URL: database('newer.db') } })
  service.kill('SIGTERM')
  await service.exited
  const newer = new Sqlite(join(folder, 'newer.db'))
  newer.exec("insert into kysely_migration (name, timestamp) values ('9999_from_the_future', '2030-01-01')")
  newer.close()

  const cases: Array<[string, NodeJS.ProcessEnv, RegExp]> = [
    ['a taken port', { PORT: String(port) }, /^Port \d+ on 127\.0\.0\.1 is taken; .+ set PORT/],
    [
      'a taken port, for workers',
      { PORT: String(port), WORKERS: '2' },
      /^Port \d+ on 127\.0\.0\.1 is taken; .+ set PORT/,
    ],
    ['a foreign address', { HOST: '192.0.2.1' }, /^HOST 192\.0\.2\.1 is no address of this machine; set it/],
    ['a bad setting', { PORT: 'http' }, /^PORT is "http"; set it to a whole number/],
    [
      'a bad protocol',
      { OTEL_SDK_DISABLED: '', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
      /OTEL_EXPORTER_OTLP_PROTOCOL.+http\/protobuf/,
    ],
    [
      'what only a worker finds',
      { WORKERS: '2', OTEL_SDK_DISABLED: '', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
      /OTEL_EXPORTER_OTLP_PROTOCOL.+http\/protobuf/,
    ],
    [
      'a folder that cannot be made',
      { DATABASE_URL: database('text.db/rollcall.db') },
      /cannot be written; make .+ or set DATABASE_URL/,
    ],
    ['no database', { DATABASE_URL: database('text.db') }, /is not a database; move it away/],
    [
      'a newer database',
      { DATABASE_URL: database('newer.db') },
      /newer version .+9999_from_the_future.+; start that version/,
    ],
    [
      'a bad checks file',
      { CHECKS_FILE: join(folder, 'checks.json') },
      /checks\.json must give "test\.support\.random"/,
    ],
  ]
  for (const [name, env, sentence] of cases) {
    const { code, stderr } = await failToStart({ DATABASE_URL: database(`${name}.db`), ...env })
    t.equal(code, 1, name)
    t.match(stderr, sentence, name)
    t.equal(stderr.trimEnd().split('\n').length, 1, `${name}: one line`)
  }
})

test('it prints the address, and the log is JSON', async (t) => {
  const service = await startService(t)
  t.match(service.url, /^http:\/\/127\.0\.0\.1:\d+$/)
  // Standard error is another pipe: it may be read later.
  while (!service.errors().includes(service.url)) await new Promise((resolve) => setTimeout(resolve, 5))
  t.equal((await fetch(`${service.url}/readyz`)).status, 200)
  service.kill('SIGINT')
  t.strictSame(await service.exited, [0, null])
  t.equal(service.lines.filter(({ level }) => level === 'error').length, 0)
})

for (const workers of [undefined, 2])
  test(`the log says once that it listens, ${workers ?? 'no'} workers`, async (t) => {
    const { url, lines, kill, exited, outputEnded } = await startService(t, { ...(workers && { workers }) })
    kill('SIGTERM')
    await exited
    await outputEnded
    t.match(
      lines.filter(({ msg }) => msg === '' || /listen/i.test(msg)),
      [{ level: 'info', msg: 'listening', url }],
    )
  })

test('SIGHUP ends it in order, also when a closing terminal sends it twice', async (t) => {
  const service = await startService(t)
  service.kill('SIGHUP')
  while (!service.errors().includes('Stopping')) await new Promise((resolve) => setTimeout(resolve, 5))
  service.kill('SIGHUP')
  t.strictSame(await service.exited, [0, null])
})

test('who interrupts again does not wait', async (t) => {
  const service = await startService(t, { env: { SHUTDOWN_DRAIN_MS: '60000', SHUTDOWN_GRACE_MS: '600000' } })
  const impatience = setInterval(() => service.kill('SIGINT'), 200)
  t.teardown(() => clearInterval(impatience))
  t.strictSame(await service.exited, [1, null])
  await service.logged('second SIGINT, exiting')
})
