import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Database } from '../../db/database.ts'
import { type Again, field, NoFields, postButton, refusalNote } from '../../html/forms.ts'
import { type Html, html } from '../../html/html.ts'
import { day, time } from '../../html/time.ts'
import { seeOther, showPage, type View } from '../../html/view.ts'
import { timestamp } from '../../http/timestamp.ts'
import type { AttemptCheck } from '../../sessions/attempt-limits.ts'
import { memberOf } from '../../sessions/authenticate.ts'
import { ADDRESS_MAX_CHARACTERS, FEEDS_MAX, requireFeedAddresses } from './feed-address.ts'
import { FEED_ERRORS, type FeedErrorCode } from './feed-error.ts'
import type { FeedReader } from './feed-reader.ts'
import { changeSubscriptions, itemsOf, listSubscriptions, type Subscription } from './feed-store.ts'
import type { ParsedItem } from './parse-document.ts'

const PATH = '/app/toolkit/news'
/** The page waits this long for feeds that are fetched, and then shows what is there. */
const WAIT_MS = 2000
/** Items of a feed that are seen at once; the others unfold. */
const SEEN = 5

interface NewsPagesOptions {
  db: Database
  reader: FeedReader
  limitFeedChanges: AttemptCheck
}

/** A member's news, for people. */
export const newsPages: FastifyPluginAsyncTypebox<NewsPagesOptions> = async (
  pages,
  { db, reader, limitFeedChanges },
) => {
  pages.get(PATH, { config: { page: 'news' }, onRequest: pages.requireSession }, async (request, reply) => {
    const { id } = memberOf(request)
    let feeds = await listSubscriptions(db, id)
    if (await reader.freshen(feeds, WAIT_MS)) feeds = await listSubscriptions(db, id)
    return showPage(request, reply, newsView(feeds))
  })

  pages.post(
    PATH,
    {
      config: {
        page: 'news',
        form: async (again: Again, request: FastifyRequest) =>
          newsView(await listSubscriptions(db, memberOf(request).id), again),
      },
      schema: {
        body: Type.Object(
          { url: Type.String({ maxLength: ADDRESS_MAX_CHARACTERS }) },
          { additionalProperties: false },
        ),
      },
      onRequest: pages.requireSession,
    },
    async (request, reply) => {
      await limitFeedChanges(request)
      await changeSubscriptions(db, memberOf(request).id, (feeds) =>
        requireFeedAddresses([...feeds.map(({ url }) => url), request.body.url.trim()], () => '#/url'),
      )
      return seeOther(reply, PATH)
    },
  )

  pages.post(
    `${PATH}/:id/remove`,
    {
      config: { page: 'news' },
      schema: {
        params: Type.Object({ id: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }) }),
        body: NoFields,
      },
      onRequest: pages.requireSession,
    },
    async (request, reply) => {
      await changeSubscriptions(db, memberOf(request).id, (feeds) =>
        feeds.filter(({ id }) => id !== request.params.id).map(({ url }) => url),
      )
      return seeOther(reply, PATH)
    },
  )
}

function newsView(feeds: readonly Subscription[], again: Again = {}): View {
  return {
    title: 'News',
    main: html`<p class="actions"><a href="/app/toolkit">Toolkit</a> ${feeds.length > 0 && html`<a href="#add">Add a feed</a>`}</p>
${refusalNote(again, { url: 'Address' })}
${feeds.length === 0 && html`<p class="muted">You follow no feed yet.</p>`}
${feeds.map(feedSection)}
<h2 id="add">Add a feed</h2>
${
  feeds.length < FEEDS_MAX
    ? html`<form method="post" action="${PATH}" class="card">
${field(
  {
    name: 'url',
    label: 'Address',
    type: 'url',
    hint: 'Of an RSS, Atom or JSON feed.',
    attributes: html`maxlength="${ADDRESS_MAX_CHARACTERS}" placeholder="https://" autocomplete="off"`,
  },
  again,
)}
<button>Add</button>
</form>`
    : html`<p>You follow ${FEEDS_MAX} feeds, which is the most; remove one first.</p>`
}`,
  }
}

function feedSection(feed: Subscription): Html {
  const name = feed.title ?? feed.url.replace(/^https?:\/\//, '')
  const items = itemsOf(feed)
  const more = items.slice(SEEN)
  return html`<section>
<h2 id="feed-${feed.id}" dir="auto">${name}</h2>
<div class="actions"><a href="${feed.url}">Open the feed</a> <span class="muted">${state(feed, items.length)}</span>
${postButton(`${PATH}/${feed.id}/remove`, 'Remove', { label: `Remove ${name}`, style: 'danger' })}</div>
${
  feed.error !== null &&
  html`<p class="error">It could not be fetched the last time. ${FEED_ERRORS[feed.error as FeedErrorCode]}</p>`
}
${items.length > 0 && html`<ul class="rows stories">${items.slice(0, SEEN).map(story)}</ul>`}
${
  more.length > 0 &&
  html`<details><summary>${more.length} more of ${name}</summary>
<ul class="rows stories">${more.map(story)}</ul></details>`
}
</section>`
}

function state({ fetched_at, due_at, error }: Subscription, items: number): Html | string {
  if (fetched_at === null)
    return error === null ? 'It is being fetched: load this page again in a moment.' : ''
  const isOld = due_at <= Date.now()
  return html`${items === 0 && 'It has no items. '}As of ${time(timestamp(fetched_at))}${
    isOld && '; it is being fetched anew.'
  }`
}

function story({ title, url, summary, publishedAt }: ParsedItem): Html {
  const text = title ?? summary ?? url ?? 'Without a title'
  return html`<li dir="auto">${url === null ? html`<span>${text}</span>` : html`<a href="${url}">${text}</a>`}
${publishedAt !== null && html`<span class="muted">${day(timestamp(publishedAt))}</span>`}
${title !== null && summary !== null && html`<p>${summary}</p>`}</li>`
}
