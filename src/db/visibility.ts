import { type Expression, expressionBuilder, type SqlBool } from 'kysely'
import type { Tables } from '../../migrations/index.ts'

/**
 * Whether a member may see the row of `users`: a block hides both members from each other. Use it as
 * `where(isVisibleTo(memberId))`. Only the look-up itself depends on the row, so the blocks are read once for a query.
 * Most members have none, which saves the look-up in each row (a quarter of a page of fifty).
 */
export function isVisibleTo(memberId: number | Expression<number>): Expression<SqlBool> {
  const eb = expressionBuilder<Tables, 'users'>()
  return eb.or([eb.not(eb.exists(hiddenFrom(memberId))), eb('users.id', 'not in', hiddenFrom(memberId))])
}

function hiddenFrom(memberId: number | Expression<number>) {
  const eb = expressionBuilder<Tables, never>()
  return eb
    .selectFrom('blocks')
    .select('blocks.blocked_id as id')
    .where('blocks.blocker_id', '=', memberId)
    .unionAll(
      eb.selectFrom('blocks').select('blocks.blocker_id as id').where('blocks.blocked_id', '=', memberId),
    )
}
