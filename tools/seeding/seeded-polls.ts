import { sql } from 'kysely'
import type { Database } from '../../src/db/database.ts'
import { NEVER } from '../../src/polls/poll-views.ts'
import { integer } from './integer.ts'
import { pollText } from './poll-texts.ts'
import type { Step } from './short-transactions.ts'

/** The newest polls are open. */
export const OPEN_POLLS = 3

const DAY_MS = 86_400_000

/** Everybody's votes in seeded polls above this number. */
export async function countVotesAbove(db: Database, number: number): Promise<number> {
  const { rows } = await sql<{ votes: number }>`
    select coalesce(sum(k.votes), 0) as votes
    from polls as p
      cross join poll_choices as c on c.poll_id = p.id
      cross join vote_counts as k on k.choice_id = c.id
    where p.seed_number > ${number}
  `.execute(db)
  return rows[0]?.votes ?? 0
}

/** Everybody's votes in polls that will go: a poll cannot go in a short transaction with a million of them. */
export async function removeVotesAbove(tx: Database, number: number, limit: number): Promise<Step> {
  const { numAffectedRows } = await sql`
    delete from votes where (poll_id, user_id) in (
      select v.poll_id, v.user_id
      from polls as p cross join votes as v on v.poll_id = p.id
      where p.seed_number > ${number}
      limit ${limit}
    )
  `.execute(tx)
  const done = Number(numAffectedRows)
  return { done, isLast: done < limit }
}

/**
 * Makes the missing polls of these numbers, of `polls` in all, and opens and closes those that are there: one has opened
 * each day, and was open for three. Resolves to how many it made.
 */
export async function fillPolls(
  tx: Database,
  from: number,
  to: number,
  polls: number,
  now: number,
): Promise<number> {
  const between = tx.selectFrom('polls').select('seed_number')
  const rows = await between.where('seed_number', '>=', from).where('seed_number', '<=', to).execute()
  const there = new Set(rows.map(({ seed_number }) => seed_number))
  for (let number = from; number <= to; number++) if (!there.has(number)) await insertPoll(tx, number, now)

  const age = sql<number>`(${integer(polls)} - seed_number)`
  const day = integer(DAY_MS)
  await tx
    .updateTable('polls')
    .set({
      opens_at: sql`${integer(now)} - (${age} + 1) * ${day}`,
      closes_at: sql`iif(${age} < ${OPEN_POLLS}, ${integer(NEVER)}, ${integer(now)} - (${age} + 1 - ${OPEN_POLLS}) * ${day})`,
    })
    .where('seed_number', '>=', from)
    .where('seed_number', '<=', to)
    .execute()
  return to - from + 1 - there.size
}

async function insertPoll(tx: Database, number: number, now: number): Promise<void> {
  const { question, choices } = pollText(number)
  const { id } = await tx
    .insertInto('polls')
    .values({
      question,
      description: null,
      opens_at: now,
      closes_at: NEVER,
      is_draft: 0,
      results_shown: 'after-vote',
      created_at: now,
      seed_number: number,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  await sql`
    insert into poll_choices (poll_id, position, text)
    select ${id}, key, value from json_each(${JSON.stringify(choices)})
  `.execute(tx)
}
