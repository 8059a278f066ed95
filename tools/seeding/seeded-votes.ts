import { sql } from 'kysely'
import type { Database } from '../../src/db/database.ts'
import { integer } from './integer.ts'
import type { Step } from './short-transactions.ts'

/** Seeded accounts and polls: every account has one vote in each poll at most. */
export interface Electorate {
  readonly users: number
  readonly polls: number
}

export function mostVotes({ users, polls }: Electorate): number {
  return users * polls
}

/**
 * Votes of each poll, by its seed number less 1; their sum is `votes`. The best attended poll has three times the votes
 * of the worst, where the number of accounts allows it.
 */
export function turnouts({ users, polls }: Electorate, votes: number): number[] {
  const parts = Array.from({ length: polls }, (_, index) => ({
    index,
    weight: 1 + 2 * ((index * GOLDEN) % 1),
  }))
  const result = Array<number>(polls).fill(0)
  let votesLeft = votes
  let weightLeft = parts.reduce((sum, { weight }) => sum + weight, 0)
  // Best attended first: the part that is too large for a poll goes to the others, which still have room for it.
  parts.sort((one, other) => other.weight - one.weight)
  for (const { index, weight } of parts) {
    const part = Math.min(votesLeft, users, Math.ceil((votesLeft * weight) / weightLeft))
    result[index] = part
    votesLeft -= part
    weightLeft -= weight
  }
  return result
}

/** Its multiples are spread evenly between the whole numbers. */
const GOLDEN = 0.618_033_988_749_895

/** A seeded poll whose number of votes will change. */
export interface Ballot {
  readonly pollId: number
  readonly number: number
  readonly choiceIds: readonly number[]
  readonly opensAt: number
  /** Of the last vote that there can be. */
  readonly endsAt: number
  /** Votes of seeded accounts to add, or to take away if negative. */
  change: number
  /** Accounts that were looked at for a vote to add. */
  looked: number
}

/** What is to do in this poll for so many votes of seeded accounts. */
export async function ballotOf(db: Database, number: number, votes: number, now: number): Promise<Ballot> {
  const poll = await db
    .selectFrom('polls')
    .select(['id', 'opens_at', 'closes_at'])
    .where('seed_number', '=', number)
    .executeTakeFirstOrThrow()
  const choices = await db
    .selectFrom('poll_choices')
    .select('id')
    .where('poll_id', '=', poll.id)
    .orderBy('position')
    .execute()
  return {
    pollId: poll.id,
    number,
    choiceIds: choices.map(({ id }) => id),
    opensAt: poll.opens_at,
    endsAt: Math.min(poll.closes_at, now),
    change: votes - (await countVotes(db, poll.id)),
    looked: 0,
  }
}

/** Of seeded accounts. */
async function countVotes(db: Database, pollId: number): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count
    from votes as v cross join users as u on u.id = v.user_id
    where v.poll_id = ${pollId} and u.seed_number is not null
  `.execute(db)
  return rows[0]?.count ?? 0
}

/** Takes surplus votes away, at most `size`; those of the latest accounts first. */
export async function removeVotes(tx: Database, ballots: readonly Ballot[], size: number): Promise<Step> {
  let done = 0
  for (const ballot of ballots) {
    if (done === size) return { done, isLast: false }
    if (ballot.change >= 0) continue
    const { numAffectedRows } = await sql`
      delete from votes where poll_id = ${ballot.pollId} and user_id in (
        select v.user_id
        from votes as v cross join users as u on u.id = v.user_id
        where v.poll_id = ${ballot.pollId} and u.seed_number is not null
        order by v.user_id desc
        limit ${Math.min(size - done, -ballot.change)}
      )
    `.execute(tx)
    const removed = Number(numAffectedRows)
    ballot.change += removed
    done += removed
    // Another program took some away too.
    if (removed === 0) ballot.change = 0
  }
  return { done, isLast: ballots.every(({ change }) => change >= 0) }
}

/**
 * Adds missing votes, at most `size`; SQLite makes the rows itself. Accounts vote in the order of their numbers, and
 * each poll begins a little later in the ring than the one before: with beginnings that jump, every transaction would
 * touch every page of the index over accounts, and the rate fell to a half.
 */
export async function addVotes(
  tx: Database,
  { users, polls }: Electorate,
  ballots: readonly Ballot[],
  size: number,
): Promise<Step> {
  let done = 0
  let room = size
  for (const ballot of ballots)
    while (ballot.change > 0 && ballot.looked < users) {
      if (room === 0) return { done, isLast: false }
      const begin = Math.floor(((ballot.number - 1) * users) / polls)
      const first = ((begin + ballot.looked) % users) + 1
      const amount = Math.min(room, ballot.change, users - first + 1, users - ballot.looked)
      const added = await insertVotes(tx, ballot, first, first + amount - 1)
      ballot.looked += amount
      ballot.change -= added
      done += added
      room -= amount
    }
  return { done, isLast: true }
}

/** Votes of the accounts `from` to `to`, of those that have none in this poll; resolves to their number. */
async function insertVotes(
  tx: Database,
  { pollId, number, choiceIds, opensAt, endsAt }: Ballot,
  from: number,
  to: number,
): Promise<number> {
  const { numAffectedRows } = await sql`
    with
      slots (slot, choice_id) as materialized (select key, value from json_each(${JSON.stringify(slotsOf(number, choiceIds))})),
      voters (user_id, drawn) as (
        select id, (seed_number * 48271 + ${integer(number * 69_621)}) % 2147483647
        from users
        where seed_number between ${integer(from)} and ${integer(to)}
      )
    insert into votes (poll_id, user_id, choice_id, voted_at)
    select ${integer(pollId)}, user_id, choice_id, ${integer(opensAt)} + drawn % ${integer(Math.max(1, endsAt - opensAt))}
    from voters cross join slots on slots.slot = drawn / 1000 % ${SLOTS}
    where true
    on conflict do nothing
  `.execute(tx)
  return Number(numAffectedRows)
}

const SLOTS = 100

/** A choice for each hundredth of the voters: the most popular choice is another one in each poll, the next has half. */
function slotsOf(number: number, choiceIds: readonly number[]): number[] {
  const weights = choiceIds.map((_, index) => 1 / (1 + ((index + number) % choiceIds.length)))
  const sum = weights.reduce((total, weight) => total + weight, 0)
  let before = 0
  return choiceIds.flatMap((id, index) => {
    const from = Math.round((SLOTS * before) / sum)
    before += weights[index] as number
    return Array<number>(Math.round((SLOTS * before) / sum) - from).fill(id)
  })
}
