import type { Database } from '../db/database.ts'
import { prepareColumn, prepareQuery } from '../db/prepared-query.ts'
import { isVisibleTo } from '../db/visibility.ts'
import { userColumns, userJson } from '../users/user-view.ts'
import { endOfPrefix } from './name-prefix.ts'

/**
 * Only the rows' JSON, joined here. SQLite's `group_concat` promises an order only if it sorts the texts once more
 * (docs/decisions/0017).
 */
const newest = prepareColumn<{ memberId: number; beforeId: number; maxRows: number }>()((db, parameter) =>
  db
    .selectFrom('users')
    .select(userJson.as('json'))
    .where('users.id', '<', parameter('beforeId'))
    .where(isVisibleTo(parameter('memberId')))
    .orderBy('users.id', 'desc')
    .limit(parameter('maxRows')),
)

export interface NewestPage {
  /** Users as JSON, separated by commas. */
  readonly data: string
  /** Id of the last user if more follow, else null. */
  readonly lastId: number | null
}

/** Newest first, from below `beforeId`: every page, the first one too, is the same range of the primary key. */
export async function listNewest(
  db: Database,
  memberId: number,
  beforeId: number,
  maxRows: number,
): Promise<NewestPage> {
  // The extra row shows that more follow.
  const users = await newest(db, { memberId, beforeId, maxRows: maxRows + 1 })
  const hasMore = users.length > maxRows
  if (hasMore) users.length = maxRows
  return { data: users.join(','), lastId: hasMore ? JSON.parse(users.at(-1)!).id : null }
}

export interface NamePosition {
  nameKey: string
  id: number
}

const byName = prepareQuery<{
  memberId: number
  nameKey: string
  afterId: number
  endOfPrefix: string
  maxRows: number
}>()((db, parameter) => {
  const columns = [...userColumns, 'users.name_key'] as const
  const namesakes = db
    .selectFrom('users')
    .select(columns)
    .where('users.name_key', '=', parameter('nameKey'))
    .where('users.id', '>', parameter('afterId'))
  const laterNames = db
    .selectFrom('users')
    .select(columns)
    .where('users.name_key', '>', parameter('nameKey'))
    .where('users.name_key', '<', parameter('endOfPrefix'))
  return db
    .selectFrom(namesakes.unionAll(laterNames).as('users'))
    .selectAll()
    .where(isVisibleTo(parameter('memberId')))
    .orderBy('users.name_key')
    .orderBy('users.id')
    .limit(parameter('maxRows'))
})

/**
 * By folded name, then id, from above `after`; only folded names that start with `prefix` ('' for all). Two ranges
 * that SQLite merges, where `(name_key, id) > (?, ?)` would read alike but seek by the name alone and step over every
 * namesake again on each page.
 */
export function listByName(
  db: Database,
  memberId: number,
  prefix: string,
  after: NamePosition,
  maxRows: number,
) {
  const { nameKey, id: afterId } = after
  return byName(db, { memberId, nameKey, afterId, endOfPrefix: endOfPrefix(prefix), maxRows })
}

const visible = prepareQuery<{ memberId: number; id: number }>()((db, parameter) =>
  db
    .selectFrom('users')
    .select(userColumns)
    .where('users.id', '=', parameter('id'))
    .where(isVisibleTo(parameter('memberId'))),
)

/** One member as another sees them; undefined if there is none, or if a block hides them. */
export async function findVisible(db: Database, memberId: number, id: number) {
  const [user] = await visible(db, { memberId, id })
  return user
}
