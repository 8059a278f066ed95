import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { verify } from 'argon2'
import Sqlite from 'better-sqlite3'
import t, { type Test } from 'tap'
import type { Database } from '../../src/db/database.ts'
import { parseName } from '../../src/users/text.ts'
import { FIRST_NAMES, LAST_NAMES } from '../../tools/seeding/names.ts'
import { befriend, canClose, countEdges, prune, unblock } from '../../tools/seeding/seeded-friends.ts'
import { countSeeded, removeAbove } from '../../tools/seeding/seeded-rows.ts'
import { fill, removeSeedPassword, setSeedPassword } from '../../tools/seeding/seeded-users.ts'
import { newUser, openMigrated } from '../db/temporary-database.ts'
import { openWatched, seeder } from './seeder.ts'

/** Numbers 1…N without holes, and counted rows that are the rows. */
function checkOrder(t: Test, file: string): number {
  const raw = new Sqlite(file, { readonly: true })
  const numbers = raw
    .prepare(
      'select count(seed_number) as n, count(distinct seed_number) as d, coalesce(max(seed_number), 0) as top from users',
    )
    .get() as { n: number; d: number; top: number }
  t.same(numbers, { n: numbers.n, d: numbers.n, top: numbers.n }, 'numbers without holes')
  for (const table of ['users', 'friendships', 'sessions', 'blocks'])
    t.same(
      raw.prepare('select rows from table_rows where name = ?').get(table),
      raw.prepare(`select count(*) as rows from ${table}`).get(),
      `${table} are counted`,
    )
  t.same(raw.pragma('foreign_key_check'), [])
  raw.close()
  return numbers.n
}

t.test('the table grows and shrinks to exactly the number asked for', async (t) => {
  const { file, seed } = seeder(t)
  for (const users of [1, 700, 120, 120, 300]) {
    await seed('--users', String(users))
    t.equal(checkOrder(t, file), users)
  }
  const raw = new Sqlite(file)
  const { id } = raw.prepare('select id from users where seed_number = 121').get() as { id: number }
  t.ok(id > 700, 'ids are not used again')
  raw.prepare('delete from users where seed_number in (1, 7, 8, 300)').run()
  raw.close()
  await seed('--users', '301')
  t.equal(checkOrder(t, file), 301, 'holes are filled')
  const { stdout } = await seed('--users', '0')
  t.equal(stdout, 'There are no seeded accounts now.\n')
  t.equal(checkOrder(t, file), 0)
})

t.test('seeded accounts have names and addresses like anybody, and one can log in', async (t) => {
  const { file, seed } = seeder(t)
  const before = Date.now()
  const { stdout, stderr } = await seed('--users', '12000')
  t.match(stderr, /^adding users: 12,000 of 12,000, [\d,]+ a second\n$/)
  const [, email, password] = /e-mail {4}(\S+)\n {2}password {2}(\S+)\n$/.exec(stdout) ?? []
  t.equal(email, 'demo@seed.rollcall.example')

  const { db } = await openMigrated(t, { file })
  const users = await db.selectFrom('users').selectAll().orderBy('seed_number').execute()
  t.match(users[0], { seed_number: 1, name: 'Demo Member', email, email_key: email })
  t.match(users[11_999], { email: 'user12000@seed.rollcall.example' })
  t.ok(users.every((user) => user.joined_at >= before && user.joined_at <= Date.now()))
  t.ok(users.every((user) => user.email === user.email_key && user.name_key === user.name.toLowerCase()))
  t.equal(
    new Set(users.slice(0, 10_000).map((user) => user.name)).size,
    10_000,
    'ten thousand different names',
  )

  const hash = async () =>
    (await db.selectFrom('seed_password').select('hash').executeTakeFirstOrThrow()).hash
  t.match(await hash(), /^\$argon2id\$v=19\$m=19456,(t=2,p=1|p=1,t=2)\$/)
  t.equal(await verify(await hash(), password ?? ''), true)
  const given = await seed('--users', '12000', '--password', 'e\u0301ternal winter of 1816')
  t.match(given.stdout, 'password  \u00e9ternal winter of 1816')
  t.equal(await verify(await hash(), '\u00e9ternal winter of 1816'), true)
})

t.test('every name is one that a member could have chosen, and folds as SQL folds it', async (t) => {
  t.same([new Set(FIRST_NAMES).size, new Set(LAST_NAMES).size], [100, 100])
  for (const first of FIRST_NAMES)
    for (const last of LAST_NAMES) {
      const name = `${first} ${last}`
      const parsed = parseName(name)
      if (!parsed.ok || parsed.value.name !== name || parsed.value.nameKey !== name.toLowerCase())
        t.fail(name)
    }
})

t.test('what cannot be is refused in one sentence', async (t) => {
  const { start } = seeder(t)
  const refused: [args: string[], sentence: string][] = [
    [
      ['--users', '5', '--friends', '3'],
      '5 users cannot have 3 friends each among them; give --friends an even number.\n',
    ],
    [
      ['--users', '4', '--friends', '4'],
      '4 users cannot have 4 friends each among them; give --friends at most 3.\n',
    ],
    [
      ['--users', '0', '--friends', '1'],
      '0 users cannot have 1 friends each among them; give --friends at most 0.\n',
    ],
    [
      ['--users', '4', '--password', 'short'],
      '--password must have 15 to 128 characters; choose another one.\n',
    ],
  ]
  for (const [args, stderr] of refused)
    t.same(await start(...args).ended, { code: 1, signal: null, stdout: '', stderr }, args.join(' '))
})

/** Rows of real accounts and everything between them, to compare byte for byte. */
function realRows(file: string): unknown {
  const raw = new Sqlite(file, { readonly: true })
  const real = '(select id from users where seed_number is null)'
  const rows = [
    'select * from users where seed_number is null order by id',
    'select * from passwords order by user_id',
    'select * from sessions order by id',
    `select * from friendships where low_id in ${real} or high_id in ${real} order by low_id, high_id`,
    `select * from blocks where blocker_id in ${real} or blocked_id in ${real} order by blocker_id, blocked_id`,
  ].map((query) => raw.prepare(query).all())
  raw.close()
  return rows
}

async function addUser(db: Database): Promise<number> {
  return (await db.insertInto('users').values(newUser()).returning('id').executeTakeFirstOrThrow()).id
}

async function idOf(db: Database, seedNumber: number): Promise<number> {
  const one = db.selectFrom('users').select('id').where('seed_number', '=', seedNumber)
  return (await one.executeTakeFirstOrThrow()).id
}

function friendship(one: number, other: number, status: 'friends' | 'pending' = 'friends') {
  const [low_id, high_id] = one < other ? [one, other] : [other, one]
  const friends_since = status === 'friends' ? 7 : null
  return { low_id, high_id, status, requested_by: one, requested_at: 5, friends_since }
}

t.test('real accounts and what belongs to them stay as they are, byte for byte', async (t) => {
  const { file, seed } = seeder(t)
  const { db } = await openMigrated(t, { file })
  const [a, b] = [await addUser(db), await addUser(db)] as [number, number]
  await seed('--users', '300')
  const c = await addUser(db)
  const session = { kind: 'bearer', created_at: 1, last_used_at: 1, expires_at: 2 } as const
  await db.insertInto('passwords').values({ user_id: a, hash: 'h' }).execute()
  await db
    .insertInto('sessions')
    .values({ user_id: a, token_hash: Buffer.alloc(32), ...session })
    .execute()
  const [kept, kept2] = [await idOf(db, 10), await idOf(db, 11)] as [number, number]
  await db
    .insertInto('friendships')
    .values([
      friendship(a, b),
      friendship(b, c, 'pending'),
      friendship(kept, a),
      friendship(c, kept2, 'pending'),
    ])
    .execute()
  const block = (blocker_id: number, blocked_id: number) => ({ blocker_id, blocked_id, created_at: 1 })
  await db
    .insertInto('blocks')
    .values([block(a, c), block(b, kept), block(kept2, b)])
    .execute()

  const before = realRows(file)
  for (const args of [
    ['--users', '60'],
    ['--users', '400', '--friends', '5'],
    ['--users', '20', '--friends', '0'],
  ]) {
    await seed(...args)
    t.same(realRows(file), before, args.join(' '))
    checkOrder(t, file)
  }
})

/** Friends of every seeded account among the seeded: number of accounts by number of friends. */
function degrees(file: string): Record<number, number> {
  const raw = new Sqlite(file, { readonly: true })
  const rows = raw
    .prepare(`
      with friends as (
        select low_id as id, high_id as other, status from friendships
        union all select high_id, low_id, status from friendships
      )
      select count(b.id) as friends, a.id from users a
        left join friends f on f.id = a.id and f.status = 'friends'
        left join users b on b.id = f.other and b.seed_number is not null
      where a.seed_number is not null group by a.id
    `)
    .all() as { friends: number }[]
  const pending = raw.prepare("select count(*) as n from friendships where status = 'pending'").get()
  raw.close()
  if ((pending as { n: number }).n > 0) return { [-1]: 1 }
  const counted: Record<number, number> = {}
  for (const { friends } of rows) counted[friends] = (counted[friends] ?? 0) + 1
  return counted
}

t.test('everyone gets exactly as many friends as asked for, whatever was before', async (t) => {
  const { file, seed } = seeder(t)
  const exactly = async (users: number, friends: number) => {
    await seed('--users', String(users), '--friends', String(friends))
    t.same(degrees(file), { [friends]: users }, `${users} users, ${friends} friends`)
    checkOrder(t, file)
  }
  for (const [users, friends] of [
    [50, 7],
    [50, 6],
    [51, 6],
    [10, 9],
    [11, 10],
    [10, 1],
    [1, 0],
  ] as const)
    await exactly(users, friends)

  await exactly(40, 4)
  const { db } = await openMigrated(t, { file })
  await db.deleteFrom('users').where('seed_number', 'in', [3, 9, 40]).execute()
  // Nothing makes a request of a friendship, and the count of requests knows no such change.
  const ended = await db.deleteFrom('friendships').where('low_id', '<', 60).returningAll().execute()
  await db
    .insertInto('friendships')
    .values(ended.map((each) => ({ ...each, status: 'pending' as const, friends_since: null })))
    .execute()
  const [first, second, far] = [await idOf(db, 1), await idOf(db, 2), await idOf(db, 20)] as [
    number,
    number,
    number,
  ]
  await db
    .insertInto('friendships')
    .values(friendship(far, first, 'pending'))
    .execute()
  const block = { blocker_id: second, blocked_id: first, created_at: 1 }
  await db
    .insertInto('blocks')
    .values([block, { ...block, blocked_id: far }])
    .execute()
  await exactly(40, 4)
  t.same(
    await db.selectFrom('blocks').selectAll().execute(),
    [{ ...block, blocked_id: far }],
    'no blocked friends',
  )

  await seed('--users', '40')
  t.same(degrees(file), { 4: 40 }, 'left out, they stay')
})

t.test('the circle has each pair once, for every size it can have', async (t) => {
  const { db, file } = await openMigrated(t)
  await fill(db, 1, 12, 1)
  for (let users = 12; users >= 1; users--) {
    await removeAbove(db, 'users', users, 100)
    for (let friends = 0; friends <= users; friends++) {
      const circle = { users, friends }
      if (!canClose(circle)) continue
      await prune(db, circle, 1, users)
      if (friends > 0) await befriend(db, circle, 0, countEdges(circle) - 1, 1)
      t.same(degrees(file), { [friends]: users }, `${users} users, ${friends} friends`)
    }
  }
})

/** Resolves when the seeding process has committed so many rows. */
async function untilSeeded(db: Database, rows: number): Promise<void> {
  while ((await countSeeded(db, 'users')) < rows) await sleep(1)
}

t.test('a run that is killed leaves good order behind, and the next one completes it', async (t) => {
  const { file, start, seed } = seeder(t)
  const { db } = await openMigrated(t, { file })
  const growing = start('--users', '2000000')
  await untilSeeded(db, 1000)
  growing.child.kill('SIGKILL')
  t.equal((await growing.ended).signal, 'SIGKILL')
  const reached = checkOrder(t, file)
  t.ok(reached >= 1000 && reached < 2_000_000)

  await seed('--users', String(reached + 100))
  t.equal(checkOrder(t, file), reached + 100)

  const shrinking = start('--users', '5')
  while ((await countSeeded(db, 'users')) > reached) await sleep(1)
  shrinking.child.kill('SIGKILL')
  await shrinking.ended
  checkOrder(t, file)
  await seed('--users', '2000', '--friends', '3')
  t.equal(checkOrder(t, file), 2000)
  t.same(degrees(file), { 3: 2000 })
})

t.test('a run that is interrupted ends with 130 and leaves good order behind', async (t) => {
  const { file, start } = seeder(t)
  const { db } = await openMigrated(t, { file })
  const growing = start('--users', '2000000')
  await untilSeeded(db, 1)
  growing.child.kill('SIGINT')
  const { code, stdout } = await growing.ended
  t.equal(code, 130)
  t.equal(stdout, '', 'no login is printed for a password that was not stored')
  t.ok(checkOrder(t, file) < 2_000_000)
})

t.test('seeding goes on while others write, and they while it seeds', async (t) => {
  const { file, start } = seeder(t)
  const { db } = await openMigrated(t, { file })
  const seeding = start('--users', '60000', '--friends', '2')
  let isSeeding = true
  const ended = seeding.ended.finally(() => {
    isSeeding = false
  })
  let written = 0
  await untilSeeded(db, 1)
  while (isSeeding) {
    await addUser(db)
    written++
    // A query that waits for nobody never leaves the microtasks: the end of the other process would go unheard.
    await setImmediate()
  }
  t.equal((await ended).code, 0)
  t.ok(written > 0, 'there were writes in between')
  t.equal(checkOrder(t, file), 60_000)
  t.same(degrees(file), { 2: 60_000 })
  const real = await db.selectFrom('users').select('id').where('seed_number', 'is', null).execute()
  t.equal(real.length, written)
})

t.test('no statement of seeding reads a growing table from end to end', async (t) => {
  const { db, defects } = await openWatched(t)
  await fill(db, 1, 10, 1)
  const circle = { users: 10, friends: 3 }
  await unblock(db, circle, 1, 10)
  await prune(db, circle, 1, 10)
  await befriend(db, circle, 0, 14, 1)
  await removeAbove(db, 'users', 5, 10)
  await countSeeded(db, 'users')
  await setSeedPassword(db, 'x')
  await removeSeedPassword(db)
  t.same(defects(), [])
})
