import { setTimeout as sleep } from 'node:timers/promises'
import Sqlite from 'better-sqlite3'
import { sql } from 'kysely'
import t from 'tap'
import type { Database } from '../../src/db/database.ts'
import { DatabaseLockedError } from '../../src/db/database-error.ts'
import { type DatabaseObserver, unobserved } from '../../src/db/observer.ts'
import { StatementCache } from '../../src/db/statement-cache.ts'
import { holdWriteLock } from './lock-holder.ts'
import { newUser, openMigrated } from './temporary-database.ts'

/** Every text that is prepared, as often as it is. */
function preparing(prepared: string[]): DatabaseObserver {
  return {
    statement({ sql }) {
      prepared.push(sql)
      return () => {}
    },
    connectionWait() {},
  }
}

t.test('a statement is prepared once for many executions', async (t) => {
  const prepared: string[] = []
  const { db } = await openMigrated(t, { observer: preparing(prepared) })
  prepared.length = 0
  for (let id = 0; id < 20; id++) await db.selectFrom('users').select('name').where('id', '=', id).execute()
  t.same(prepared, ['select "name" from "users" where "id" = ?'])
})

t.test('no more statements are kept than the bound, and the least recently used goes first', async (t) => {
  const raw = new Sqlite(':memory:')
  const prepared: string[] = []
  const statements = new StatementCache(raw, preparing(prepared), 3)
  for (const text of ['select 1', 'select 2', 'select 3', 'select 1', 'select 4']) statements.get(text)
  t.equal(statements.size, 3)
  prepared.length = 0
  for (const text of ['select 1', 'select 3', 'select 4', 'select 2']) statements.get(text)
  t.same(prepared, ['select 2'])
  for (let n = 0; n < 1000; n++) statements.get(`select ${n}`)
  t.equal(statements.size, 3)
  raw.close()
})

t.test('a kept statement sees a changed schema', async (t) => {
  const { db } = await openMigrated(t)
  await sql`create table notes (a text)`.execute(db)
  await sql`insert into notes values ('x')`.execute(db)
  t.same((await sql`select * from notes`.execute(db)).rows, [{ a: 'x' }])
  await sql`alter table notes add column b text default 'y'`.execute(db)
  t.same((await sql`select * from notes`.execute(db)).rows, [{ a: 'x', b: 'y' }])
})

t.test('transactions that start together run one after the other, in the order of asking', async (t) => {
  const { db } = await openMigrated(t)
  const steps: string[] = []
  const ask = (name: string) =>
    db.transaction().execute(async (tx) => {
      steps.push(`${name} begins`)
      await tx.insertInto('users').values(newUser()).execute()
      await sleep(1)
      steps.push(`${name} ends`)
    })
  await Promise.all(['a', 'b', 'c'].map(ask))
  t.same(steps, ['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends'])
})

t.test('a read that comes during a transaction does not see what is rolled back', async (t) => {
  const { db } = await openMigrated(t)
  const begun = Promise.withResolvers<void>()
  const transaction = db.transaction().execute(async (tx) => {
    await tx.insertInto('users').values(newUser()).execute()
    begun.resolve()
    await sleep(2)
    throw new Error('changed my mind')
  })
  await begun.promise
  const [names] = await Promise.all([
    db.selectFrom('users').select('name').execute(),
    t.rejects(transaction, { message: 'changed my mind' }),
  ])
  t.same(names, [])
})

t.test('a stream gives every row, in a transaction and outside', async (t) => {
  const { db } = await openMigrated(t)
  for (let n = 0; n < 7; n++)
    await db
      .insertInto('users')
      .values(newUser(`n${n}`))
      .execute()
  const expected = ['n0', 'n1', 'n2', 'n3', 'n4', 'n5', 'n6']
  for (const chunkSize of [1, 2, 7, 100]) {
    const streamed = async (one: Database) => {
      const seen: string[] = []
      for await (const { name } of one.selectFrom('users').select('name').orderBy('id').stream(chunkSize))
        seen.push(name)
      return seen
    }
    t.same(await streamed(db), expected)
    t.same(await db.transaction().execute(streamed), expected)
  }
})

t.test('a stream that is left half read frees its statement and the connection', async (t) => {
  const { db } = await openMigrated(t)
  for (let n = 0; n < 3; n++) await db.insertInto('users').values(newUser()).execute()
  for await (const _ of db.selectFrom('users').selectAll().stream(1)) break
  await db.connection().execute(async (one) => {
    const rows = one.selectFrom('users').selectAll().stream(1)[Symbol.asyncIterator]()
    await rows.next()
  })
  t.equal((await db.selectFrom('users').selectAll().execute()).length, 3)
  await db.insertInto('users').values(newUser()).execute()
  t.same(await db.selectFrom('table_rows').select('rows').where('name', '=', 'users').execute(), [
    { rows: 4 },
  ])
})

t.test('a query that nobody waits for is not run once its connection is given back', async (t) => {
  const { db, file } = await openMigrated(t)
  const lock = await holdWriteLock(t, file)
  const forgotten: Promise<unknown>[] = []
  await db.connection().execute(async (one) => {
    for (let n = 0; n < 2; n++) forgotten.push(one.insertInto('users').values(newUser()).execute())
  })
  for (const query of forgotten) await t.rejects(query, { message: /given back/ })
  await lock.release()
  t.same(await db.selectFrom('users').selectAll().execute(), [])
})

t.test('a transaction that somebody began by hand and forgot is rolled back', async (t) => {
  const { db } = await openMigrated(t)
  await db.connection().execute(async (one) => {
    await sql`begin immediate`.execute(one)
    await one.insertInto('users').values(newUser()).execute()
  })
  t.same(await db.selectFrom('users').selectAll().execute(), [])
})

t.test('the error that made SQLite roll back by itself is the one that is thrown', async (t) => {
  const { db } = await openMigrated(t)
  const transaction = db.transaction().execute(async (tx) => {
    await tx.insertInto('users').values(newUser()).execute()
    await sql`insert or rollback into table_rows (name, rows) values ('users', -1)`.execute(tx)
  })
  await t.rejects(transaction, { message: /constraint failed/ })
  t.same(await db.selectFrom('users').selectAll().execute(), [])
})

t.test('a write that another process keeps waiting', async (t) => {
  t.test('lets reads and the event loop go on, and succeeds after the release', async (t) => {
    const waits: number[] = []
    const observer = { statement: unobserved.statement, connectionWait: (s: number) => void waits.push(s) }
    const { db, file } = await openMigrated(t, { busyTimeoutMs: 60_000, observer })
    const lock = await holdWriteLock(t, file)
    waits.length = 0
    let settled = 0
    const writes = [
      db.insertInto('users').values(newUser()).execute(),
      db.transaction().execute((tx) => tx.insertInto('users').values(newUser()).execute()),
      db.insertInto('users').values(newUser()).execute(),
    ].map((write) => write.finally(() => settled++))
    for (let tick = 0; tick < 20; tick++) {
      await sleep(2)
      t.same(await db.selectFrom('users').select('id').execute(), [], 'a read goes on')
    }
    t.equal(settled, 0, 'and the writes still wait')
    t.equal(waits.length, 20, 'one wait for each read')
    await lock.release()
    await Promise.all(writes)
    t.equal((await db.selectFrom('users').select('id').execute()).length, 3)
    const longest = waits.filter((seconds) => seconds >= 0.03)
    t.equal(longest.length, 3, 'each write tells once how long it waited')
  })

  t.test('is refused after the time, and nothing of it has happened', async (t) => {
    const { db, file } = await openMigrated(t, { busyTimeoutMs: 30 })
    const lock = await holdWriteLock(t, file)
    const writes = [
      () => db.insertInto('users').values(newUser()).execute(),
      () => db.transaction().execute((tx) => tx.insertInto('users').values(newUser()).execute()),
    ]
    for (const write of writes) {
      const error = await write().then(
        () => undefined,
        (error: unknown) => error,
      )
      t.type(error, DatabaseLockedError)
      t.match(error, { cause: { code: 'SQLITE_BUSY' } })
    }
    await lock.release()
    await db.insertInto('users').values(newUser()).execute()
    t.equal((await db.selectFrom('users').select('id').execute()).length, 1)
  })

  t.test('stops waiting when its caller gives up', async (t) => {
    const { db, file } = await openMigrated(t, { busyTimeoutMs: 60_000 })
    const lock = await holdWriteLock(t, file)
    const giveUp = new AbortController()
    const write = db.insertInto('users').values(newUser()).execute({ signal: giveUp.signal })
    await sleep(5)
    giveUp.abort()
    await t.rejects(write, { name: 'AbortError' })
    await lock.release()
    // Longer than any pause between two attempts.
    await sleep(60)
    t.same(await db.selectFrom('users').select('id').execute(), [])
  })

  t.test('a read-only transaction needs no write lock', async (t) => {
    const { db, file } = await openMigrated(t, { busyTimeoutMs: 0 })
    await holdWriteLock(t, file)
    const rows = await db
      .transaction()
      .setAccessMode('read only')
      .execute((tx) => tx.selectFrom('users').select('id').execute())
    t.same(rows, [])
  })
})
