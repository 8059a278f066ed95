import { AsyncLocalStorage } from 'node:async_hooks'
import Sqlite from 'better-sqlite3'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import type { DatabaseObserver } from '../../src/db/observer.ts'
import { holdWriteLock } from './lock-holder.ts'
import { newUser, openMigrated } from './temporary-database.ts'

/**
 * The driver's own books: every execution that better-sqlite3 ends, written down under its text. Those that a lock
 * refused executed nothing and are no queries.
 */
function keepLedger(t: Test): string[] {
  const ledger: string[] = []
  const isLock = (error: unknown) => String((error as { code?: string }).code).startsWith('SQLITE_BUSY')
  const raw = new Sqlite(':memory:')
  const prototype = Object.getPrototypeOf(raw.prepare('select 1'))
  raw.close()
  for (const method of ['all', 'get', 'run', 'iterate'] as const) {
    const original = prototype[method]
    prototype[method] = function (this: { source: string }, ...parameters: unknown[]) {
      try {
        const result = original.apply(this, parameters)
        ledger.push(`${this.source}: ok`)
        return result
      } catch (error) {
        if (!isLock(error)) ledger.push(`${this.source}: failed`)
        throw error
      }
    }
    t.teardown(() => {
      prototype[method] = original
    })
  }
  const { exec } = Sqlite.prototype
  Sqlite.prototype.exec = function (this: Sqlite.Database, source: string) {
    ledger.push(`exec ${source}`)
    return exec.call(this, source)
  }
  t.teardown(() => {
    Sqlite.prototype.exec = exec
  })
  return ledger
}

/** What the observer hears, written like the ledger, with the times checked on the way. */
function listen(t: Test): { observer: DatabaseObserver; heard: string[]; described: Map<string, string> } {
  const heard: string[] = []
  const described = new Map<string, string>()
  const observer: DatabaseObserver = {
    statement({ sql, summary }) {
      described.set(sql, summary)
      return (startedAtMs, endedAtMs, error) => {
        if (!(startedAtMs <= endedAtMs && endedAtMs <= performance.now())) t.fail(`times of ${sql}`)
        heard.push(`${sql}: ${error === undefined ? 'ok' : 'failed'}`)
      }
    },
    connectionWait(seconds) {
      if (!(seconds >= 0 && seconds < 60)) t.fail(`waited ${seconds} s`)
    },
  }
  return { observer, heard, described }
}

t.test('the observer hears exactly what the driver executed', async (t) => {
  const ledger = keepLedger(t)
  const { observer, heard } = listen(t)
  const { db, file } = await openMigrated(t, { observer, busyTimeoutMs: 20 })
  t.ok(heard.length > 30, 'opening and migrating')
  t.same(heard, ledger)

  await db
    .insertInto('users')
    .values([newUser('a'), newUser('b'), newUser('c')])
    .execute()
  await db.selectFrom('users').selectAll().execute()
  await db.insertInto('users').values(newUser()).returning('id').execute()
  const taken = { ...newUser(), email_key: 'taken' }
  await db.insertInto('users').values(taken).execute()
  await t.rejects(db.insertInto('users').values(taken).execute(), { code: 'SQLITE_CONSTRAINT_UNIQUE' })
  await t.rejects(sql`select * from users where id = ${{ an: 'object' }}`.execute(db), 'cannot be bound')
  await t.rejects(sql`select abs(-9223372036854775808)`.execute(db), { message: /overflow/ })
  await t.rejects(sql`select * from nowhere`.execute(db), { message: /no such table/ })
  t.same(heard, ledger, 'queries, and queries that fail')

  await db.transaction().execute((tx) => tx.insertInto('users').values(newUser()).execute())
  const failing = db.transaction().execute(async (tx) => {
    await tx.deleteFrom('users').where('id', '=', 1).execute()
    throw new Error('no')
  })
  await t.rejects(failing)
  t.match(heard.slice(-3), [/begin immediate: ok/, /delete .*: ok/, /rollback: ok/])
  t.same(heard, ledger, 'transactions')

  const all = () => db.selectFrom('users').selectAll().stream(2)
  for await (const _ of all());
  for await (const _ of all()) break
  const unbindable = db
    .selectFrom('users')
    .select('id')
    .where('id', '=', {} as number)
    .stream()
  await t.rejects(async () => {
    for await (const _ of unbindable);
  })
  t.same(heard, ledger, 'streams')

  const lock = await holdWriteLock(t, file)
  await t.rejects(db.insertInto('users').values(newUser()).execute(), { name: 'DatabaseLockedError' })
  await t.rejects(db.transaction().execute((tx) => tx.insertInto('users').values(newUser()).execute()))
  await db.selectFrom('users').selectAll().execute()
  await lock.release()
  await db.insertInto('users').values(newUser()).execute()
  t.same(heard, ledger, 'locks')

  await db.destroy()
  t.equal(heard.at(-1), 'pragma optimize: ok')
  t.same(heard, ledger, 'closing')
})

t.test('a stream that fails half way is heard once, as a failure', async (t) => {
  const { observer, heard } = listen(t)
  const { db } = await openMigrated(t, { observer })
  for (const name of ['1', '2', 'x']) await db.insertInto('users').values(newUser(name)).execute()
  heard.length = 0
  const rows = db.selectFrom('users').select(sql`json(name)`.as('json')).orderBy('id').stream(1)
  await t.rejects(
    async () => {
      for await (const _ of rows);
    },
    { message: /malformed JSON/ },
  )
  t.match(heard, [/: failed$/])
  t.equal(heard.length, 1)
})

t.test('the probe is called in the context of whoever asked', async (t) => {
  const asker = new AsyncLocalStorage<string>()
  const heard: (string | undefined)[] = []
  const observer: DatabaseObserver = {
    statement: () => () => heard.push(asker.getStore()),
    connectionWait: () => heard.push(asker.getStore()),
  }
  const { db, file } = await openMigrated(t, { observer })
  const lock = await holdWriteLock(t, file)
  heard.length = 0
  const ask = (name: string) =>
    asker.run(name, async () => {
      await db.insertInto('users').values(newUser()).execute()
      for await (const _ of db.selectFrom('users').select('id').stream(1)) break
    })
  const asked = Promise.all(['a', 'b', 'c'].map(ask))
  setTimeout(() => lock.release(), 10)
  await asked
  for (const name of ['a', 'b', 'c']) t.equal(heard.filter((who) => who === name).length, 4)
  t.equal(heard.length, 12)
})
