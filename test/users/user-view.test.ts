import { sql } from 'kysely'
import { test } from 'tap'
import { MIGRATIONS } from '../../migrations/index.ts'
import type { Database } from '../../src/db/database.ts'
import { migrateToLatest } from '../../src/db/migrate.ts'
import { toUser, User, userColumns, userJson } from '../../src/users/user-view.ts'
import { newUser, openMigrated } from '../db/temporary-database.ts'

const NAMES = [
  'Ada',
  '"quoted" \\ back\\slash / slash',
  '</script><script>alert(1)</script>',
  '%s %d %% {"id":1}',
  'line\nfeed, tab\t, carriage\r return, bell\u0007, escape\u001b, delete\u007f',
  'Zoë ᾼ 東京 🦄👩‍👩‍👧 \u2028\u2029 \ufeff\uffff',
  "o'Neill; drop table users",
  'x'.repeat(10_000),
]
const TIMES = [0, 1, 999, 1000, 951_782_399_999, 951_782_400_000, 1_700_000_000_001, 4_102_444_799_999]
const LAST_TIME = 253_402_300_799_999

test('what the database shows of a user is what the service would', async (t) => {
  const { db } = await openMigrated(t)
  const times = [
    ...TIMES,
    LAST_TIME,
    ...Array.from({ length: 2000 }, (_, n) => 1_600_000_000_000 + n * 7_919_001),
  ]
  for (const [index, joined_at] of times.entries()) {
    const name = NAMES[index % NAMES.length] as string
    await db
      .insertInto('users')
      .values({ ...newUser(name), joined_at })
      .execute()
  }
  const rows = await db
    .selectFrom('users')
    .select([...userColumns, userJson.as('json')])
    .execute()
  t.equal(rows.length, times.length)
  t.same(
    rows.map(({ json }) => JSON.parse(json)),
    rows.map((row) => toUser(row)),
  )
})

test('what members see of each other has no e-mail address', (t) => {
  t.notOk('email' in User.properties)
  t.notOk(userColumns.some((column) => /email/.test(column)))
  t.end()
})

test('a later field is put behind the stored ones: the table is not made anew, and old rows tell no lie', async (t) => {
  const { db } = await openMigrated(t)
  for (const name of NAMES) await db.insertInto('users').values(newUser(name)).execute()
  const placeOf = async (table: string) =>
    (await sql`select rootpage from sqlite_master where name = ${table}`.execute(db)).rows
  const pages = async () => (await sql`pragma page_count`.execute(db)).rows
  const before = [await placeOf('users'), await pages()]
  await migrateToLatest(db, {
    ...MIGRATIONS,
    '0999_later': {
      async up(tx: Database) {
        await tx.schema.alterTable('users').addColumn('later', 'text').execute()
      },
    },
  })
  t.same([await placeOf('users'), await pages()], before)

  // As users/user-view.ts says.
  const json = sql<string>`rtrim(${userJson}, '}') || ',"later":' || json_quote(users.later) || '}'`
  const shown = async () => {
    const columns = [...userColumns, sql<string | null>`later`.as('later'), json.as('json')] as const
    const rows = await db.selectFrom('users').select(columns).orderBy('id').execute()
    t.same(
      rows.map(({ json }) => JSON.parse(json)),
      rows.map((row) => ({ ...toUser(row), later: row.later })),
    )
    return rows.map(({ later }) => later)
  }
  t.same(await shown(), Array(NAMES.length).fill(null), 'a row from before has none')
  const texts = ['}', '}}"', '{"bio":"}', '', ...NAMES.slice(4)]
  for (const [index, text] of texts.entries())
    await sql`update users set later = ${text} where id = ${index + 1}`.execute(db)
  t.same(await shown(), texts)
})

test('it follows every change, and nobody can set it', async (t) => {
  const { db } = await openMigrated(t)
  await db.insertInto('users').values(newUser('Ada')).execute()
  const shown = async () => {
    const { json } = await db.selectFrom('users').select(userJson.as('json')).executeTakeFirstOrThrow()
    return JSON.parse(json)
  }
  await db.updateTable('users').set({ name: 'Grace "Amazing" Hopper', joined_at: 86_400_000 }).execute()
  t.match(await shown(), { id: 1, name: 'Grace "Amazing" Hopper', joinedAt: '1970-01-02T00:00:00.000Z' })
  await sql`update users set id = 9`.execute(db)
  t.equal((await shown()).id, 9)
  await sql`
    insert into users (id, name, name_key, email, email_key, joined_at)
    select id, 'Upserted', name_key, email, email_key, joined_at from users where true
    on conflict (id) do update set name = excluded.name
  `.execute(db)
  t.equal((await shown()).name, 'Upserted')
  const forged = sql`'{"id":1,"name":"forged"}'`
  for (const attack of [
    sql`update users set view_json = ${forged}`,
    sql`insert into users (name, name_key, email, email_key, joined_at, view_json) values ('a', 'a', 'a', 'a', 1, ${forged})`,
    sql`replace into users (id, name, name_key, email, email_key, joined_at, view_json) values (9, 'a', 'a', 'a', 'a', 1, ${forged})`,
  ])
    await t.rejects(attack.execute(db), /generated column/)
  for (const joined_at of [-1, LAST_TIME + 1])
    await t.rejects(
      db
        .insertInto('users')
        .values({ ...newUser(), joined_at })
        .execute(),
      /CHECK/,
    )
  t.equal((await shown()).name, 'Upserted')
})
