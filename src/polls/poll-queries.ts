import { type RawBuilder, sql } from 'kysely'
import type { Database } from '../db/database.ts'
import { type PreparedQuery, prepareQuery } from '../db/prepared-query.ts'
import { Problem } from '../errors.ts'
import { type PollRow, stateOf } from './poll-views.ts'

/** A poll as the queries read it: the choices as JSON, in any order. */
interface StoredPoll extends Omit<PollRow, 'choices'> {
  choices_json: string
}

const pollColumns = [
  'polls.id',
  'polls.question',
  'polls.description',
  'polls.opens_at',
  'polls.closes_at',
  'polls.is_draft',
  'polls.results_shown',
] as const

/** In the same statement as the poll, so that an edit in between cannot pair old choices with a new question. */
const choicesJson = sql<string>`(
  select json_group_array(json_array(c.position, c.id, c.text)) from poll_choices as c where c.poll_id = polls.id
)`

/** `memberId` is a parameter of a prepared query. */
function polls(db: Database, memberId: RawBuilder<number>) {
  return db
    .selectFrom('polls')
    .leftJoin('votes', (join) =>
      join.onRef('votes.poll_id', '=', 'polls.id').on('votes.user_id', '=', memberId),
    )
    .select(pollColumns)
    .select(['votes.choice_id as my_vote', choicesJson.as('choices_json')])
}

function toRow({ choices_json, ...poll }: StoredPoll): PollRow {
  const choices = (JSON.parse(choices_json) as [position: number, id: number, text: string][])
    .sort(([one], [other]) => one - other)
    .map(([, id, text]) => ({ id, text }))
  return { ...poll, choices }
}

const byId = prepareQuery<{ memberId: number; id: number }>()((db, parameter) =>
  polls(db, parameter('memberId')).where('polls.id', '=', parameter('id')),
)

/** The poll with the member's vote; undefined if there is none. Drafts too. */
export async function findPoll(db: Database, memberId: number, id: number): Promise<PollRow | undefined> {
  const [poll] = await byId(db, { memberId, id })
  return poll && toRow(poll)
}

export function unknownPoll(): Problem {
  return new Problem('not-found', 'No poll has this id.')
}

export interface Viewer {
  readonly id: number
  readonly isAdministrator: boolean
}

/** The poll as this member may see it; throws `not-found` (404) for a draft too, unless an administrator asks. */
export async function getPoll(db: Database, viewer: Viewer, id: number, now = Date.now()): Promise<PollRow> {
  const poll = await findPoll(db, viewer.id, id)
  if (poll === undefined || isHidden(poll, viewer, now)) throw unknownPoll()
  return poll
}

export function isHidden(poll: Parameters<typeof stateOf>[0], viewer: Viewer, now: number): boolean {
  return stateOf(poll, now) === 'draft' && !viewer.isAdministrator
}

type Unclosed = { memberId: number; asOf: number }
type Closed = { memberId: number; asOf: number; beforeId: number; maxRows: number }

/** Few: OPEN_POLLS_MAX bounds them. */
const unclosed = prepareQuery<Unclosed>()((db, parameter) =>
  polls(db, parameter('memberId')).where('polls.closes_at', '>', parameter('asOf')),
)

/** Down the primary key, past those of the first part. */
const closed = prepareQuery<Closed>()((db, parameter) =>
  polls(db, parameter('memberId'))
    .where('polls.id', '<', parameter('beforeId'))
    .where('polls.closes_at', '<=', parameter('asOf'))
    .orderBy('polls.id', 'desc')
    .limit(parameter('maxRows')),
)

/** The same without drafts. */
const closedPublished = prepareQuery<Closed>()((db, parameter) =>
  polls(db, parameter('memberId'))
    .where('polls.id', '<', parameter('beforeId'))
    .where('polls.closes_at', '<=', parameter('asOf'))
    .where('polls.is_draft', '=', 0)
    .orderBy('polls.id', 'desc')
    .limit(parameter('maxRows')),
)

/** Where a page of polls starts. All pages of a listing show the polls in the order of one moment. */
export interface PollPosition {
  readonly asOf: number
  /** Whether the last poll of the page before was closed at that moment. */
  readonly isClosed: boolean
  readonly beforeId: number
}

/** First those that are not closed, then the closed ones; each newest first. */
export async function listPolls(
  db: Database,
  { memberId, drafts }: { memberId: number; drafts: boolean },
  { asOf, isClosed, beforeId }: PollPosition,
  maxRows: number,
): Promise<PollRow[]> {
  const first = isClosed ? [] : await unclosed(db, { memberId, asOf })
  const rows = first
    .filter((poll) => poll.id < beforeId && (drafts || stateOf(poll, asOf) !== 'draft'))
    .sort((one, other) => other.id - one.id)
    .slice(0, maxRows)
  const room = maxRows - rows.length
  const query: PreparedQuery<Closed, StoredPoll> = drafts ? closed : closedPublished
  const from = { memberId, asOf, beforeId: isClosed ? beforeId : Number.MAX_SAFE_INTEGER, maxRows: room }
  return [...rows, ...(room > 0 ? await query(db, from) : [])].map(toRow)
}
