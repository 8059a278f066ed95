import { type AliasableExpression, sql } from 'kysely'
import type { Database } from '../db/database.ts'
import { userColumns } from '../users/user-view.ts'

/**
 * A member's pairs in one state, with the id of the other above `afterId`. The pairs with the member's id as the lower
 * one and those with it as the higher one come from one index each, already in order, so that a page merges the two and
 * never sorts. Only columns of these indexes are read, so that no pair of another state is stepped over.
 */
function pairsOf(db: Database, memberId: number, status: 'pending' | 'friends', afterId: number) {
  return db
    .selectFrom('friendships')
    .select(['low_id', 'high_id', 'high_id as other_id'])
    .where('low_id', '=', memberId)
    .where('status', '=', status)
    .where('high_id', '>', afterId)
    .unionAll(
      db
        .selectFrom('friendships')
        .select(['low_id', 'high_id', 'low_id as other_id'])
        .where('high_id', '=', memberId)
        .where('status', '=', status)
        .where('low_id', '>', afterId),
    )
}

// SQLite uses the partial index of pending pairs only if it can read the condition, hence no parameter.
const pending = sql<'pending'>`'pending'`

/** The pairs that a member waits for, from the index by requester. */
function requestedBy(db: Database, memberId: number, afterId: number) {
  return db
    .selectFrom('friendships')
    .select(['low_id', 'high_id', 'high_id as other_id'])
    .where('requested_by', '=', memberId)
    .where('status', '=', pending)
    .where('low_id', '=', memberId)
    .where('high_id', '>', afterId)
    .unionAll(
      db
        .selectFrom('friendships')
        .select(['low_id', 'high_id', 'low_id as other_id'])
        .where('requested_by', '=', memberId)
        .where('status', '=', pending)
        .where('high_id', '=', memberId)
        .where('low_id', '>', afterId),
    )
}

/** The key of a pair, and the id of the other member. */
interface PairKey {
  low_id: number
  high_id: number
  other_id: number
}

/** The limit stands on the pairs: outside the joins, all of them would be sorted first. */
function withUsers(db: Database, pairs: AliasableExpression<PairKey>, maxRows: number) {
  const page = db
    .selectFrom(pairs.as('pairs'))
    .select(['pairs.low_id', 'pairs.high_id', 'pairs.other_id'])
    .orderBy('pairs.other_id')
    .limit(maxRows)
    .as('page')
  return db
    .selectFrom(page)
    .innerJoin('users', 'users.id', 'page.other_id')
    .select(userColumns)
    .orderBy('page.other_id')
}

function withUsersAndTimes(db: Database, pairs: AliasableExpression<PairKey>, maxRows: number) {
  return withUsers(db, pairs, maxRows)
    .innerJoin('friendships as pair', (join) =>
      join.onRef('pair.low_id', '=', 'page.low_id').onRef('pair.high_id', '=', 'page.high_id'),
    )
    .select(['pair.requested_at', 'pair.friends_since'])
}

/** Friends by id. */
export function listFriends(db: Database, memberId: number, afterId: number, maxRows: number) {
  return withUsersAndTimes(db, pairsOf(db, memberId, 'friends', afterId), maxRows)
    .$narrowType<{ friends_since: number }>()
    .execute()
}

/** Members whose answer this member waits for, by id. */
export function listOutgoing(db: Database, memberId: number, afterId: number, maxRows: number) {
  return withUsersAndTimes(db, requestedBy(db, memberId, afterId), maxRows).execute()
}

/** Members who wait for this member's answer, by id: the pending pairs without the member's own requests. */
export function listIncoming(db: Database, memberId: number, afterId: number, maxRows: number) {
  const incoming = db
    .selectFrom(pairsOf(db, memberId, 'pending', afterId).as('waiting'))
    .select(['waiting.low_id', 'waiting.high_id', 'waiting.other_id'])
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('friendships as own')
            .select('own.low_id')
            .where('own.requested_by', '=', memberId)
            .where('own.status', '=', pending)
            .whereRef('own.low_id', '=', 'waiting.low_id')
            .whereRef('own.high_id', '=', 'waiting.high_id'),
        ),
      ),
    )
  return withUsersAndTimes(db, incoming, maxRows).execute()
}

/** Members who are friends of both, by id. Costs two look-ups for each friend of `memberId` that is skipped. */
export function listMutual(
  db: Database,
  memberId: number,
  otherId: number,
  afterId: number,
  maxRows: number,
) {
  const mutual = db
    .selectFrom(pairsOf(db, memberId, 'friends', afterId).as('mine'))
    .select(['mine.low_id', 'mine.high_id', 'mine.other_id'])
    .where((eb) => {
      const theirs = eb
        .selectFrom('friendships as theirs')
        .select('theirs.low_id')
        .where('theirs.status', '=', 'friends')
      return eb.or([
        eb.exists(
          theirs.whereRef('theirs.low_id', '=', 'mine.other_id').where('theirs.high_id', '=', otherId),
        ),
        eb.exists(
          theirs.where('theirs.low_id', '=', otherId).whereRef('theirs.high_id', '=', 'mine.other_id'),
        ),
      ])
    })
  return withUsers(db, mutual, maxRows).execute()
}

/** Members blocked by this member, by id; among them members who block back and are hidden everywhere else. */
export function listBlocks(db: Database, memberId: number, afterId: number, maxRows: number) {
  return db
    .selectFrom('blocks')
    .innerJoin('users', 'users.id', 'blocks.blocked_id')
    .select(userColumns)
    .select('blocks.created_at')
    .where('blocks.blocker_id', '=', memberId)
    .where('blocks.blocked_id', '>', afterId)
    .orderBy('blocks.blocked_id')
    .limit(maxRows)
    .execute()
}
