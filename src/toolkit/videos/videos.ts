import type { Selectable } from 'kysely'
import type { Database, Tables } from '../../db/database.ts'
import { Problem } from '../../errors.ts'
import { requireParsed } from '../../http/parsed.ts'
import { orAccountGone } from '../../sessions/authenticate.ts'
import { parseText } from '../../users/text.ts'
import { TITLE_MAX_CODE_POINTS } from '../title.ts'
import { parseVideoAddress } from './video-address.ts'

export const VIDEOS_MAX = 100

const videoColumns = ['id', 'position', 'title', 'provider', 'provider_id', 'url', 'added_at'] as const

export type VideoRow = Pick<Selectable<Tables['videos']>, (typeof videoColumns)[number]>

/** All videos of a member, in their order. */
export function listVideos(db: Database, memberId: number): Promise<VideoRow[]> {
  return db
    .selectFrom('videos')
    .select(videoColumns)
    .where('user_id', '=', memberId)
    .orderBy('position')
    .execute()
}

/** Throws `not-found` (404), for a video of another member too. */
export async function getVideo(db: Database, memberId: number, id: number): Promise<VideoRow> {
  const video = await db
    .selectFrom('videos')
    .select(videoColumns)
    .where('id', '=', id)
    .where('user_id', '=', memberId)
    .executeTakeFirst()
  if (video === undefined) throw unknownVideo()
  return video
}

/** At the end of the list. Throws `invalid` (422), or `too-many-videos` (409) with `max`. */
export function addVideo(
  db: Database,
  memberId: number,
  typed: { title: string; url: string },
  now = Date.now(),
): Promise<VideoRow> {
  const { title, address } = parseVideo(typed)
  const insertion = db.transaction().execute(async (tx) => {
    const last = await tx
      .selectFrom('videos')
      .select('position')
      .where('user_id', '=', memberId)
      .orderBy('position', 'desc')
      .limit(1)
      .executeTakeFirst()
    const position = (last?.position ?? 0) + 1
    if (position > VIDEOS_MAX)
      throw new Problem('too-many-videos', 'Remove a video first.', { extensions: { max: VIDEOS_MAX } })
    return tx
      .insertInto('videos')
      .values({
        user_id: memberId,
        position,
        title,
        provider: address.provider,
        provider_id: address.providerId,
        url: address.url,
        added_at: now,
      })
      .returning(videoColumns)
      .executeTakeFirstOrThrow()
  })
  return orAccountGone(insertion)
}

function parseVideo({ title, url }: { title: string; url: string }) {
  const parsed = requireParsed({
    title: parseText(title, { maxCodePoints: TITLE_MAX_CODE_POINTS }),
    url: parseVideoAddress(url),
  })
  return { title: parsed.title, address: parsed.url }
}

/**
 * Gives a video another title, or another place in the list; a place behind the last one is the last one. Throws
 * `invalid` (422) or `not-found` (404).
 */
export async function changeVideo(
  db: Database,
  memberId: number,
  id: number,
  change: { title?: string; position?: number },
): Promise<VideoRow> {
  const { title } = requireParsed({
    title:
      change.title === undefined
        ? undefined
        : parseText(change.title, { maxCodePoints: TITLE_MAX_CODE_POINTS }),
  })
  return db.transaction().execute(async (tx) => {
    const video = await getVideo(tx, memberId, id)
    const position =
      change.position === undefined
        ? video.position
        : await makeRoom(tx, memberId, video.position, change.position)
    return tx
      .updateTable('videos')
      .set({ position, ...(title !== undefined && { title }) })
      .where('id', '=', id)
      .returning(videoColumns)
      .executeTakeFirstOrThrow()
  })
}

/** Moves the videos between the two places by one; resolves to the place that is free now. */
async function makeRoom(tx: Database, memberId: number, from: number, wanted: number): Promise<number> {
  const between = tx.updateTable('videos').where('user_id', '=', memberId)
  if (wanted <= from) {
    await between
      .set(({ eb }) => ({ position: eb('position', '+', 1) }))
      .where('position', '>=', wanted)
      .where('position', '<', from)
      .execute()
    return wanted
  }
  const { numUpdatedRows } = await between
    .set(({ eb }) => ({ position: eb('position', '-', 1) }))
    .where('position', '>', from)
    .where('position', '<=', wanted)
    .executeTakeFirstOrThrow()
  return from + Number(numUpdatedRows)
}

/** Throws `not-found` (404), for a video of another member too. */
export async function removeVideo(db: Database, memberId: number, id: number): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const removed = await tx
      .deleteFrom('videos')
      .where('id', '=', id)
      .where('user_id', '=', memberId)
      .returning('position')
      .executeTakeFirst()
    if (removed === undefined) throw unknownVideo()
    await tx
      .updateTable('videos')
      .set(({ eb }) => ({ position: eb('position', '-', 1) }))
      .where('user_id', '=', memberId)
      .where('position', '>', removed.position)
      .execute()
  })
}

function unknownVideo(): Problem {
  return new Problem('not-found', 'You have no video with this id.')
}
