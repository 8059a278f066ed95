import type { Database } from '../db/database.ts'
import { pairOf } from '../db/friendship.ts'
import { type UserRow, userColumns } from '../users/user-view.ts'

/** How another member stands to the one who asks: `asked` by this member, `asks` this member. */
export interface Relation {
  user: UserRow
  state: 'none' | 'asked' | 'asks' | 'friends' | 'blocked'
  /** Of the request, the friendship or the block. */
  since: number | null
  /** Whether the member may see the other's place. */
  sharesPlace: boolean
}

/** Undefined if there is no such member, or if the other blocks this one. The member's own block is told. */
export async function findRelation(
  db: Database,
  memberId: number,
  otherId: number,
): Promise<Relation | undefined> {
  const { low_id, high_id } = pairOf(memberId, otherId)
  const found = await db
    .selectFrom('users')
    .leftJoin('blocks as mine', (join) =>
      join.onRef('mine.blocked_id', '=', 'users.id').on('mine.blocker_id', '=', memberId),
    )
    .leftJoin('blocks as theirs', (join) =>
      join.onRef('theirs.blocker_id', '=', 'users.id').on('theirs.blocked_id', '=', memberId),
    )
    .leftJoin('friendships as pair', (join) =>
      join.on('pair.low_id', '=', low_id).on('pair.high_id', '=', high_id),
    )
    .leftJoin('locations as place', (join) =>
      join.onRef('place.user_id', '=', 'users.id').on('place.shared', '=', 1),
    )
    .select(userColumns)
    .select('place.user_id as sharing_id')
    .select(['mine.created_at as blocked_at', 'theirs.created_at as blocked_by_at'])
    .select(['pair.requested_by', 'pair.requested_at', 'pair.friends_since'])
    .where('users.id', '=', otherId)
    .executeTakeFirst()
  if (found === undefined) return undefined
  const user = { id: found.id, name: found.name, joined_at: found.joined_at }
  const relation = (state: Relation['state'], since: number | null): Relation => ({
    user,
    state,
    since,
    sharesPlace: state === 'friends' && found.sharing_id !== null,
  })
  if (found.blocked_at !== null) return relation('blocked', found.blocked_at)
  if (found.blocked_by_at !== null) return undefined
  if (found.requested_by === null) return relation('none', null)
  if (found.friends_since !== null) return relation('friends', found.friends_since)
  return relation(found.requested_by === memberId ? 'asked' : 'asks', found.requested_at)
}
