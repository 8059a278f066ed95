import { Type } from 'typebox'
import { timestamp } from '../http/timestamp.ts'

const Time = Type.String({ format: 'date-time' })
const Id = Type.Integer({ minimum: 1 })

/** The end of the year 9999 stands in the table for a poll that never closes. */
export const NEVER = 253_402_300_799_999

export type ResultsShown = 'after-vote' | 'after-close'

export const ResultsShown = Type.Union([Type.Literal('after-vote'), Type.Literal('after-close')], {
  description: 'When members see the results: as soon as they have voted, or only when the poll is closed',
})

const Choice = Type.Object({ id: Id, text: Type.String() }, { additionalProperties: false })

export const Poll = Type.Object(
  {
    id: Id,
    question: Type.String(),
    description: Type.Union([Type.String(), Type.Null()]),
    state: Type.Union([Type.Literal('draft'), Type.Literal('open'), Type.Literal('closed')], {
      description: '`draft` until it is published and has opened: only administrators see it',
    }),
    opensAt: Time,
    closesAt: Type.Union([Time, Type.Null()], { description: 'null if nothing closes it' }),
    resultsShown: ResultsShown,
    choices: Type.Array(Choice),
    myVote: Type.Union([Id, Type.Null()], { description: 'Id of the choice that you voted for' }),
  },
  { $id: 'Poll', additionalProperties: false },
)

/** The same with what only administrators need to know. */
export const AdminPoll = Type.Object(
  {
    ...Poll.properties,
    draft: Type.Boolean({ description: 'false if it is published, though it may not have opened yet' }),
  },
  { $id: 'AdminPoll', additionalProperties: false },
)

export const Vote = Type.Object(
  { pollId: Id, choiceId: Id, votedAt: Time },
  { $id: 'Vote', additionalProperties: false },
)

export const Results = Type.Object(
  {
    pollId: Id,
    total: Type.Integer({ minimum: 0 }),
    choices: Type.Array(
      Type.Object(
        { ...Choice.properties, votes: Type.Integer({ minimum: 0 }) },
        { additionalProperties: false },
      ),
    ),
  },
  { $id: 'Results', additionalProperties: false },
)

export interface PollTimes {
  is_draft: 0 | 1
  opens_at: number
  closes_at: number
}

export interface PollRow extends PollTimes {
  id: number
  question: string
  description: string | null
  results_shown: ResultsShown
  /** The choices in the order of their position. */
  choices: { id: number; text: string }[]
  my_vote: number | null
}

export function stateOf(
  { is_draft, opens_at, closes_at }: PollTimes,
  now: number,
): 'draft' | 'open' | 'closed' {
  if (is_draft === 1 || opens_at > now) return 'draft'
  return closes_at > now ? 'open' : 'closed'
}

export function toPoll(poll: PollRow, now = Date.now()) {
  return {
    id: poll.id,
    question: poll.question,
    description: poll.description,
    state: stateOf(poll, now),
    opensAt: timestamp(poll.opens_at),
    closesAt: poll.closes_at === NEVER ? null : timestamp(poll.closes_at),
    resultsShown: poll.results_shown,
    choices: poll.choices,
    myVote: poll.my_vote,
  }
}

export function toAdminPoll(poll: PollRow, now = Date.now()) {
  return { ...toPoll(poll, now), draft: poll.is_draft === 1 }
}
