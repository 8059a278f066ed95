import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { COUNTED_TABLES } from '../../migrations/index.ts'
import { readChecksFile } from '../../src/checks/checks-file.ts'
import { schedule } from '../../src/checks/schedule.ts'
import { startChecks } from '../../src/checks/start.ts'
import { openDatabase } from '../../src/db/database.ts'
import { migrateToLatest } from '../../src/db/migrate.ts'
import { unobserved } from '../../src/db/observer.ts'
import { openTelemetry } from '../telemetry/measured.ts'

function checksFile(t: Test, text: string): string {
  const file = join(t.testdir({}), 'checks.json')
  writeFileSync(file, text)
  return file
}

t.test('the file that is shipped samples a random value every 15 seconds', async (t) => {
  const file = join(import.meta.dirname, '..', '..', 'checks.json')
  t.match(JSON.parse(readFileSync(file, 'utf8')), { 'test.support.random': { everySeconds: 15 } })
  t.ok(readChecksFile(file))
})

t.test('a file that cannot be used stops the start with a sentence that says why', async (t) => {
  for (const [text, why] of [
    ['{', 'is not well-formed JSON.'],
    ['[]', 'must be an object with a member for each check.'],
    ['{"test.random":{"everySeconds":1}}', /names a check "test.random" that does not exist; there are /],
    ['{"test.support.random":15}', 'must give "test.support.random" the one member "everySeconds".'],
    [
      '{"test.support.random":{"everySeconds":1,"x":1}}',
      'must give "test.support.random" the one member "everySeconds".',
    ],
    [
      '{"test.support.random":{"everySeconds":0}}',
      'must give "test.support.random" an everySeconds from 1 to 86400.',
    ],
    [
      '{"test.support.random":{"everySeconds":"15"}}',
      'must give "test.support.random" an everySeconds from 1 to 86400.',
    ],
  ] as const) {
    const file = checksFile(t, text)
    t.throws(() => readChecksFile(file), {
      message: typeof why === 'string' ? `The checks file ${file} ${why}` : why,
    })
  }
  t.throws(() => readChecksFile('/nowhere/checks.json'), {
    message: /cannot be read \(ENOENT\); create it or point CHECKS_FILE/,
  })
})

t.test('the checks record what they say, the table sizes from the counts that triggers keep', async (t) => {
  const { receiver, telemetry } = await openTelemetry(t)
  const db = openDatabase({ url: 'sqlite::memory:', busyTimeoutMs: 100, observer: unobserved })
  t.teardown(() => db.destroy())
  await migrateToLatest(db)
  const file = checksFile(
    t,
    '{"test.support.random":{"everySeconds":1},"rollcall.table.rows":{"everySeconds":1}}',
  )
  const { promise: recorded, resolve } = Promise.withResolvers<void>()
  const { instruments } = telemetry
  const watched = {
    ...telemetry,
    instruments: Object.assign(Object.create(instruments), {
      gauge: (metric: never, attributes: { table?: string }) => {
        const gauge = instruments.gauge(metric, attributes as never)
        if (attributes.table !== 'users') return gauge
        return {
          record(rows: number) {
            gauge.record(rows)
            resolve()
          },
        }
      },
    }),
  }
  const checks = startChecks({
    file,
    db,
    telemetry: watched,
    logger: { warn: (fields) => t.fail(JSON.stringify(fields)) },
  })
  await recorded
  checks.stop()
  await new Promise((done) => setImmediate(done))
  await telemetry.shutdown()
  const rows = receiver.metrics('rollcall.table.rows')
  t.same(rows.map(({ attributes }) => attributes.table).sort(), [...COUNTED_TABLES].sort())
  t.ok(rows.every(({ value, kind, unit }) => value === 0 && kind === 'gauge' && unit === '{row}'))
  const [random] = receiver.metrics('test.support.random')
  t.ok(random && Number(random.value) >= 0 && Number(random.value) < 1)
})

t.test('a check that is not in the file does not run', async (t) => {
  const { receiver, telemetry } = await openTelemetry(t)
  const file = checksFile(t, '{}')
  startChecks({ file, db: undefined as never, telemetry, logger: { warn() {} } }).stop()
  await telemetry.shutdown()
  t.same(receiver.metrics('test.support.random'), [])
})

/** A schedule's own timers do not keep the process alive, so a test that waits for them has to. */
function stayAlive(t: Test): void {
  const timer = setInterval(() => {}, 1000)
  t.teardown(() => clearInterval(timer))
}

t.test('a run that fails is logged, and the next one comes', async (t) => {
  stayAlive(t)
  const { promise: twice, resolve } = Promise.withResolvers<void>()
  const failures: object[] = []
  const stop = schedule(
    'brittle',
    5,
    () => {
      throw new Error(`attempt ${failures.length}`)
    },
    {
      warn(fields) {
        failures.push(fields)
        if (failures.length === 2) resolve()
      },
    },
  )
  await twice
  stop()
  t.match(failures, [
    { check: 'brittle', err: { message: 'attempt 0' } },
    { check: 'brittle', err: { message: 'attempt 1' } },
  ])
})

t.test('what is due while it still runs is left out', async (t) => {
  stayAlive(t)
  let runs = 0
  const { promise: held, resolve } = Promise.withResolvers<void>()
  const run = () => {
    runs += 1
    return held
  }
  const stop = schedule('slow', 5, run, { warn: () => t.fail('nothing failed') })
  await new Promise((done) => setTimeout(done, 40))
  t.equal(runs, 1)
  stop()
  resolve()
})
