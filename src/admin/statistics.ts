import { sql } from 'kysely'
import { Type } from 'typebox'
import type { Database } from '../db/database.ts'
import { timestamp } from '../http/timestamp.ts'

export interface VoteTotal {
  readonly pollId: number
  readonly question: string
  readonly votes: number
}

/** What the process that answers has counted itself, as it sends it to the dashboards. */
export interface Counted {
  readonly instanceId: string
  /** Milliseconds since the epoch. */
  readonly since: number
  readonly viewsByPage: Readonly<Record<string, number>>
  readonly queriesByPage: Readonly<Record<string, { readonly count: number; readonly totalSeconds: number }>>
}

/** Days of sign-ups in one answer, today included. */
export const DAYS = 90
const DAY_MS = 86_400_000

const count = (description?: string) => Type.Integer({ minimum: 0, ...(description && { description }) })

export const Statistics = Type.Object(
  {
    members: count(),
    sessions: count('Expired ones too, until a log-in clears them'),
    friendships: count(),
    polls: count(),
    votes: count(),
    votesByPoll: Type.Array(
      Type.Object({ pollId: Type.Integer({ minimum: 1 }), question: Type.String(), votes: count() }),
      { description: 'The newest 50 polls, newest first' },
    ),
    signUpsByDay: Type.Array(Type.Object({ day: Type.String({ format: 'date' }), count: count() }), {
      description: `Of the last ${DAYS} UTC days those with a sign-up, newest first; without seeded accounts`,
    }),
    process: Type.Object(
      {
        instanceId: Type.String({ description: 'The tag `service.instance.id`' }),
        since: Type.String({ format: 'date-time', description: 'Its start' }),
      },
      { description: 'The process that has counted what follows; each worker counts its own' },
    ),
    viewsByPage: Type.Record(Type.String(), count(), { description: '`web.page_views`' }),
    queryTimes: Type.Record(
      Type.String(),
      Type.Object({ count: count(), meanSeconds: Type.Number({ minimum: 0 }) }),
      { description: '`database.query.time` by page' },
    ),
  },
  { $id: 'Statistics', additionalProperties: false },
)

/** The days of {@link DAYS}, today last, as `2026-11-29`. */
export function lastDays(now = Date.now()): string[] {
  return Array.from({ length: DAYS }, (_, n) => timestamp(now - (DAYS - 1 - n) * DAY_MS).slice(0, 10))
}

export interface StatisticsSources {
  readonly db: Database
  /** The newest polls. */
  votesByPoll(): Promise<VoteTotal[]>
  /** What this process has counted since its start. */
  counted(): Promise<Counted>
}

/** Counts kept by triggers, and what this process has counted: reads as many rows with a million members as with one. */
export async function readStatistics({ db, votesByPoll, counted }: StatisticsSources, now = Date.now()) {
  const kept = await keptCounts(db)
  const signUpsByDay = await db
    .selectFrom('sign_ups')
    .select(['day', 'count'])
    .where('day', '>=', lastDays(now)[0] as string)
    .orderBy('day', 'desc')
    .execute()
  const totals = await votesByPoll()
  const { instanceId, since, viewsByPage, queriesByPage } = await counted()
  return {
    ...kept,
    votesByPoll: totals,
    signUpsByDay,
    process: { instanceId, since: timestamp(since) },
    viewsByPage,
    queryTimes: Object.fromEntries(
      Object.entries(queriesByPage).map(([page, { count, totalSeconds }]) => [
        page,
        { count, meanSeconds: totalSeconds / count },
      ]),
    ),
  }
}

/** In one statement, so that the counts are of one moment. */
async function keptCounts(db: Database) {
  const { rows } = await sql<{ name: string; count: number }>`
    select name, rows as count from table_rows union all select name, count from kept_counts
  `.execute(db)
  const counts = new Map(rows.map(({ name, count }) => [name, count]))
  const of = (name: string) => counts.get(name) ?? 0
  return {
    members: of('users'),
    sessions: of('sessions'),
    friendships: of('friendships') - of('friend_requests'),
    polls: of('polls'),
    votes: of('votes'),
  }
}
