import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Sqlite from 'better-sqlite3'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { DatabaseError } from '../../src/db/database-error.ts'
import { migrateToLatest } from '../../src/db/migrate.ts'
import { unobserved } from '../../src/db/observer.ts'
import { holdWriteLock } from './lock-holder.ts'
import { newUser, openMigrated, temporaryFile } from './temporary-database.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

const PRAGMAS = {
  journal_mode: 'wal',
  synchronous: 2,
  foreign_keys: 1,
  trusted_schema: 0,
  mmap_size: 0,
  wal_autocheckpoint: 1000,
  journal_size_limit: 67_108_864,
  // The thread never waits for another process's lock: the driver does, asynchronously.
  busy_timeout: 0,
}

async function pragmasOf(db: Database) {
  const entries = []
  for (const name of Object.keys(PRAGMAS)) {
    const { rows } = await sql.raw<Record<string, unknown>>(`pragma ${name}`).execute(db)
    entries.push([name, Object.values(rows[0] ?? {})[0]])
  }
  return Object.fromEntries(entries)
}

t.test(
  'every pragma holds on a fresh database, after its first write, and when it is opened again',
  async (t) => {
    const file = temporaryFile(t)
    const fresh = openDatabase({ url: `sqlite:${file}`, busyTimeoutMs: 0, observer: unobserved })
    t.same(await pragmasOf(fresh), PRAGMAS, 'fresh')
    await migrateToLatest(fresh)
    await fresh.insertInto('users').values(newUser()).execute()
    t.same(await pragmasOf(fresh), PRAGMAS, 'after the first write')
    await fresh.destroy()

    const { db } = await openMigrated(t, { file })
    t.same(await pragmasOf(db), PRAGMAS, 'opened again')
    await db.insertInto('users').values(newUser()).execute()
    t.same(await pragmasOf(db), PRAGMAS, 'after a write')
  },
)

const canTrace = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0
const skip = canTrace ? false : 'strace is not installed here, or may not trace'

t.test('each commit is synced to the disk', { skip }, async (t) => {
  const synced = (commits: number) => {
    const file = temporaryFile(t)
    const log = join(dirname(file), 'strace')
    const script = `
      import { openDatabase } from './src/db/database.ts'
      import { unobserved } from './src/db/observer.ts'
      import { sql } from 'kysely'
      const db = openDatabase({ url: 'sqlite:' + process.argv[1], busyTimeoutMs: 0, observer: unobserved })
      await sql\`create table t (n integer)\`.execute(db)
      for (let n = 0; n < Number(process.argv[2]); n++) await sql\`insert into t values (\${n})\`.execute(db)
      await db.destroy()
    `
    const node = [process.execPath, '--input-type=module-typescript', '--eval', script, file, String(commits)]
    const run = spawnSync('strace', ['-f', '-e', 'trace=fsync,fdatasync', '-o', log, ...node], { cwd: ROOT })
    t.equal(run.status, 0, String(run.stderr))
    return readFileSync(log, 'utf8').match(/ (fsync|fdatasync)\(/g)?.length ?? 0
  }
  t.equal(synced(45) - synced(5), 40, 'forty commits more, forty syncs more')
})

t.test('the folder is made, and only its owner may enter it', async (t) => {
  const file = join(dirname(temporaryFile(t)), 'a', 'b', 'rollcall.db')
  await openMigrated(t, { file })
  t.equal(statSync(dirname(file)).mode & 0o777, 0o700)
})

t.test('an in-memory database takes the pragmas that it can have', async (t) => {
  const { db } = await openMigrated(t, { url: 'sqlite::memory:' })
  const { journal_mode, foreign_keys } = await pragmasOf(db)
  t.same({ journal_mode, foreign_keys }, { journal_mode: 'memory', foreign_keys: 1 })
})

t.test('a database that no query has used is closed too', async (t) => {
  const file = temporaryFile(t)
  const db = openDatabase({ url: `sqlite:${file}`, busyTimeoutMs: 0, observer: unobserved })
  await db.destroy()
  await t.rejects(db.selectFrom('users').selectAll().execute(), { message: /closed/ })
  await db.destroy()
})

t.test('closing waits for a running transaction and refuses who comes later', async (t) => {
  const file = temporaryFile(t)
  const { db } = await openMigrated(t, { file })
  const order: string[] = []
  const started = Promise.withResolvers<void>()
  const transaction = db.transaction().execute(async (tx) => {
    started.resolve()
    await new Promise((resolve) => setTimeout(resolve, 5))
    await tx.insertInto('users').values(newUser()).execute()
    order.push('transaction')
  })
  await started.promise
  await db.destroy().then(() => order.push('closed'))
  await transaction
  t.same(order, ['transaction', 'closed'])
  const raw = new Sqlite(file, { readonly: true })
  t.same(raw.prepare('select count(*) as n from users').get(), { n: 1 })
  raw.close()
})

t.test('what keeps a database from opening is said in one sentence with its mend', async (t) => {
  t.test('a file of another kind', async (t) => {
    const file = temporaryFile(t)
    writeFileSync(file, 'this is a letter and not a database\n'.repeat(100))
    t.equal(
      sentence(file),
      `The file ${file} is not a database; move it away, or set DATABASE_URL to another file.`,
    )
    t.match(readFileSync(file, 'utf8'), /^this is a letter/, 'and it is left alone')
  })

  t.test('a folder in its place, and a file where its folder should be', async (t) => {
    const file = temporaryFile(t)
    mkdirSync(file)
    t.match(sentence(file), /cannot be written; make the file and its folder writable/)
    const other = temporaryFile(t)
    writeFileSync(other, '')
    t.match(sentence(join(other, 'x.db')), /cannot be written; make the file and its folder writable/)
  })

  t.test('a read-only folder and a read-only file', async (t) => {
    const file = temporaryFile(t)
    const folder = dirname(file)
    const { db } = await openMigrated(t, { file })
    await db.destroy()
    chmodSync(file, 0o444)
    t.match(asOrdinaryUser(t, file), /cannot be written; make the file and its folder writable/, 'file')
    chmodSync(file, 0o666)
    chmodSync(folder, 0o555)
    t.match(asOrdinaryUser(t, file), /cannot be written; make the file and its folder writable/, 'folder')
    t.match(asOrdinaryUser(t, join(folder, 'new.db')), /cannot be written/, 'folder without a file')
    t.match(asOrdinaryUser(t, join(folder, 'sub', 'new.db')), /cannot be written/, 'folder without a folder')
    chmodSync(folder, 0o777)
    t.equal(asOrdinaryUser(t, file), 'opened', 'the same with permission')
  })

  t.test('a lock that another process keeps on the whole file', async (t) => {
    const file = temporaryFile(t)
    const raw = new Sqlite(file)
    raw.pragma('locking_mode = exclusive')
    raw.exec('create table t (n); insert into t values (1)')
    t.equal(
      sentence(file),
      `The database ${file} is locked by another process; end it, or try again when it has finished.`,
    )
    raw.close()
  })

  t.test('an address of another kind', async (t) => {
    t.throws(() => openDatabase({ url: 'postgres://x', busyTimeoutMs: 0, observer: unobserved }), {
      name: 'DatabaseError',
      message: 'DATABASE_URL is "postgres://x"; set it to sqlite: and the path of a file.',
    })
  })

  t.test('a lock during migration', async (t) => {
    const { file } = await openMigrated(t)
    await holdWriteLock(t, file)
    const db = openDatabase({ url: `sqlite:${file}`, busyTimeoutMs: 20, observer: unobserved })
    await t.rejects(migrateToLatest(db), {
      name: 'DatabaseError',
      message: /locked by another process; end it/,
    })
    await db.destroy()
  })
})

/** What a {@link DatabaseError} says of opening this file. */
function sentence(file: string): string {
  try {
    openDatabase({ url: `sqlite:${file}`, busyTimeoutMs: 20, observer: unobserved })
    return 'it opened'
  } catch (error) {
    return error instanceof DatabaseError ? error.message : `not a DatabaseError: ${error}`
  }
}

/**
 * Permissions do not bind the superuser, who runs tests in containers: a child process gives the right up. Before that it
 * opens a database once, because what is loaded on the way may stand in a folder that only the superuser may read.
 */
function asOrdinaryUser(t: Test, file: string): string {
  const script = `
    import { openDatabase } from './src/db/database.ts'
    import { migrateToLatest } from './src/db/migrate.ts'
    import { unobserved } from './src/db/observer.ts'
    async function open(file) {
      const db = openDatabase({ url: 'sqlite:' + file, busyTimeoutMs: 0, observer: unobserved })
      await migrateToLatest(db)
      await db.destroy()
    }
    const [file, another] = process.argv.slice(1)
    await open(another)
    if (process.getuid() === 0) process.setuid(65534)
    try {
      await open(file)
      console.log('opened')
    } catch (error) {
      console.log(error.name === 'DatabaseError' ? error.message : error)
    }
  `
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module-typescript', '--eval', script, file, temporaryFile(t)],
    { cwd: ROOT, encoding: 'utf8' },
  )
  return (stdout || stderr).trim()
}
