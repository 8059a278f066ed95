import { setTimeout as sleep } from 'node:timers/promises'
import Sqlite from 'better-sqlite3'
import t, { type Test } from 'tap'
import type { Database } from '../../src/db/database.ts'
import { countVotesAbove, fillPolls, removeVotesAbove } from '../../tools/seeding/seeded-polls.ts'
import { countSeeded, removeAbove } from '../../tools/seeding/seeded-rows.ts'
import { fill } from '../../tools/seeding/seeded-users.ts'
import { addVotes, ballotOf, removeVotes, turnouts } from '../../tools/seeding/seeded-votes.ts'
import { newUser, openMigrated } from '../db/temporary-database.ts'
import { openWatched, seeder } from './seeder.ts'

const DAY_MS = 86_400_000

function read<Row>(file: string, query: string): Row[] {
  const raw = new Sqlite(file, { readonly: true })
  try {
    return raw.prepare(query).all() as Row[]
  } finally {
    raw.close()
  }
}

/** The numbers of seeded polls and of seeded accounts' votes in them; kept counts must be the counts of the rows. */
function checkOrder(t: Test, file: string): { polls: number; votes: number } {
  t.same(
    read(
      file,
      `select c.id from poll_choices as c
       where (select coalesce(sum(votes), 0) from vote_counts where choice_id = c.id)
         <> (select count(*) from votes where choice_id = c.id)`,
    ),
    [],
    'the counts of each choice are those of its votes',
  )
  t.same(
    read(file, `select sum(votes) as n from vote_counts having sum(votes) is not null`),
    read(file, `select count(*) as n from votes having (select count(*) from vote_counts) > 0`),
  )
  for (const table of ['polls', 'votes', 'users'])
    t.same(
      read(file, `select rows from table_rows where name = '${table}'`),
      read(file, `select count(*) as rows from ${table}`),
      `${table} are counted`,
    )
  t.same(read(file, 'pragma foreign_key_check'), [])
  const numbers = read<{ n: number }>(
    file,
    'select seed_number as n from polls where seed_number is not null order by 1',
  )
  t.same(
    numbers.map(({ n }) => n),
    numbers.map((_, index) => index + 1),
    'numbers without holes',
  )
  const [{ votes } = { votes: -1 }] = read<{ votes: number }>(
    file,
    `select count(*) as votes from votes as v
     join users as u on u.id = v.user_id join polls as p on p.id = v.poll_id
     where u.seed_number is not null and p.seed_number is not null`,
  )
  return { polls: numbers.length, votes }
}

t.test('polls and votes grow and shrink to exactly the numbers asked for', async (t) => {
  const { file, seed } = seeder(t)
  for (const [users, polls, votes] of [
    [200, 1, 0],
    [200, 7, 900],
    [300, 30, 9000],
    [300, 30, 9000],
    [300, 4, 17],
    [50, 25, 1249],
  ] as const) {
    await seed('--users', String(users), '--polls', String(polls), '--votes', String(votes))
    t.same(checkOrder(t, file), { polls, votes }, `${users} users, ${polls} polls, ${votes} votes`)
  }
  const states = read<{ closes_at: number; opens_at: number }>(
    file,
    'select opens_at, closes_at from polls order by seed_number',
  )
  t.equal(states.filter(({ closes_at }) => closes_at > Date.now()).length, 3, 'some are open')
  t.ok(states.slice(-3).every(({ closes_at }) => closes_at > Date.now() + DAY_MS))
  t.ok(states.every(({ opens_at }) => opens_at < Date.now()))

  await seed('--users', '50', '--votes', '30')
  t.same(checkOrder(t, file), { polls: 25, votes: 30 }, 'polls stay if they are left out')
  await seed('--users', '40', '--polls', '26')
  t.match(checkOrder(t, file), { polls: 26 })
  const { stdout } = await seed('--users', '0', '--polls', '0')
  t.match(stdout, '0 polls added, 26 removed.\n')
  t.same(checkOrder(t, file), { polls: 0, votes: 0 })
})

t.test('an empty database gets the same votes each time, and they look real', async (t) => {
  const votesOf = async () => {
    const { file, seed } = seeder(t)
    await seed('--users', '1000', '--polls', '6', '--votes', '3000')
    return read<{ poll: number; position: number; user: number }>(
      file,
      `select p.seed_number as poll, c.position, u.seed_number as user, v.voted_at - p.opens_at as after
       from votes as v join users as u on u.id = v.user_id
       join polls as p on p.id = v.poll_id join poll_choices as c on c.id = v.choice_id
       where v.voted_at between p.opens_at and min(p.closes_at, ${Date.now() + DAY_MS})
       order by 1, 3`,
    )
  }
  const [one, other] = [await votesOf(), await votesOf()]
  t.equal(one.length, 3000, 'each while its poll was open')
  t.same(
    one.map(({ poll, position, user }) => [poll, position, user]),
    other.map(({ poll, position, user }) => [poll, position, user]),
  )
  for (const votes of Map.groupBy(one, ({ poll }) => poll).values()) {
    const counts = [...Map.groupBy(votes, ({ position }) => position).values()].map(({ length }) => length)
    t.ok(Math.max(...counts) > 1.5 * Math.min(...counts), `one choice leads: ${counts}`)
    t.ok(Math.min(...counts) > 10, `each choice has votes: ${counts}`)
  }
})

t.test('turnouts are the votes asked for, in no poll more than there are accounts', async (t) => {
  for (const [users, polls] of [
    [1, 1],
    [7, 3],
    [10, 40],
    [1000, 9],
  ] as const)
    for (const votes of [0, 1, users, Math.floor((users * polls) / 2), users * polls - 1, users * polls]) {
      const parts = turnouts({ users, polls }, votes)
      const sum = parts.reduce((total, part) => total + part, 0)
      if (parts.length !== polls || sum !== votes || parts.some((part) => part < 0 || part > users))
        t.fail(`${users} users, ${polls} polls, ${votes} votes: ${parts}`)
    }
  t.same(turnouts({ users: 5, polls: 0 }, 0), [])
  const parts = turnouts({ users: 10_000, polls: 9 }, 30_000)
  t.ok(Math.max(...parts) > 2 * Math.min(...parts), `some are better attended: ${parts}`)
})

t.test('more votes than there can be are refused in one sentence', async (t) => {
  const { file, start } = seeder(t)
  t.same(await start('--users', '10', '--polls', '3', '--votes', '31').ended, {
    code: 1,
    signal: null,
    stdout: '',
    stderr:
      '10 users cannot give 31 votes in 3 seeded polls, one in each; give --votes at most 30, or more --users or --polls.\n',
  })
  t.match(await start('--users', '10', '--votes', '1').ended, {
    code: 1,
    stderr:
      '10 users cannot give 1 votes in 0 seeded polls, one in each; give --votes at most 0, or more --users or --polls.\n',
  })
  t.same(read(file, 'select 1 from users'), [], 'and nothing was done')
})

/** A poll without a seed number, with choices. */
async function addPoll(db: Database): Promise<{ pollId: number; choiceIds: number[] }> {
  const { id } = await db
    .insertInto('polls')
    .values({
      question: 'A real one?',
      description: null,
      opens_at: 1,
      closes_at: 2,
      is_draft: 0,
      results_shown: 'after-vote',
      created_at: 1,
      seed_number: null,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  const choices = await db
    .insertInto('poll_choices')
    .values(['Yes', 'No'].map((text, position) => ({ poll_id: id, position, text })))
    .returning('id')
    .execute()
  return { pollId: id, choiceIds: choices.map((choice) => choice.id) }
}

t.test('real polls, and what real accounts voted, stay as they are, byte for byte', async (t) => {
  const { file, seed } = seeder(t)
  const { db } = await openMigrated(t, { file })
  await seed('--users', '60', '--polls', '5', '--votes', '100')
  const { pollId, choiceIds } = await addPoll(db)
  const real = await db.insertInto('users').values(newUser()).returning('id').executeTakeFirstOrThrow()
  const seeded = await db
    .selectFrom('users')
    .select('id')
    .where('seed_number', '=', 7)
    .executeTakeFirstOrThrow()
  const choice = await db
    .selectFrom('poll_choices')
    .innerJoin('polls', 'polls.id', 'poll_id')
    .select(['poll_choices.id', 'poll_id'])
    .where('seed_number', '=', 2)
    .executeTakeFirstOrThrow()
  await db
    .insertInto('votes')
    .values([
      { poll_id: pollId, user_id: real.id, choice_id: choiceIds[0] as number, voted_at: 1 },
      { poll_id: pollId, user_id: seeded.id, choice_id: choiceIds[1] as number, voted_at: 1 },
      { poll_id: choice.poll_id, user_id: real.id, choice_id: choice.id, voted_at: 1 },
    ])
    .execute()
  const realRows = () =>
    [
      'select * from polls where seed_number is null',
      'select * from poll_choices where poll_id in (select id from polls where seed_number is null)',
      'select * from votes where poll_id in (select id from polls where seed_number is null)',
      'select * from votes where user_id in (select id from users where seed_number is null)',
    ].map((query) => read(file, query))
  const before = realRows()
  for (const [users, polls, votes] of [
    [60, 5, 300],
    [60, 3, 0],
    [90, 12, 1080],
  ] as const) {
    await seed('--users', String(users), '--polls', String(polls), '--votes', String(votes))
    t.same(checkOrder(t, file), { polls, votes })
    t.same(realRows(), before)
  }
})

async function untilVotes(db: Database, least: number): Promise<void> {
  for (;;) {
    const { rows } = await db
      .selectFrom('table_rows')
      .select('rows')
      .where('name', '=', 'votes')
      .executeTakeFirstOrThrow()
    if (rows >= least) return
    await sleep(1)
  }
}

t.test('a run that is killed leaves good order behind, and the next one completes it', async (t) => {
  const { file, start, seed } = seeder(t)
  const { db } = await openMigrated(t, { file })
  await seed('--users', '20000')
  const growing = start('--users', '20000', '--polls', '100', '--votes', '2000000')
  await untilVotes(db, 1000)
  growing.child.kill('SIGKILL')
  t.equal((await growing.ended).signal, 'SIGKILL')
  const { polls, votes } = checkOrder(t, file)
  t.ok(polls === 100 && votes >= 1000 && votes < 2_000_000, `${votes} votes`)

  const more = votes + 5000
  await seed('--users', '20000', '--polls', '100', '--votes', String(more))
  t.same(checkOrder(t, file), { polls: 100, votes: more })

  const shrinking = start('--users', '20000', '--polls', '1')
  while ((await countVotesAbove(db, 1)) > votes) await sleep(1)
  shrinking.child.kill('SIGINT')
  t.equal((await shrinking.ended).code, 130)
  checkOrder(t, file)
  await seed('--users', '300', '--polls', '2', '--votes', '600')
  t.same(checkOrder(t, file), { polls: 2, votes: 600 })
})

t.test('no statement of seeding polls reads a growing table from end to end', async (t) => {
  const { db, defects } = await openWatched(t)
  await fill(db, 1, 10, 1)
  await fillPolls(db, 1, 3, 3, Date.now())
  const ballots = [await ballotOf(db, 1, 10, Date.now())]
  await addVotes(db, { users: 10, polls: 3 }, ballots, 100)
  await removeVotes(db, [await ballotOf(db, 1, 4, Date.now())], 100)
  await countVotesAbove(db, 0)
  await removeVotesAbove(db, 0, 10)
  await removeAbove(db, 'polls', 0, 10)
  await countSeeded(db, 'polls')
  t.same(defects(), [])
})
