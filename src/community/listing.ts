import type { Database } from '../db/database.ts'
import { Problem } from '../errors.ts'
import { Cursors, invalidCursor, pageOf } from '../http/paging.ts'
import { foldName } from '../users/text.ts'
import { toUser } from '../users/user-view.ts'
import { listByName, listNewest } from './community-queries.ts'

export interface ListingQuery {
  sort: 'joined' | 'name'
  /** Start of the name, for `name` only. */
  q?: string | undefined
  cursor?: string | undefined
  limit: number
}

/** Members as JSON, separated by commas: most rows come as JSON from the database. */
interface CommunityPage {
  data: string
  nextCursor: string | null
}

/**
 * A page of the members that this member sees. Throws `invalid` (422) if no name can start with `q`, and
 * `invalid-cursor` (400).
 */
export async function listCommunity(
  db: Database,
  memberId: number,
  { sort, q, cursor, limit }: ListingQuery,
): Promise<CommunityPage> {
  if (sort === 'joined') {
    // The full listing continues in the pages, so both take the same cursors.
    const cursors = new Cursors(['community', 'joined', memberId], ['number'])
    const [beforeId] = (cursors.decode(cursor) ?? [Number.MAX_SAFE_INTEGER]) as [number]
    const { data, lastId } = await listNewest(db, memberId, beforeId, limit)
    return { data, nextCursor: lastId === null ? null : cursors.encode([lastId]) }
  }
  const prefix = q === undefined ? '' : searchKey(q)
  const cursors = new Cursors(['community', 'name', memberId, prefix], ['string', 'number'])
  const [nameKey, id] = (cursors.decode(cursor) ?? [prefix, 0]) as [string, number]
  // A cursor can be forged: it must not lead out of the search.
  if (!nameKey.startsWith(prefix)) throw invalidCursor()
  const rows = await listByName(db, memberId, prefix, { nameKey, id }, limit + 1)
  const { shown, nextCursor } = pageOf(rows, limit, (last) => cursors.encode([last.name_key, last.id]))
  return { data: shown.map((row) => JSON.stringify(toUser(row))).join(','), nextCursor }
}

function searchKey(q: string): string {
  const key = foldName(q)
  if (key !== '') return key
  throw new Problem('invalid', 'A parameter breaks a rule.', {
    errors: [{ parameter: 'q', detail: 'must have a visible character' }],
  })
}
