import { sql } from 'kysely'
import type { Database } from '../db/database.ts'

export interface ToolkitSummary {
  videos: number
  entries: number
  feeds: number
  hasLocation: boolean
  sharesLocation: boolean
}

/** What a member has, from rows of their own: at most 100 videos and 10 feeds, a playlist and a place. */
export async function toolkitSummary(db: Database, memberId: number): Promise<ToolkitSummary> {
  const { videos, entries, feeds, shared } = await db
    .selectNoFrom(({ selectFrom, fn }) => [
      selectFrom('videos')
        .select(fn.countAll<number>().as('count'))
        .where('user_id', '=', memberId)
        .as('videos'),
      selectFrom('playlists')
        .select(sql<number>`json_array_length(entries)`.as('count'))
        .where('user_id', '=', memberId)
        .as('entries'),
      selectFrom('feed_subscriptions')
        .select(fn.countAll<number>().as('count'))
        .where('user_id', '=', memberId)
        .as('feeds'),
      selectFrom('locations').select('shared').where('user_id', '=', memberId).as('shared'),
    ])
    .executeTakeFirstOrThrow()
  return {
    videos: videos ?? 0,
    entries: entries ?? 0,
    feeds: feeds ?? 0,
    hasLocation: shared !== null,
    sharesLocation: shared === 1,
  }
}
