import { sql } from 'kysely'
import type { Database } from '../db/database.ts'
import { prepareQuery } from '../db/prepared-query.ts'
import { Problem } from '../errors.ts'
import { orAccountGone } from '../sessions/authenticate.ts'
import { isHidden, unknownPoll, type Viewer } from './poll-queries.ts'
import { type PollTimes, stateOf } from './poll-views.ts'

const ballotOf = prepareQuery<{ pollId: number; memberId: number; choiceId: number }>()((db, parameter) =>
  db
    .selectFrom('polls')
    .leftJoin('poll_choices', (join) =>
      join.onRef('poll_choices.poll_id', '=', 'polls.id').on('poll_choices.id', '=', parameter('choiceId')),
    )
    .leftJoin('votes', (join) =>
      join.onRef('votes.poll_id', '=', 'polls.id').on('votes.user_id', '=', parameter('memberId')),
    )
    .select(['polls.is_draft', 'polls.opens_at', 'polls.closes_at'])
    .select(['poll_choices.id as choice_id', 'votes.choice_id as my_vote', 'votes.voted_at'])
    .where('polls.id', '=', parameter('pollId')),
)

export interface VoteRow {
  poll_id: number
  choice_id: number
  voted_at: number
}

/**
 * The member's vote, or another choice for it; the same choice again changes nothing. One IMMEDIATE transaction, which
 * reads the clock when it has the lock, so that no vote comes after a close. Throws `not-found` (404), `invalid` (422)
 * for a choice of another poll, `poll-closed` and `poll-not-open` (409).
 */
export async function vote(
  db: Database,
  viewer: Viewer,
  pollId: number,
  choiceId: number,
): Promise<{ created: boolean; vote: VoteRow }> {
  const voting = db.transaction().execute(async (tx) => {
    const now = Date.now()
    const [ballot] = await ballotOf(tx, { pollId, memberId: viewer.id, choiceId })
    requireOpen(ballot, viewer, now)
    if (ballot?.choice_id == null)
      throw new Problem('invalid', 'Vote for a choice of this poll.', {
        errors: [{ pointer: '#/choiceId', detail: 'must be the id of a choice of this poll' }],
      })
    const given: VoteRow = { poll_id: pollId, choice_id: choiceId, voted_at: now }
    if (ballot.my_vote === null) {
      await tx
        .insertInto('votes')
        .values({ ...given, user_id: viewer.id })
        .execute()
      return { created: true, vote: given }
    }
    if (ballot.my_vote === choiceId)
      return { created: false, vote: { ...given, voted_at: ballot.voted_at as number } }
    await tx
      .updateTable('votes')
      .set({ choice_id: choiceId, voted_at: now })
      .where('poll_id', '=', pollId)
      .where('user_id', '=', viewer.id)
      .execute()
    return { created: false, vote: given }
  })
  // Poll and choice were read in the same transaction, so a missing row is the member's own.
  return orAccountGone(voting)
}

/** Takes the vote back, if there is one. Throws `not-found` (404), `poll-closed` and `poll-not-open` (409). */
export async function retractVote(db: Database, viewer: Viewer, pollId: number): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const [ballot] = await ballotOf(tx, { pollId, memberId: viewer.id, choiceId: 0 })
    requireOpen(ballot, viewer, Date.now())
    await tx.deleteFrom('votes').where('poll_id', '=', pollId).where('user_id', '=', viewer.id).execute()
  })
}

function requireOpen(poll: PollTimes | undefined, viewer: Viewer, now: number): void {
  if (poll === undefined || isHidden(poll, viewer, now)) throw unknownPoll()
  const state = stateOf(poll, now)
  if (state === 'closed') throw new Problem('poll-closed', 'Its votes stay as they are.')
  if (state === 'draft') throw new Problem('poll-not-open', 'Publish it, or wait until it opens.')
}

const resultsOf = prepareQuery<{ pollId: number; memberId: number }>()((db, parameter) =>
  db
    .selectFrom('polls')
    .innerJoin('poll_choices', 'poll_choices.poll_id', 'polls.id')
    .leftJoin('votes', (join) =>
      join.onRef('votes.poll_id', '=', 'polls.id').on('votes.user_id', '=', parameter('memberId')),
    )
    .select(['polls.is_draft', 'polls.opens_at', 'polls.closes_at', 'polls.results_shown'])
    .select(['poll_choices.id', 'poll_choices.position', 'poll_choices.text', 'votes.choice_id as my_vote'])
    .select(({ selectFrom }) =>
      selectFrom('vote_counts')
        .select(({ fn }) => fn.coalesce(fn.sum<number>('vote_counts.votes'), sql.lit(0)).as('sum'))
        .whereRef('vote_counts.choice_id', '=', 'poll_choices.id')
        .as('votes'),
    )
    .where('polls.id', '=', parameter('pollId')),
)

export interface PollResults {
  pollId: number
  total: number
  choices: { id: number; text: string; votes: number }[]
}

/**
 * The counts of all choices, from one statement that reads no votes but the member's own. Throws `not-found` (404), and
 * `results-hidden` (403) while this member may not see them.
 */
export async function getResults(
  db: Database,
  viewer: Viewer,
  pollId: number,
  now = Date.now(),
): Promise<PollResults> {
  const rows = await resultsOf(db, { pollId, memberId: viewer.id })
  const poll = rows[0]
  if (poll === undefined || isHidden(poll, viewer, now)) throw unknownPoll()
  if (!showsResults(poll, viewer, now))
    throw new Problem(
      'results-hidden',
      poll.results_shown === 'after-close' ? 'They are shown when the poll is closed.' : 'Vote first.',
    )
  const choices = rows
    .sort((one, other) => one.position - other.position)
    .map(({ id, text, votes }) => ({ id, text, votes: votes as number }))
  return { pollId, total: choices.reduce((sum, { votes }) => sum + votes, 0), choices }
}

/** Whether the member may see how the others voted. */
export function showsResults(
  poll: PollTimes & { results_shown: string; my_vote: number | null },
  viewer: Viewer,
  now: number,
): boolean {
  if (viewer.isAdministrator || stateOf(poll, now) === 'closed') return true
  return poll.results_shown === 'after-vote' && poll.my_vote !== null
}
