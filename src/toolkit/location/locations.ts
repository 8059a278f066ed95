import type { Selectable } from 'kysely'
import type { Database, Tables } from '../../db/database.ts'
import { areFriends } from '../../db/friendship.ts'
import { Problem } from '../../errors.ts'
import { type Parsed, refuse, requireParsed } from '../../http/parsed.ts'
import { orAccountGone } from '../../sessions/authenticate.ts'
import { parseText } from '../../users/text.ts'
import { type UserRow, userColumns } from '../../users/user-view.ts'

export const LABEL_MAX_CODE_POINTS = 80

/** Degrees (WGS 84), and metres up to half of the equator. */
export const BOUNDS = {
  latitude: { minimum: -90, maximum: 90 },
  longitude: { minimum: -180, maximum: 180 },
  accuracy: { minimum: 0, maximum: 20_037_508 },
} as const

const placeColumns = ['latitude', 'longitude', 'accuracy', 'label', 'recorded_at'] as const

export type PlaceRow = Pick<Selectable<Tables['locations']>, (typeof placeColumns)[number]>
export type LocationRow = PlaceRow & { shared: 0 | 1 }

/** What a member says of their place. A number that is none is NaN. */
export interface Place {
  latitude: number
  longitude: number
  accuracy?: number | undefined
  label?: string | undefined
  shared: boolean
}

export function findLocation(db: Database, memberId: number): Promise<LocationRow | undefined> {
  return db
    .selectFrom('locations')
    .select([...placeColumns, 'shared'])
    .where('user_id', '=', memberId)
    .executeTakeFirst()
}

/** Replaces the member's place by this one, recorded now. Throws `invalid` (422). */
export function saveLocation(
  db: Database,
  memberId: number,
  place: Place,
  now = Date.now(),
): Promise<LocationRow> {
  const { latitude, longitude, accuracy, label } = requireParsed({
    latitude: parseNumber(place.latitude, BOUNDS.latitude),
    longitude: parseNumber(place.longitude, BOUNDS.longitude),
    accuracy: place.accuracy === undefined ? undefined : parseNumber(place.accuracy, BOUNDS.accuracy),
    label:
      place.label === undefined
        ? undefined
        : parseText(place.label, { maxCodePoints: LABEL_MAX_CODE_POINTS }),
  })
  const row = {
    latitude,
    longitude,
    accuracy: accuracy ?? null,
    label: label ?? null,
    shared: place.shared ? (1 as const) : (0 as const),
    recorded_at: now,
  }
  const write = db
    .insertInto('locations')
    .values({ user_id: memberId, ...row })
    .onConflict((conflict) => conflict.column('user_id').doUpdateSet(row))
    .returning([...placeColumns, 'shared'])
    .executeTakeFirstOrThrow()
  return orAccountGone(write)
}

export async function removeLocation(db: Database, memberId: number): Promise<void> {
  await db.deleteFrom('locations').where('user_id', '=', memberId).execute()
}

/**
 * The place that a friend shares. Throws `not-found` (404) in the same words for a stranger, for a member who blocks,
 * and for a friend who shares none.
 */
export async function getSharedLocation(
  db: Database,
  memberId: number,
  friendId: number,
): Promise<PlaceRow & UserRow> {
  const row = await db
    .selectFrom('locations')
    .innerJoin('users', 'users.id', 'locations.user_id')
    .select([...placeColumns, ...userColumns])
    .where('locations.user_id', '=', friendId)
    .where('locations.shared', '=', 1)
    .where(areFriends(memberId, friendId))
    .executeTakeFirst()
  if (row === undefined) throw new Problem('not-found', 'No friend with this id shares a place with you.')
  return row
}

function parseNumber(
  value: number,
  { minimum, maximum }: { minimum: number; maximum: number },
): Parsed<number> {
  // Not `< minimum`: NaN is neither below nor above.
  if (!(value >= minimum && value <= maximum)) return refuse(`must be a number from ${minimum} to ${maximum}`)
  return { ok: true, value }
}
