import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { DatabaseObserver } from '../../src/db/observer.ts'
import { prepareColumn, prepareQuery } from '../../src/db/prepared-query.ts'
import { newUser, openMigrated } from './temporary-database.ts'

const named = prepareQuery<{ name: string; afterId: number }>()((db, parameter) =>
  db
    .selectFrom('users')
    .select(['id', 'name'])
    .where('name', '=', parameter('name'))
    .where('id', '>', parameter('afterId'))
    // A parameter may stand in several places.
    .where('name_key', '=', (row) => row.fn<string>('lower', [parameter('name')]))
    .orderBy('id'),
)

/** What the database layer tells of statements over `users`, and of every wait. */
function listening() {
  const heard = { statements: 0, executions: 0, waits: [] as number[] }
  const observer: DatabaseObserver = {
    statement({ sql }) {
      if (!sql.includes('"users"')) return () => {}
      heard.statements += 1
      return () => {
        heard.executions += 1
      }
    },
    connectionWait: (seconds) => heard.waits.push(seconds),
  }
  return { heard, observer }
}

t.test('a prepared query finds by the values of each run', async (t) => {
  const { db } = await openMigrated(t)
  for (const name of ['Ada', 'Grace', 'Ada']) await db.insertInto('users').values(newUser(name)).execute()
  const ids = async (name: string, afterId: number) =>
    (await named(db, { name, afterId })).map((row) => [row.id, row.name])
  t.same(await ids('Ada', 0), [
    [1, 'Ada'],
    [3, 'Ada'],
  ])
  t.same(await ids('Ada', 1), [[3, 'Ada']])
  t.same(await ids('Grace', 0), [[2, 'Grace']])
  t.same(await ids("'; drop table users; --", 0), [])
  t.same(await ids('Ada', 0), [
    [1, 'Ada'],
    [3, 'Ada'],
  ])
})

t.test('it is prepared once, and each run and its wait are heard once', async (t) => {
  const { heard, observer } = listening()
  const { db } = await openMigrated(t, { observer })
  Object.assign(heard, { statements: 0, executions: 0, waits: [] })
  for (let run = 0; run < 5; run += 1) await named(db, { name: 'Ada', afterId: run })
  t.same(heard, { statements: 1, executions: 5, waits: [0, 0, 0, 0, 0] })
})

t.test('it is part of the transaction that it is given', async (t) => {
  const { db } = await openMigrated(t)
  const rolledBack = db.transaction().execute(async (tx) => {
    await tx.insertInto('users').values(newUser('Ada')).execute()
    t.same(await named(tx, { name: 'Ada', afterId: 0 }), [{ id: 1, name: 'Ada' }])
    throw new Error('changed my mind')
  })
  await t.rejects(rolledBack, { message: 'changed my mind' })
  t.same(await named(db, { name: 'Ada', afterId: 0 }), [])
})

t.test('beside a transaction it waits for its turn, and sees nothing of what is rolled back', async (t) => {
  const { heard, observer } = listening()
  const { db } = await openMigrated(t, { observer })
  const begun = Promise.withResolvers<void>()
  const transaction = db.transaction().execute(async (tx) => {
    await tx.insertInto('users').values(newUser('Ada')).execute()
    begun.resolve()
    await sleep(20)
    throw new Error('changed my mind')
  })
  await begun.promise
  heard.waits.length = 0
  const [found] = await Promise.all([named(db, { name: 'Ada', afterId: 0 }), t.rejects(transaction)])
  t.same(found, [])
  t.equal(heard.waits.filter((seconds) => seconds > 0).length, 1)
})

t.test('what fails gives its turn back', async (t) => {
  const { db } = await openMigrated(t)
  const unbindable = { name: {} as string, afterId: 0 }
  await t.rejects(named(db, unbindable), TypeError)
  t.same(await named(db, { name: 'Ada', afterId: 0 }), [])
  await db.destroy()
  await t.rejects(named(db, { name: 'Ada', afterId: 0 }), { message: 'The database is closed.' })
})

t.test(
  'no parameter stands bare, for SQLite would compile the statement anew at each execution',
  async (t) => {
    const texts: string[] = []
    const { db } = await openMigrated(t, {
      observer: {
        statement({ sql }) {
          texts.push(sql)
          return () => {}
        },
        connectionWait() {},
      },
    })
    texts.length = 0
    await named(db, { name: 'Ada', afterId: 0 })
    t.equal(texts.length, 1)
    t.equal(texts[0]?.match(/\?/g)?.length, 3)
    t.equal(texts[0]?.match(/\+\?/g)?.length, 3)
  },
)

const names = prepareColumn<{ afterId: number }>()((db, parameter) =>
  db.selectFrom('users').select('name').where('id', '>', parameter('afterId')).orderBy('id'),
)
const rowsOfNames = prepareQuery<{ afterId: number }>()((db, parameter) =>
  db.selectFrom('users').select('name').where('id', '>', parameter('afterId')).orderBy('id'),
)

t.test('a prepared column is the values, in transactions too, and leaves objects to others', async (t) => {
  const { heard, observer } = listening()
  const { db } = await openMigrated(t, { observer })
  for (const name of ['Ada', 'Grace', 'Edsger']) await db.insertInto('users').values(newUser(name)).execute()
  t.same(await names(db, { afterId: 0 }), ['Ada', 'Grace', 'Edsger'])
  heard.statements = 0
  t.same(await rowsOfNames(db, { afterId: 1 }), [{ name: 'Grace' }, { name: 'Edsger' }])
  t.equal(heard.statements, 0, 'both are one kept statement')
  t.same(await names(db, { afterId: 1 }), ['Grace', 'Edsger'])
  t.same(await names(db, { afterId: 3 }), [])
  await db.transaction().execute(async (tx) => {
    t.same(await names(tx, { afterId: 2 }), ['Edsger'])
  })
})

t.test('a column that fails leaves objects to others', async (t) => {
  const { db } = await openMigrated(t)
  await db.insertInto('users').values(newUser('Ada')).execute()
  await t.rejects(names(db, { afterId: {} as number }), TypeError)
  t.same(await rowsOfNames(db, { afterId: 0 }), [{ name: 'Ada' }])
})
