import { type Expression, expressionBuilder, type SqlBool } from 'kysely'
import type { Tables } from '../../migrations/index.ts'

/** The key of the one row that two members share, in either order. */
export function pairOf(oneId: number, otherId: number) {
  return oneId < otherId ? { low_id: oneId, high_id: otherId } : { low_id: otherId, high_id: oneId }
}

/**
 * Whether the two are friends. Use it as `where(areFriends(memberId, otherId))`. A block ends a friendship, so this
 * needs no look at the blocks.
 */
export function areFriends(memberId: number, otherId: number): Expression<SqlBool> {
  const { low_id, high_id } = pairOf(memberId, otherId)
  const eb = expressionBuilder<Tables, never>()
  return eb.exists(
    eb
      .selectFrom('friendships')
      .select('friendships.low_id')
      .where('friendships.low_id', '=', low_id)
      .where('friendships.high_id', '=', high_id)
      .where('friendships.status', '=', 'friends'),
  )
}
