import { sql } from 'kysely'
import { test } from 'tap'
import { toUser, userColumns } from '../../src/users/user-view.ts'
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
    .select([...userColumns, 'view_json'])
    .execute()
  t.equal(rows.length, times.length)
  t.same(
    rows.map(({ view_json }) => JSON.parse(view_json)),
    rows.map(({ id, name, joined_at }) => toUser({ id, name, joined_at })),
  )
})

test('it follows every change, and nobody can set it', async (t) => {
  const { db } = await openMigrated(t)
  await db.insertInto('users').values(newUser('Ada')).execute()
  const shown = async () => {
    const { view_json } = await db.selectFrom('users').select('view_json').executeTakeFirstOrThrow()
    return JSON.parse(view_json)
  }
  await db.updateTable('users').set({ name: 'Grace "Amazing" Hopper', joined_at: 86_400_000 }).execute()
  t.same(await shown(), { id: 1, name: 'Grace "Amazing" Hopper', joinedAt: '1970-01-02T00:00:00.000Z' })
  await sql`update users set id = 9`.execute(db)
  t.equal((await shown()).id, 9)
  await sql`
    insert into users select id, 'Upserted', name_key, email, email_key, joined_at, seed_number from users where true
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
