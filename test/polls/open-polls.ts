import Sqlite from 'better-sqlite3'
import type { Test } from 'tap'
import { type OpenAppOptions, openApp } from '../support/harness.ts'
import { addMembers, type TestMember } from '../support/members.ts'

export interface PollBody {
  id: number
  question: string
  description: string | null
  state: 'draft' | 'open' | 'closed'
  opensAt: string
  closesAt: string | null
  resultsShown: 'after-vote' | 'after-close'
  choices: { id: number; text: string }[]
  myVote: number | null
}

/** The service with an administrator, a member, and another one. */
export async function openPolls(t: Test, options: OpenAppOptions = {}) {
  const opened = await openApp(t, options)
  const [root, ada, grace] = (await addMembers(opened, 'Root', 'Ada', 'Grace')) as [
    TestMember,
    TestMember,
    TestMember,
  ]
  await opened.db.updateTable('users').set({ is_administrator: 1 }).where('id', '=', root.id).execute()

  async function create(poll: object = {}): Promise<PollBody> {
    const reply = await root.ask('POST', '/v1/admin/polls', {
      question: 'Tea or coffee?',
      choices: ['Tea', 'Coffee'],
      ...poll,
    })
    if (reply.statusCode !== 201) throw new Error(reply.body)
    return reply.json()
  }
  const edit = (poll: { id: number }, change: object) =>
    root.ask('PATCH', `/v1/admin/polls/${poll.id}`, change)
  const vote = (member: Pick<TestMember, 'ask'>, poll: PollBody, choice = 0) =>
    member.ask('PUT', `/v1/polls/${poll.id}/vote`, { choiceId: poll.choices[choice]?.id })
  /** The poll as time would have left it. */
  const shift = (poll: { id: number }, times: { opens_at?: number; closes_at?: number }) =>
    opened.db.updateTable('polls').set(times).where('id', '=', poll.id).execute()

  return { ...opened, root, ada, grace, create, edit, vote, shift }
}

/** Kept counts against what the votes themselves say; nothing where they agree. */
export function countDefects(file: string): unknown[] {
  const raw = new Sqlite(file, { readonly: true })
  try {
    return raw
      .prepare(
        `with counted as (select choice_id, user_id % 16 as shard, count(*) as votes from votes group by 1, 2)
         select k.choice_id, k.shard, k.votes as kept, coalesce(c.votes, 0) as counted
         from vote_counts k left join counted c using (choice_id, shard) where k.votes <> coalesce(c.votes, 0)
         union all
         select choice_id, shard, 0, votes from counted
         where (choice_id, shard) not in (select choice_id, shard from vote_counts)
         union all
         select name, null, rows, (select count(*) from votes) from table_rows
         where name = 'votes' and rows <> (select count(*) from votes)
         union all
         select name, null, rows, (select count(*) from polls) from table_rows
         where name = 'polls' and rows <> (select count(*) from polls)`,
      )
      .all()
  } finally {
    raw.close()
  }
}
