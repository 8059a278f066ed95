import type { Database } from '../../db/database.ts'
import { type InputError, Problem } from '../../errors.ts'
import { entityTag, ifMatchHolds } from '../../http/entity-tag.ts'
import { requireParsed } from '../../http/parsed.ts'
import { orAccountGone } from '../../sessions/authenticate.ts'
import { parseText } from '../../users/text.ts'
import { parseHttpsAddress } from '../https-address.ts'
import { TITLE_MAX_CODE_POINTS } from '../title.ts'

export const ENTRIES_MAX = 100

export interface Entry {
  title: string
  url: string
}

export interface Playlist {
  entries: Entry[]
  /** Of this member and this version, so that another account in the same browser does not take it for its own. */
  etag: string
}

/** A member's playlist; empty, and in version 0, before its first change. */
export async function getPlaylist(db: Database, memberId: number): Promise<Playlist> {
  const row = await db
    .selectFrom('playlists')
    .select(['version', 'entries'])
    .where('user_id', '=', memberId)
    .executeTakeFirst()
  return { entries: JSON.parse(row?.entries ?? '[]'), etag: entityTag(memberId, row?.version ?? 0) }
}

/**
 * Replaces the whole playlist if it still is the version of `ifMatch`. Throws `precondition-required` (428) without
 * one, `precondition-failed` (412) if another change came first, `invalid` (422).
 */
export async function replacePlaylist(
  db: Database,
  memberId: number,
  ifMatch: string | undefined,
  typed: readonly Entry[],
): Promise<Playlist> {
  if (ifMatch === undefined)
    throw new Problem('precondition-required', 'Send the ETag of the playlist as If-Match.')
  const entries = parseEntries(typed)
  const row = await db
    .selectFrom('playlists')
    .select('version')
    .where('user_id', '=', memberId)
    .executeTakeFirst()
  const version = (row?.version ?? 0) + 1
  if (!ifMatchHolds(ifMatch, entityTag(memberId, version - 1))) throw changedMeanwhile()
  // The condition stands in the statement: a change since the look-up leaves nothing to write.
  const write = db
    .insertInto('playlists')
    .values({ user_id: memberId, version, entries: JSON.stringify(entries) })
    .onConflict((conflict) =>
      conflict
        .column('user_id')
        .doUpdateSet(({ ref }) => ({ version: ref('excluded.version'), entries: ref('excluded.entries') }))
        .where('playlists.version', '=', version - 1),
    )
    .executeTakeFirst()
  const { numInsertedOrUpdatedRows } = await orAccountGone(write)
  if (numInsertedOrUpdatedRows === 0n) throw changedMeanwhile()
  return { entries, etag: entityTag(memberId, version) }
}

/**
 * Replaces the playlist by what `change` makes of its entries, if it still is the version of `etag`. Throws as {@link
 * replacePlaylist} does.
 */
export async function changePlaylist(
  db: Database,
  memberId: number,
  etag: string,
  change: (entries: readonly Entry[]) => readonly Entry[],
): Promise<Playlist> {
  const now = await getPlaylist(db, memberId)
  if (now.etag !== etag) throw changedMeanwhile()
  return replacePlaylist(db, memberId, etag, change(now.entries))
}

/** Adds an entry at the end of the version `etag`. Throws `invalid` (422) with its fields, and as above. */
export async function addEntry(
  db: Database,
  memberId: number,
  etag: string,
  typed: Entry,
): Promise<Playlist> {
  requireParsed(parseEntry(typed))
  return changePlaylist(db, memberId, etag, (entries) => [...entries, typed])
}

function parseEntry({ title, url }: Entry) {
  return { title: parseText(title, { maxCodePoints: TITLE_MAX_CODE_POINTS }), url: parseHttpsAddress(url) }
}

/** Throws `invalid` (422) with the place of every defect, such as `#/entries/3/url`. */
function parseEntries(typed: readonly Entry[]): Entry[] {
  if (typed.length > ENTRIES_MAX)
    throw new Problem('invalid', `A playlist holds at most ${ENTRIES_MAX} entries; remove one first.`)
  const errors: InputError[] = []
  const entries = typed.map((entry, index) => {
    const { title, url } = parseEntry(entry)
    for (const [name, parsed] of Object.entries({ title, url }))
      if (!parsed.ok) errors.push({ pointer: `#/entries/${index}/${name}`, detail: parsed.detail })
    return { title: title.ok ? title.value : '', url: url.ok ? url.value.href : '' }
  })
  if (errors.length > 0) throw new Problem('invalid', 'The body breaks a rule.', { errors })
  return entries
}

function changedMeanwhile(): Problem {
  return new Problem(
    'precondition-failed',
    'The playlist was changed since you read it; read it again, and repeat the change.',
  )
}
