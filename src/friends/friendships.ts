import { type Selectable, sql } from 'kysely'
import type { Database, Tables } from '../db/database.ts'
import { pairOf } from '../db/friendship.ts'
import { isVisibleTo } from '../db/visibility.ts'
import { Problem } from '../errors.ts'
import { orAccountGone } from '../sessions/authenticate.ts'
import { unknownMember } from '../users/member-path.ts'
import { type UserRow, userColumns } from '../users/user-view.ts'

type Pair = Selectable<Tables['friendships']>

/** The ids of a member and of another. Throws `invalid` (422) for the member's own. */
export function twoMembers(memberId: number, otherId: number) {
  if (memberId !== otherId) return { memberId, otherId }
  throw new Problem('invalid', 'This is your own id; give that of another member.', {
    errors: [{ parameter: 'userId', detail: "must be another member's id" }],
  })
}

/**
 * Asks for a friendship, or accepts the other's request. All its reads and writes stand in one IMMEDIATE transaction,
 * which waits for all others: two members who ask each other at once become friends, in one row, and no request is
 * accepted beside a block.
 *
 * Throws `blocked` (409) if the member blocks the other, `not-found` (404) if the other blocks the member or does not
 * exist, `too-many-requests-pending` (409) with `max` if a new request would exceed `pendingMax`.
 */
export async function requestOrAccept(
  db: Database,
  memberId: number,
  otherId: number,
  pendingMax: number,
  now = Date.now(),
): Promise<{ created: boolean; user: UserRow; pair: Pair }> {
  const request = db.transaction().execute(async (tx) => {
    const user = await getRequestable(tx, memberId, otherId)
    const pair = await findPair(tx, memberId, otherId)
    if (pair === undefined) {
      await refuseTooManyPending(tx, memberId, pendingMax)
      return { created: true, user, pair: await insertRequest(tx, memberId, otherId, now) }
    }
    if (pair.status === 'friends' || pair.requested_by === memberId) return { created: false, user, pair }
    return { created: false, user, pair: await acceptRequest(tx, pair, now) }
  })
  // The other was looked up in the same transaction, so a missing account is the member's own.
  return orAccountGone(request)
}

/** Unfriends, cancels or declines: nothing is left between the two. */
export async function removePair(db: Database, memberId: number, otherId: number): Promise<void> {
  const { low_id, high_id } = pairOf(memberId, otherId)
  await db.deleteFrom('friendships').where('low_id', '=', low_id).where('high_id', '=', high_id).execute()
}

/**
 * Blocks, and ends any friendship or request between the two in the same transaction. A member may block one who blocks
 * them, so that each of them can end the contact for good. Throws `not-found` (404) if the other does not exist.
 */
export async function block(
  db: Database,
  memberId: number,
  otherId: number,
  now = Date.now(),
): Promise<{ created: boolean; blocked: UserRow & { created_at: number } }> {
  const blocking = db.transaction().execute(async (tx) => {
    const user = await tx
      .selectFrom('users')
      .select(userColumns)
      .where('users.id', '=', otherId)
      .executeTakeFirst()
    if (user === undefined) throw unknownMember()
    const existing = await tx
      .selectFrom('blocks')
      .select('created_at')
      .where('blocker_id', '=', memberId)
      .where('blocked_id', '=', otherId)
      .executeTakeFirst()
    if (existing) return { created: false, blocked: { ...user, ...existing } }
    await removePair(tx, memberId, otherId)
    await tx
      .insertInto('blocks')
      .values({ blocker_id: memberId, blocked_id: otherId, created_at: now })
      .execute()
    return { created: true, blocked: { ...user, created_at: now } }
  })
  return orAccountGone(blocking)
}

/** Removes the member's own block. The other's block stays; their friendship does not come back. */
export async function unblock(db: Database, memberId: number, otherId: number): Promise<void> {
  await db.deleteFrom('blocks').where('blocker_id', '=', memberId).where('blocked_id', '=', otherId).execute()
}

/** Whether the other exists and no block stands between the two. */
export async function isVisible(db: Database, memberId: number, otherId: number): Promise<boolean> {
  const found = await db
    .selectFrom('users')
    .select('users.id')
    .where('users.id', '=', otherId)
    .where(isVisibleTo(memberId))
    .executeTakeFirst()
  return found !== undefined
}

/** The member's own block is checked first: if both block, a 404 would tell the member of the other's block. */
async function getRequestable(tx: Database, memberId: number, otherId: number): Promise<UserRow> {
  const found = await tx
    .selectFrom('users')
    .leftJoin('blocks as mine', (join) =>
      join.onRef('mine.blocked_id', '=', 'users.id').on('mine.blocker_id', '=', memberId),
    )
    .leftJoin('blocks as theirs', (join) =>
      join.onRef('theirs.blocker_id', '=', 'users.id').on('theirs.blocked_id', '=', memberId),
    )
    .select(userColumns)
    .select(['mine.created_at as blocked_at', 'theirs.created_at as blocked_by_at'])
    .where('users.id', '=', otherId)
    .executeTakeFirst()
  if (found === undefined) throw unknownMember()
  if (found.blocked_at !== null) throw new Problem('blocked', 'Unblock this member first.')
  if (found.blocked_by_at !== null) throw unknownMember()
  return found
}

function findPair(tx: Database, memberId: number, otherId: number): Promise<Pair | undefined> {
  const { low_id, high_id } = pairOf(memberId, otherId)
  return tx
    .selectFrom('friendships')
    .selectAll()
    .where('low_id', '=', low_id)
    .where('high_id', '=', high_id)
    .executeTakeFirst()
}

async function refuseTooManyPending(tx: Database, memberId: number, pendingMax: number): Promise<void> {
  const { pending } = await tx
    .selectFrom('friendships')
    .select(({ fn }) => fn.countAll<number>().as('pending'))
    .where('requested_by', '=', memberId)
    // A literal: SQLite uses the partial index of pending pairs only if it can read the condition.
    .where('status', '=', sql<'pending'>`'pending'`)
    .executeTakeFirstOrThrow()
  if (pending >= pendingMax)
    throw new Problem('too-many-requests-pending', 'Wait for an answer to your requests, or cancel one.', {
      extensions: { max: pendingMax },
    })
}

function insertRequest(tx: Database, memberId: number, otherId: number, now: number): Promise<Pair> {
  return tx
    .insertInto('friendships')
    .values({
      ...pairOf(memberId, otherId),
      status: 'pending',
      requested_by: memberId,
      requested_at: now,
      friends_since: null,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
}

function acceptRequest(tx: Database, pair: Pair, now: number): Promise<Pair> {
  return tx
    .updateTable('friendships')
    .set({ status: 'friends', friends_since: now })
    .where('low_id', '=', pair.low_id)
    .where('high_id', '=', pair.high_id)
    .returningAll()
    .executeTakeFirstOrThrow()
}
