import type { Database } from '../db/database.ts'
import { prepareQuery } from '../db/prepared-query.ts'
import { hiddenFrom } from '../db/visibility.ts'
import { userColumns } from '../users/user-view.ts'
import { endOfPrefix } from './name-prefix.ts'

const newest = prepareQuery<{ memberId: number; beforeId: number; maxRows: number }>()((db, parameter) =>
  db
    .selectFrom('users')
    .select(userColumns)
    .where('users.id', '<', parameter('beforeId'))
    .where('users.id', 'not in', hiddenFrom(parameter('memberId')))
    .orderBy('users.id', 'desc')
    .limit(parameter('maxRows')),
)

/** Newest first, from below `beforeId`: every page, the first one too, is the same range of the primary key. */
export function listNewest(db: Database, memberId: number, beforeId: number, maxRows: number) {
  return newest(db, { memberId, beforeId, maxRows })
}

export interface NamePosition {
  nameKey: string
  id: number
}

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
  const columns = [...userColumns, 'users.name_key'] as const
  const namesakes = db
    .selectFrom('users')
    .select(columns)
    .where('users.name_key', '=', after.nameKey)
    .where('users.id', '>', after.id)
  const laterNames = db
    .selectFrom('users')
    .select(columns)
    .where('users.name_key', '>', after.nameKey)
    .where('users.name_key', '<', endOfPrefix(prefix))
  return db
    .selectFrom(namesakes.unionAll(laterNames).as('named'))
    .selectAll()
    .where('named.id', 'not in', hiddenFrom(memberId))
    .orderBy('named.name_key')
    .orderBy('named.id')
    .limit(maxRows)
    .execute()
}

/** One member as another may see them; undefined also where a block hides them. */
export function findVisible(db: Database, memberId: number, id: number) {
  return db
    .selectFrom('users')
    .select(userColumns)
    .where('users.id', '=', id)
    .where('users.id', 'not in', hiddenFrom(memberId))
    .executeTakeFirst()
}
