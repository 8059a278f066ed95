import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import t from 'tap'
import { MIGRATIONS } from '../../migrations/index.ts'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { migrateToLatest } from '../../src/db/migrate.ts'
import { type StatementDescription, unobserved } from '../../src/db/observer.ts'
import { newUser, openMigrated, temporaryFile } from './temporary-database.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

const schemaOf = async (db: Database) =>
  (await sql<{ name: string }>`select name, sql from sqlite_master order by name`.execute(db)).rows
const appliedTo = async (db: Database) =>
  (await sql<{ name: string }>`select name from kysely_migration`.execute(db)).rows.map((row) => row.name)

/** The migrations up to this one, as an older version had them. */
function upTo(last: string): Record<string, Migration> {
  return Object.fromEntries(Object.entries(MIGRATIONS).filter(([name]) => name <= last))
}

t.test('every file in migrations/ is applied, in the order of its number', async (t) => {
  const files = readdirSync(new URL('../../migrations', import.meta.url))
    .filter((file) => file !== 'index.ts' && file !== 'parts')
    .map((file) => file.replace(/\.ts$/, ''))
  t.same(Object.keys(MIGRATIONS), files.sort())
  t.same(
    files.map((file) => file.slice(0, 5)),
    files.map((_, index) => `${String(index + 1).padStart(4, '0')}_`),
  )
  const { db } = await openMigrated(t)
  t.same(await appliedTo(db), files)
  for (const migration of Object.values(MIGRATIONS)) t.notOk('down' in migration, 'forward only')
})

t.test('migrating again changes nothing', async (t) => {
  const { db } = await openMigrated(t)
  const before = await schemaOf(db)
  await migrateToLatest(db)
  t.same(await schemaOf(db), before)
})

t.test('of eight processes that start at once on a new file, one migrates and all serve', async (t) => {
  const script = `
    import { openDatabase } from './src/db/database.ts'
    import { migrateToLatest } from './src/db/migrate.ts'
    let migrated = 0
    const observer = {
      statement: ({ sql }) => () => { if (/^create table "blocks"/.test(sql)) migrated = 1 },
      connectionWait() {},
    }
    process.stdout.write('ready\\n')
    process.stdin.once('data', async () => {
      const db = openDatabase({ url: 'sqlite:' + process.argv[1], busyTimeoutMs: 30000, observer })
      await migrateToLatest(db)
      const email = String(process.pid)
      const user = { name: 'p', name_key: 'p', email, email_key: email, joined_at: 1, seed_number: null }
      await db.insertInto('users').values(user).execute()
      await db.destroy()
      process.stdout.write('migrated ' + migrated + '\\n')
      process.exit()
    })
  `
  for (let round = 0; round < 3; round++) {
    const file = temporaryFile(t)
    const children = Array.from({ length: 8 }, () =>
      spawn(process.execPath, ['--input-type=module', '--eval', script, file], {
        cwd: ROOT,
        stdio: ['pipe', 'pipe', 'inherit'],
      }),
    )
    await Promise.all(children.map((child) => once(child.stdout, 'data')))
    const outcomes = children.map(async (child) => {
      let output = ''
      child.stdout.on('data', (chunk) => {
        output += chunk
      })
      child.stdin.write('go\n')
      const [code] = await once(child, 'close')
      return `${output.trim()}, exit ${code}`
    })
    const counts = (await Promise.all(outcomes)).sort()
    t.same(counts, [...Array(7).fill('migrated 0, exit 0'), 'migrated 1, exit 0'])
    const { db } = await openMigrated(t, { file })
    t.equal((await db.selectFrom('users').select('id').execute()).length, 8)
    t.same(await appliedTo(db), Object.keys(MIGRATIONS))
  }
})

t.test('a database of a newer version is refused in one sentence and left as it is', async (t) => {
  const { db } = await openMigrated(t)
  await sql`insert into kysely_migration values ('0999_polls_on_mars', '2030-01-01T00:00:00.000Z')`.execute(
    db,
  )
  const before = await schemaOf(db)
  await t.rejects(migrateToLatest(db), {
    name: 'DatabaseError',
    message:
      'The database was written by a newer version (it has migration 0999_polls_on_mars); start that version, or set DATABASE_URL to another file.',
  })
  t.same(await schemaOf(db), before)
})

t.test(
  'a migration that fails leaves nothing behind, nor do those before it in the same start',
  async (t) => {
    const failing = {
      ...MIGRATIONS,
      '0998_good': {
        up: async (db: Database) => void (await sql`create table good (n integer)`.execute(db)),
      },
      '0999_bad': {
        up: async (db: Database) => {
          await sql`create table half (n integer)`.execute(db)
          await sql`insert into nowhere values (1)`.execute(db)
        },
      },
    }
    const fresh = openDatabase({ url: `sqlite:${temporaryFile(t)}`, busyTimeoutMs: 0, observer: unobserved })
    t.teardown(() => fresh.destroy())
    const expected = {
      name: 'DatabaseError',
      message: /^Migration 0999_bad failed and left the database as it was \(no such table: nowhere\); /,
    }
    await t.rejects(migrateToLatest(fresh, failing), expected)
    t.same(await schemaOf(fresh), [], 'on a new file')

    const { db } = await openMigrated(t)
    const before = await schemaOf(db)
    await t.rejects(migrateToLatest(db, failing), expected)
    t.same(await schemaOf(db), before, 'on one that was migrated before')
    t.same(await appliedTo(db), Object.keys(MIGRATIONS))
  },
)

t.test('making the users anew keeps all there was, and loses no id to somebody else', async (t) => {
  const db = openDatabase({ url: `sqlite:${temporaryFile(t)}`, busyTimeoutMs: 0, observer: unobserved })
  t.teardown(() => db.destroy())
  await migrateToLatest(db, upTo('0001_community'))
  for (let n = 0; n < 4; n++) await db.insertInto('users').values(newUser()).execute()
  await db
    .insertInto('friendships')
    .values({ low_id: 1, high_id: 2, status: 'friends', requested_by: 1, requested_at: 1, friends_since: 2 })
    .execute()
  await db.insertInto('passwords').values({ user_id: 1, hash: 'x' }).execute()
  await db.deleteFrom('users').where('id', '=', 4).execute()
  const columns = ['id', 'name', 'name_key', 'email', 'email_key', 'joined_at', 'seed_number'] as const
  const users = await db.selectFrom('users').select(columns).execute()
  const indexes = async () =>
    (await schemaOf(db)).filter(({ name }) => /users/.test(name)).map(({ name }) => name)
  const before = await indexes()

  await migrateToLatest(db, upTo('0002_user_views'))
  t.same(await db.selectFrom('users').select(columns).execute(), users)
  t.same(await indexes(), before, 'with its indexes and triggers')
  t.equal((await db.selectFrom('friendships').selectAll().execute()).length, 1)
  const rows = db.selectFrom('table_rows').select('rows').where('name', '=', 'users')
  t.equal((await rows.executeTakeFirstOrThrow()).rows, 3)
  const added = await db.insertInto('users').values(newUser()).returning('id').executeTakeFirstOrThrow()
  t.equal(added.id, 5, 'an id of a deleted user is not given again')
  t.equal((await rows.executeTakeFirstOrThrow()).rows, 4)
  await db.deleteFrom('users').where('id', '=', 1).execute()
  t.same(await db.selectFrom('passwords').selectAll().execute(), [], 'foreign keys hold again')
})

t.test('what was there before the counts of statistics is counted', async (t) => {
  const db = openDatabase({ url: `sqlite:${temporaryFile(t)}`, busyTimeoutMs: 0, observer: unobserved })
  t.teardown(() => db.destroy())
  await migrateToLatest(db, upTo('0002_user_views'))
  const joined_at = Date.parse('2026-11-29T12:00:00Z')
  await db
    .insertInto('users')
    .values([newUser(), { ...newUser(), joined_at }, { ...newUser(), joined_at }])
    .execute()
  await db
    .insertInto('users')
    .values({ ...newUser(), seed_number: 1 })
    .execute()
  const pair = { low_id: 1, requested_by: 1, requested_at: 1 }
  await db
    .insertInto('friendships')
    .values([
      { ...pair, high_id: 2, status: 'pending', friends_since: null },
      { ...pair, high_id: 3, status: 'friends', friends_since: 2 },
    ])
    .execute()

  await migrateToLatest(db)
  t.same(await db.selectFrom('sign_ups').selectAll().orderBy('day').execute(), [
    { day: '1970-01-01', count: 1 },
    { day: '2026-11-29', count: 2 },
  ])
  t.same(await db.selectFrom('kept_counts').selectAll().execute(), [{ name: 'friend_requests', count: 1 }])
  const users = await db.selectFrom('users').select('is_administrator').execute()
  t.ok(users.every(({ is_administrator }) => is_administrator === 0))
})

t.test('rows that refer to nothing stop a migration, and foreign keys hold afterwards', async (t) => {
  const { db } = await openMigrated(t)
  const careless = {
    ...MIGRATIONS,
    '0999_careless': {
      up: async (db: Database) => {
        await db.insertInto('passwords').values({ user_id: 77, hash: 'x' }).execute()
      },
    },
  }
  await t.rejects(migrateToLatest(db, careless), {
    name: 'DatabaseError',
    message:
      /^The migration failed and left the database as it was \(a row of passwords refers to a row of users /,
  })
  t.same(await db.selectFrom('passwords').selectAll().execute(), [])
  await t.rejects(db.insertInto('passwords').values({ user_id: 77, hash: 'x' }).execute(), /FOREIGN KEY/)
})

t.test('whatever a migration runs has one name, and the same text its own again afterwards', async (t) => {
  const names: string[] = []
  const observer = {
    ...unobserved,
    statement: ({ summary, collection }: StatementDescription) => {
      return () => void names.push(collection === undefined ? summary : `${summary} of ${collection}`)
    },
  }
  const { db } = await openMigrated(t, { observer })
  const added = async () => {
    await sql`update users set name = 'Ada'`.execute(db)
    return names.splice(0)
  }
  names.splice(0)
  t.same(await added(), ['UPDATE users of users'])
  await migrateToLatest(db, {
    ...MIGRATIONS,
    '0999_names': {
      async up(tx: Database) {
        await tx.schema.createTable('names').addColumn('id', 'integer').execute()
        await sql`update users set name = 'Ada'`.execute(tx)
      },
    },
  })
  t.ok(names.length > 10)
  t.same([...new Set(names.splice(0))], ['MIGRATE'])
  t.same(await added(), ['UPDATE users of users'])
})
