import type { Database } from '../db/database.ts'

export interface VoteTotal {
  pollId: number
  question: string
  votes: number
}

/** Polls in one answer. */
const NEWEST = 50

/** The newest polls and the numbers of their votes, from the counts that triggers keep: no vote is read. */
export async function newestVoteTotals(db: Database): Promise<VoteTotal[]> {
  return (
    db
      .selectFrom('polls')
      .select(['polls.id as pollId', 'polls.question'])
      .select(({ selectFrom }) =>
        selectFrom('poll_choices')
          .innerJoin('vote_counts', 'vote_counts.choice_id', 'poll_choices.id')
          .select(({ fn, lit }) => fn.coalesce(fn.sum<number>('vote_counts.votes'), lit(0)).as('sum'))
          .whereRef('poll_choices.poll_id', '=', 'polls.id')
          .as('votes'),
      )
      // Down the primary key from its end.
      .where('polls.id', '<', Number.MAX_SAFE_INTEGER)
      .orderBy('polls.id', 'desc')
      .limit(NEWEST)
      .$narrowType<{ votes: number }>()
      .execute()
  )
}
