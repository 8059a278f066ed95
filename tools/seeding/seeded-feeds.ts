import { sql } from 'kysely'
import type { Database } from '../../src/db/database.ts'
import type { ParsedItem } from '../../src/toolkit/news/parse-document.ts'
import { RESERVED_DOMAIN } from '../../src/users/reserved-domain.ts'
import { FEED_TEXTS } from './feed-texts.ts'
import { integer } from './integer.ts'
import type { Step } from './short-transactions.ts'

/** As many as a member may have. */
export const MOST_FEEDS = FEED_TEXTS.length

const DAY_MS = 86_400_000
/** The kept copies are never due, so nobody asks the network for them. */
const NEVER = 253_402_300_799_999

/** Addresses in a domain that cannot be registered (RFC 2606). */
function urlsOf(from: number, to: number): string {
  const numbers = Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index)
  return JSON.stringify(numbers.map((number) => `https://news.${RESERVED_DOMAIN}/${number}.xml`))
}

/** Makes the kept copies of the first `feeds`, with items of these days. */
export async function keepFeeds(tx: Database, feeds: number, now: number): Promise<void> {
  const urls = JSON.parse(urlsOf(1, feeds)) as string[]
  for (const [index, url] of urls.entries()) {
    const { title, headlines } = FEED_TEXTS[index] as (typeof FEED_TEXTS)[number]
    const items = headlines.map(
      (headline, day): ParsedItem => ({
        title: headline,
        url: `${url.replace(/\.xml$/, '')}/${day + 1}`,
        summary: `${headline}: what we know so far.`,
        publishedAt: now - day * DAY_MS,
      }),
    )
    const copy = {
      title,
      items: JSON.stringify(items),
      fetched_at: now,
      due_at: NEVER,
      failures: 0,
      error: null,
    }
    await tx
      .insertInto('feeds')
      .values({ url, ...copy })
      .onConflict((conflict) => conflict.column('url').doUpdateSet(copy))
      .execute()
  }
}

/** Gives the accounts of these numbers the first `feeds` of those kept; resolves to the number of new ones. */
export async function subscribe(tx: Database, feeds: number, from: number, to: number): Promise<number> {
  const { numAffectedRows } = await sql`
    insert into feed_subscriptions (user_id, feed_id, position)
    select users.id, feeds.id, wanted.key
    from json_each(${urlsOf(1, feeds)}) as wanted
      cross join feeds on feeds.url = wanted.value
      cross join users on users.seed_number between ${integer(from)} and ${integer(to)}
    where true
    on conflict do nothing
  `.execute(tx)
  return Number(numAffectedRows)
}

/** Takes seeded feeds above this number from seeded accounts; a feed goes with its last reader. */
export async function unsubscribe(tx: Database, feeds: number, limit: number): Promise<Step> {
  const { numAffectedRows } = await sql`
    delete from feed_subscriptions where id in (
      select subscribed.id
      from json_each(${urlsOf(feeds + 1, MOST_FEEDS)}) as surplus
        cross join feeds on feeds.url = surplus.value
        cross join feed_subscriptions as subscribed on subscribed.feed_id = feeds.id
        cross join users on users.id = subscribed.user_id
      where users.seed_number is not null
      limit ${limit}
    )
  `.execute(tx)
  const done = Number(numAffectedRows)
  return { done, isLast: done < limit }
}
