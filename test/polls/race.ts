import type { Test } from 'tap'
import { inParallel, seededRandom } from '../proof/client.ts'
import { tableOf } from '../support/members.ts'
import { countDefects, type PollBody } from './open-polls.ts'

export interface Voter {
  id: number
  ask(
    method: 'GET' | 'PUT' | 'DELETE',
    path: string,
    body?: object,
  ): Promise<{ status: number; body: string }>
}

interface Race {
  file: string
  voters: readonly Voter[]
  poll: PollBody
  /** Someone who may see the results. */
  results(): Promise<string>
}

/** Requests of each voter in each part. */
const TURNS = 10

/**
 * Votes, changes and retractions of all voters at once. What must come of it is known without the service: the last
 * request of each voter counts, and where a voter's own requests race, one of them.
 */
export async function raceOfVotes(t: Test, { file, voters, poll, results }: Race): Promise<void> {
  const random = seededRandom(12)
  const path = `/v1/polls/${poll.id}/vote`
  const anyChoice = () => poll.choices[Math.floor(random() * poll.choices.length)]?.id as number

  const asked = voters.flatMap((voter) =>
    Array.from({ length: TURNS }, () => ({ voter, choiceId: anyChoice() })),
  )
  const replies = await Promise.all(
    asked.map(async ({ voter, choiceId }) => {
      const { status, body } = await voter.ask('PUT', path, { choiceId })
      return { id: voter.id, choiceId, status, echo: JSON.parse(body).choiceId }
    }),
  )
  for (const voter of voters) {
    const own = replies.filter(({ id }) => id === voter.id)
    const statuses = own.map(({ status }) => status).sort()
    const right = statuses.join() === [...Array(TURNS - 1).fill(200), 201].join()
    if (!right || own.some(({ choiceId, echo }) => choiceId !== echo))
      t.fail(`voter ${voter.id} was answered ${statuses}`)
  }
  const kept = votesIn(file, poll)
  t.equal(kept.size, voters.length, `one vote for each voter of ${asked.length} at once`)
  for (const [id, choiceId] of kept)
    if (!asked.some(({ voter, choiceId: wanted }) => voter.id === id && wanted === choiceId))
      t.fail(`voter ${id} did not ask for ${choiceId}`)
  await compare(t, kept, { file, poll, results })

  const ledger = new Map<number, number>()
  await inParallel(voters, voters.length, async (voter) => {
    for (let turn = 0; turn < TURNS; turn++) {
      const retracts = random() < 0.3
      const choiceId = anyChoice()
      const { status } = retracts
        ? await voter.ask('DELETE', path)
        : await voter.ask('PUT', path, { choiceId })
      if (![200, 201, 204].includes(status)) t.fail(`${status} for voter ${voter.id}`)
      if (retracts) ledger.delete(voter.id)
      else ledger.set(voter.id, choiceId)
    }
  })
  t.ok(ledger.size > 0 && ledger.size < voters.length, 'some have taken their vote back')
  t.strictSame(votesIn(file, poll), new Map([...ledger].sort(([one], [other]) => one - other)))
  await compare(t, ledger, { file, poll, results })
}

/** The choice of each voter, in the order of their ids. */
export function votesIn(file: string, poll: PollBody): Map<number, number> {
  const votes = tableOf(file, 'votes') as { poll_id: number; user_id: number; choice_id: number }[]
  return new Map(
    votes.filter(({ poll_id }) => poll_id === poll.id).map(({ user_id, choice_id }) => [user_id, choice_id]),
  )
}

export async function compare(
  t: Test,
  ledger: ReadonlyMap<number, number>,
  { file, poll, results }: Omit<Race, 'voters'>,
): Promise<void> {
  const choices = poll.choices.map(({ id, text }) => ({
    id,
    text,
    votes: [...ledger.values()].filter((choiceId) => choiceId === id).length,
  }))
  t.strictSame(JSON.parse(await results()), { pollId: poll.id, total: ledger.size, choices })
  t.strictSame(countDefects(file), [])
}
