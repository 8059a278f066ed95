import { type Expression, expressionBuilder } from 'kysely'
import type { Tables } from './tables.ts'

/**
 * Everybody whom a block hides from a member: those they block and those who block them. Take it as
 * `where('users.id', 'not in', hiddenFrom(memberId))`. It does not depend on the outer row, so it is evaluated once
 * for a query, at the cost of that member's blocks, not once for each row.
 */
export function hiddenFrom(memberId: number | Expression<number>) {
  const eb = expressionBuilder<Tables, never>()
  return eb
    .selectFrom('blocks')
    .select('blocks.blocked_id as id')
    .where('blocks.blocker_id', '=', memberId)
    .unionAll(
      eb.selectFrom('blocks').select('blocks.blocker_id as id').where('blocks.blocked_id', '=', memberId),
    )
}
