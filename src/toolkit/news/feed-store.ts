import type { Database } from '../../db/database.ts'
import { orAccountGone } from '../../sessions/authenticate.ts'
import type { FeedError } from './feed-error.ts'
import { nextAfterFailure, nextAfterSuccess } from './freshness.ts'
import type { Answer } from './http-get.ts'
import type { ParsedFeed, ParsedItem } from './parse-document.ts'

/** A feed in a member's list, with its kept copy; `id` is the list's own. */
export type Subscription = Awaited<ReturnType<typeof listSubscriptions>>[number]
/** The kept copy of a feed. */
export type FeedCopy = Omit<Subscription, 'id'>

/** The member's feeds, in the order of the list. */
export function listSubscriptions(db: Database, userId: number) {
  return subscriptions(db, userId).orderBy('position').execute()
}

export function findSubscription(db: Database, userId: number, id: number) {
  return subscriptions(db, userId).where('feed_subscriptions.id', '=', id).executeTakeFirst()
}

function subscriptions(db: Database, userId: number) {
  return db
    .selectFrom('feed_subscriptions')
    .innerJoin('feeds', 'feeds.id', 'feed_id')
    .select([
      'feed_subscriptions.id',
      'feed_id',
      'url',
      'title',
      'items',
      'etag',
      'last_modified',
      'fetched_at',
      'due_at',
      'failures',
      'error',
    ])
    .where('user_id', '=', userId)
}

/**
 * Replaces the member's list by what `change` makes of it, in that order, and answers with it. A kept address keeps its
 * id and its items. Throws `unauthenticated` (401) if the account is gone, and what `change` throws.
 */
export function changeSubscriptions(
  db: Database,
  userId: number,
  change: (subscriptions: readonly Subscription[]) => readonly string[],
): Promise<Subscription[]> {
  const changed = db.transaction().execute(async (tx) => {
    const before = await listSubscriptions(tx, userId)
    const urls = change(before)
    for (const { id, url } of before)
      if (!urls.includes(url)) await tx.deleteFrom('feed_subscriptions').where('id', '=', id).execute()
    for (const [position, url] of urls.entries()) {
      const kept = before.find((feed) => feed.url === url)
      if (kept === undefined) await subscribe(tx, userId, url, position)
      else await tx.updateTable('feed_subscriptions').set({ position }).where('id', '=', kept.id).execute()
    }
    return listSubscriptions(tx, userId)
  })
  return orAccountGone(changed)
}

async function subscribe(tx: Database, userId: number, url: string, position: number): Promise<void> {
  const feed = await tx
    .insertInto('feeds')
    .values({ url })
    // Another member may have it. An update that changes nothing still returns the row.
    .onConflict((conflict) => conflict.column('url').doUpdateSet({ url }))
    .returning('id')
    .executeTakeFirstOrThrow()
  await tx.insertInto('feed_subscriptions').values({ user_id: userId, feed_id: feed.id, position }).execute()
}

const ETAG_MAX_CHARACTERS = 512

/** Keeps what a host answered: new items, or that the old ones are still good if `feed` is undefined. */
export async function keepAnswer(
  db: Database,
  id: number,
  { headers }: Answer,
  feed: ParsedFeed | undefined,
  now: number,
): Promise<void> {
  const { etag, 'last-modified': lastModified } = headers
  await db
    .updateTable('feeds')
    .set({
      fetched_at: now,
      due_at: nextAfterSuccess(headers, now),
      failures: 0,
      error: null,
      ...(feed && {
        title: feed.title,
        items: JSON.stringify(feed.items),
        etag: short(etag),
        last_modified: short(lastModified),
      }),
    })
    .where('id', '=', id)
    .execute()
}

function short(validator: string | undefined): string | null {
  return validator !== undefined && validator.length <= ETAG_MAX_CHARACTERS ? validator : null
}

/** Keeps why a feed could not be fetched; its items stay. */
export async function keepFailure(
  db: Database,
  copy: FeedCopy,
  error: FeedError,
  now: number,
): Promise<void> {
  // That others kept us busy is no fault of this feed: it waits for the shortest time, and its own failures stay counted.
  const isBusy = error.code === 'busy'
  const failures = isBusy ? Math.max(copy.failures, 1) : copy.failures + 1
  const due_at = nextAfterFailure(isBusy ? 1 : failures, error.retryAt, now)
  await db
    .updateTable('feeds')
    .set({ failures, error: error.code, due_at })
    .where('id', '=', copy.feed_id)
    .execute()
}

export function itemsOf({ items }: FeedCopy): ParsedItem[] {
  return JSON.parse(items)
}
