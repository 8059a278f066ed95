import { sql } from 'kysely'
import t from 'tap'
import type { Database } from '../../src/db/database.ts'
import { isForeignKeyViolation, isUniqueViolation } from '../../src/db/violations.ts'
import { newUser, openMigrated } from './temporary-database.ts'

async function addUser(db: Database): Promise<number> {
  const { id } = await db.insertInto('users').values(newUser()).returning('id').executeTakeFirstOrThrow()
  return id
}

function newSession(userId: number, n: number) {
  const token_hash = Buffer.alloc(32, n)
  return {
    user_id: userId,
    token_hash,
    kind: 'bearer' as const,
    created_at: 1,
    last_used_at: 1,
    expires_at: 2,
  }
}

function newFriendship(low_id: number, high_id: number) {
  return {
    low_id,
    high_id,
    status: 'friends' as const,
    requested_by: low_id,
    requested_at: 1,
    friends_since: 2,
  }
}

t.test('the counted rows are the rows, whatever inserts and deletes them', async (t) => {
  const { db } = await openMigrated(t)
  const same = async (title: string) => {
    const kept = await db.selectFrom('table_rows').selectAll().orderBy('name').execute()
    for (const { name, rows } of kept) {
      const counted = await sql<{ n: number }>`select count(*) as n from ${sql.table(name)}`.execute(db)
      t.equal(rows, counted.rows[0]?.n, `${title}: ${name}`)
    }
    return Object.fromEntries(kept.map(({ name, rows }) => [name, rows]))
  }
  await same('empty')
  const [a, b, c] = [await addUser(db), await addUser(db), await addUser(db)] as [number, number, number]
  await db
    .insertInto('sessions')
    .values([newSession(a, 1), newSession(a, 2), newSession(b, 3)])
    .execute()
  await db
    .insertInto('friendships')
    .values([newFriendship(a, b), newFriendship(a, c), newFriendship(b, c)])
    .execute()
  await db
    .insertInto('blocks')
    .values([
      { blocker_id: a, blocked_id: b, created_at: 1 },
      { blocker_id: c, blocked_id: a, created_at: 1 },
    ])
    .execute()
  t.match(await same('filled'), { blocks: 2, friendships: 3, sessions: 3, users: 3 })

  const session = { ...newSession(a, 1), last_used_at: 5 }
  await db
    .insertInto('sessions')
    .values(session)
    .onConflict((conflict) => conflict.column('token_hash').doUpdateSet({ last_used_at: 5 }))
    .execute()
  await db
    .insertInto('sessions')
    .values(session)
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  await same('after upserts')

  await db.deleteFrom('users').where('id', '=', a).execute()
  t.match(await same('after a cascade'), { blocks: 0, friendships: 1, sessions: 1, users: 2 })

  await t.rejects(
    db.transaction().execute(async (tx) => {
      await tx.deleteFrom('users').where('id', '=', b).execute()
      throw new Error('no')
    }),
  )
  t.match(await same('after a rollback'), { blocks: 0, friendships: 1, sessions: 1, users: 2 })
  await db.deleteFrom('users').where('id', '>', 0).execute()
  t.match(await same('emptied'), { blocks: 0, friendships: 0, sessions: 0, users: 0 })
})

t.test(
  'sign-ups are counted by UTC day, without seeded accounts, and stay when an account goes',
  async (t) => {
    const { db } = await openMigrated(t)
    const lastMomentOf = Date.parse('2026-11-28T23:59:59.999Z')
    const joining = (joined_at: number) => ({ ...newUser(), joined_at })
    await db
      .insertInto('users')
      .values([
        joining(lastMomentOf),
        joining(lastMomentOf + 1),
        joining(lastMomentOf + 1),
        { ...newUser(), seed_number: 1 },
      ])
      .execute()
    const kept = await db.selectFrom('sign_ups').selectAll().orderBy('day').execute()
    t.strictSame(kept, [
      { day: '2026-11-28', count: 1 },
      { day: '2026-11-29', count: 2 },
    ])
    await db.deleteFrom('users').where('id', '>', 0).execute()
    t.strictSame(await db.selectFrom('sign_ups').selectAll().orderBy('day').execute(), kept)
  },
)

t.test('friend requests are counted until they are accepted or gone', async (t) => {
  const { db } = await openMigrated(t)
  const [a, b, c] = [await addUser(db), await addUser(db), await addUser(db)] as [number, number, number]
  const requests = async () => (await db.selectFrom('kept_counts').selectAll().execute())[0]
  const request = (low: number, high: number) => ({
    ...newFriendship(low, high),
    status: 'pending' as const,
    friends_since: null,
  })
  t.strictSame(await requests(), { name: 'friend_requests', count: 0 })
  await db
    .insertInto('friendships')
    .values([request(a, b), request(a, c), newFriendship(b, c)])
    .execute()
  t.match(await requests(), { count: 2 })
  await db
    .insertInto('friendships')
    .values(newFriendship(a, b))
    .onConflict((conflict) =>
      conflict.columns(['low_id', 'high_id']).doUpdateSet({ status: 'friends', friends_since: 2 }),
    )
    .execute()
  t.match(await requests(), { count: 1 }, 'accepted')
  await db.deleteFrom('users').where('id', '=', b).execute()
  t.match(await requests(), { count: 1 }, 'friendships went in a cascade')
  await db.deleteFrom('users').where('id', '=', c).execute()
  t.match(await requests(), { count: 0 }, 'the request went in a cascade')
})

function newPoll() {
  return {
    question: 'Which?',
    description: null,
    opens_at: 1,
    closes_at: 2,
    is_draft: 0 as const,
    results_shown: 'after-vote' as const,
    created_at: 1,
    seed_number: null,
  }
}

async function addPoll(db: Database): Promise<{ poll: number; choices: number[] }> {
  const { id: poll } = await db
    .insertInto('polls')
    .values(newPoll())
    .returning('id')
    .executeTakeFirstOrThrow()
  const choices = await db
    .insertInto('poll_choices')
    .values([0, 1].map((position) => ({ poll_id: poll, position, text: `Choice ${position}` })))
    .returning('id')
    .execute()
  return { poll, choices: choices.map(({ id }) => id) }
}

t.test('votes are counted by choice and shard, whatever inserts, changes and deletes them', async (t) => {
  const { db } = await openMigrated(t)
  const voters = [await addUser(db), await addUser(db), await addUser(db)] as [number, number, number]
  const { poll, choices } = await addPoll(db)
  const [yes, no] = choices as [number, number]
  const counted = async () =>
    (await db.selectFrom('vote_counts').selectAll().orderBy('choice_id').orderBy('shard').execute()).map(
      ({ choice_id, shard, votes }) => [choice_id, shard, votes],
    )
  const given = (user_id: number, choice_id: number) => ({ poll_id: poll, user_id, choice_id, voted_at: 1 })
  await db
    .insertInto('votes')
    .values(voters.map((id) => given(id, yes)))
    .execute()
  t.strictSame(
    await counted(),
    voters.map((id) => [yes, id % 16, 1]),
  )
  for (const choice_id of [yes, no])
    await db
      .insertInto('votes')
      .values(given(voters[0], yes))
      .onConflict((conflict) => conflict.columns(['poll_id', 'user_id']).doUpdateSet({ choice_id }))
      .execute()
  await db.updateTable('votes').set({ voted_at: 9 }).where('poll_id', '=', poll).execute()
  const changed = [
    [yes, voters[0], 0],
    [yes, voters[1], 1],
    [yes, voters[2], 1],
    [no, voters[0], 1],
  ]
  t.strictSame(await counted(), changed)
  await t.rejects(
    db.transaction().execute(async (tx) => {
      await tx.deleteFrom('votes').where('poll_id', '=', poll).execute()
      throw new Error('no')
    }),
  )
  t.strictSame(await counted(), changed, 'after a rollback')
  await db.deleteFrom('users').where('id', '=', voters[1]).execute()
  t.match(
    await counted(),
    [[yes, voters[0], 0], [yes, voters[1], 0], [yes, voters[2], 1], [no]],
    'after a cascade',
  )
  await db.deleteFrom('polls').where('id', '=', poll).execute()
  t.strictSame(await counted(), [])
  const rows = await db
    .selectFrom('table_rows')
    .select('rows')
    .where('name', 'in', ['polls', 'votes'])
    .execute()
  t.strictSame(rows, [{ rows: 0 }, { rows: 0 }])
})

t.test('an id is not used a second time', async (t) => {
  const { db } = await openMigrated(t)
  const last = await addUser(db)
  await db.deleteFrom('users').where('id', '=', last).execute()
  t.equal(await addUser(db), last + 1)
})

t.test('what the tables refuse', async (t) => {
  const { db } = await openMigrated(t)
  const [a, b, c] = [await addUser(db), await addUser(db), await addUser(db)] as [number, number, number]
  const good = newFriendship(a, b)
  await db.insertInto('friendships').values(good).execute()
  await db.deleteFrom('friendships').where('low_id', '=', a).execute()
  const { poll, choices } = await addPoll(db)
  const vote = { poll_id: poll, user_id: a, choice_id: choices[0] as number, voted_at: 1 }
  await db.insertInto('votes').values(vote).execute()
  const refused: [string, { compile(): unknown; execute(): Promise<unknown> }][] = [
    ['a pair the wrong way round', db.insertInto('friendships').values({ ...good, low_id: b, high_id: a })],
    ['a member with itself', db.insertInto('friendships').values({ ...good, high_id: a })],
    ['a request of a third', db.insertInto('friendships').values({ ...good, requested_by: c })],
    ['friends since never', db.insertInto('friendships').values({ ...good, friends_since: null })],
    ['pending since then', db.insertInto('friendships').values({ ...good, status: 'pending' })],
    ['an unknown status', db.insertInto('friendships').values({ ...good, status: 'foes' as never })],
    ['a friendship with nobody', db.insertInto('friendships').values({ ...good, high_id: 99 })],
    ['a block of oneself', db.insertInto('blocks').values({ blocker_id: a, blocked_id: a, created_at: 1 })],
    ['half a token', db.insertInto('sessions').values({ ...newSession(a, 1), token_hash: Buffer.alloc(31) })],
    ['an unknown kind', db.insertInto('sessions').values({ ...newSession(a, 1), kind: 'magic' as never })],
    ['half an administrator', db.insertInto('users').values({ ...newUser(), is_administrator: 2 as never })],
    ['text for a number', db.insertInto('users').values({ ...newUser(), joined_at: 'today' as never })],
    ['no name', db.insertInto('users').values({ ...newUser(), name: null as never })],
    ['a second seed password', db.insertInto('seed_password').values({ id: 2, hash: 'x' })],
    ['a second vote', db.insertInto('votes').values({ ...vote, choice_id: choices[1] as number })],
    ['a vote of nobody', db.insertInto('votes').values({ ...vote, user_id: 99 })],
    ['a vote for nothing', db.insertInto('votes').values({ ...vote, user_id: b, choice_id: 99 })],
    [
      'two choices at a place',
      db.insertInto('poll_choices').values({ poll_id: poll, position: 0, text: 'x' }),
    ],
    ['a poll that closes before it opens', db.insertInto('polls').values({ ...newPoll(), closes_at: 0 })],
    ['half a draft', db.insertInto('polls').values({ ...newPoll(), is_draft: 2 as never })],
    ['a password of nobody', db.insertInto('passwords').values({ user_id: 99, hash: 'x' })],
  ]
  for (const [title, query] of refused)
    await t.rejects(query.execute(), { code: /^SQLITE_CONSTRAINT/ }, title)
})

t.test('violations are told apart by what they violate', async (t) => {
  const { db } = await openMigrated(t)
  const user = newUser()
  await db.insertInto('users').values(user).execute()
  const again = await failure(db.insertInto('users').values(user).execute())
  t.equal(isUniqueViolation(again, 'users.email_key'), true)
  t.equal(isUniqueViolation(again, 'users.seed_number'), false)
  t.equal(isForeignKeyViolation(again), false)

  const other = await addUser(db)
  await db.insertInto('friendships').values(newFriendship(1, other)).execute()
  const pair = await failure(db.insertInto('friendships').values(newFriendship(1, other)).execute())
  t.equal(isUniqueViolation(pair, 'friendships.low_id', 'friendships.high_id'), true)

  const seeded = { ...newUser(), seed_number: 1 }
  await db.insertInto('users').values(seeded).execute()
  const number = await failure(
    db
      .insertInto('users')
      .values({ ...newUser(), seed_number: 1 })
      .execute(),
  )
  t.equal(isUniqueViolation(number, 'users.seed_number'), true)

  const orphan = await failure(db.insertInto('sessions').values(newSession(99, 1)).execute())
  t.equal(isForeignKeyViolation(orphan), true)
  t.equal(isUniqueViolation(orphan, 'users.email_key'), false)
  t.equal(isUniqueViolation(undefined, 'users.email_key'), false)
})

const failure = (query: Promise<unknown>) =>
  query.then(
    () => undefined,
    (error: unknown) => error,
  )
