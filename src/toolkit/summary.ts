import { sql } from 'kysely'
import type { Database } from '../db/database.ts'

export interface ToolkitSummary {
  videos: number
  entries: number
  hasLocation: boolean
  sharesLocation: boolean
}

/** What a member has, from rows of their own: at most {@link VIDEOS_MAX} videos, and one row of each other table. */
export async function toolkitSummary(db: Database, memberId: number): Promise<ToolkitSummary> {
  const { videos, entries, shared } = await db
    .selectNoFrom(({ selectFrom, fn }) => [
      selectFrom('videos')
        .select(fn.countAll<number>().as('count'))
        .where('user_id', '=', memberId)
        .as('videos'),
      selectFrom('playlists')
        .select(sql<number>`json_array_length(entries)`.as('count'))
        .where('user_id', '=', memberId)
        .as('entries'),
      selectFrom('locations').select('shared').where('user_id', '=', memberId).as('shared'),
    ])
    .executeTakeFirstOrThrow()
  return {
    videos: videos ?? 0,
    entries: entries ?? 0,
    hasLocation: shared !== null,
    sharesLocation: shared === 1,
  }
}
