import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import type { Config } from '../config.ts'
import type { Database } from '../db/database.ts'
import { type Again, field, refusalNote } from '../html/forms.ts'
import { type Html, html } from '../html/html.ts'
import { pageLinks } from '../html/page-links.ts'
import { day } from '../html/time.ts'
import { showPage, type View } from '../html/view.ts'
import { memberOf } from '../sessions/authenticate.ts'
import type { User } from '../users/user-view.ts'
import { listCommunity } from './listing.ts'

const page = 'community'
const COMMUNITY = '/app/community'
const FULL = '/app/community/full'

/** All members for people, page by page or all on one page. */
export const communityPages: FastifyPluginAsyncTypebox<{ db: Database; config: Config }> = async (
  pages,
  { db, config },
) => {
  pages.get(
    COMMUNITY,
    {
      config: { page, form: searchView },
      schema: {
        querystring: Type.Object({
          // Empty if the form is sent without a search; no name holds NUL.
          q: Type.Optional(Type.String({ maxLength: 80, pattern: '^[^\\u0000]*$' })),
          sort: Type.Optional(Type.Union([Type.Literal('joined'), Type.Literal('name')])),
          cursor: Type.Optional(Type.String({ maxLength: 4096 })),
        }),
      },
      onRequest: pages.requireSession,
    },
    async (request, reply) => {
      const { q = '', cursor } = request.query
      const query = q === '' ? { sort: request.query.sort ?? 'joined' } : { q, sort: 'name' as const }
      const { id } = memberOf(request)
      const { data, nextCursor } = await listCommunity(db, id, { ...query, cursor, limit: 50 })
      const users = usersOf(data)
      return showPage(request, reply, {
        title: 'Community',
        main: html`${searchForm({ typed: query })}
${users.length > 0 ? rows(users, id) : nobody(query.q)}
${pageLinks(request, nextCursor, { of: 'members' })}
<p><a href="${FULL}">Everybody on one page</a></p>`,
      })
    },
  )

  pages.get(FULL, { config: { page }, onRequest: pages.requireSession }, async (request, reply) => {
    const { id } = memberOf(request)
    const limit = config.fullListingMaxRows
    const { data, nextCursor } = await listCommunity(db, id, { sort: 'joined', limit })
    const users = usersOf(data)
    const next = nextCursor !== null && `${COMMUNITY}?${new URLSearchParams({ cursor: nextCursor })}`
    return showPage(request, reply, {
      title: 'Everybody on one page',
      main: html`<p class="muted">${users.length} members, newest first. <a href="${COMMUNITY}">Page by page</a></p>
${rows(users, id)}
${next && html`<p><a href="${next}">The older members, page by page</a></p>`}`,
    })
  })
}

type UserView = Static<typeof User>

function usersOf(data: string): UserView[] {
  return JSON.parse(`[${data}]`)
}

function rows(users: readonly UserView[], ownId: number): Html {
  return html`<ul class="rows">${users.map(
    ({ id, name, joinedAt }) => html`
<li><span><a href="/app/users/${id}">${name}</a>${id === ownId && html` <span class="tag">you</span>`}</span> <span class="muted">joined ${day(joinedAt)}</span></li>`,
  )}
</ul>`
}

function nobody(q: string | undefined): Html {
  if (q === undefined) return html`<p>Nobody else is here.</p>`
  return html`<p>No name starts with “${q}”. <a href="${COMMUNITY}?sort=name">Everybody by name</a></p>`
}

/** The search alone, for one that is refused. */
function searchView(again: Again, _request: FastifyRequest): View {
  const isToldAtField = again.refusal?.errors?.every(({ parameter }) => parameter === 'q')
  return { title: 'Community', main: html`${!isToldAtField && refusalNote(again)}${searchForm(again)}` }
}

function searchForm(again: Again): Html {
  const sort = again.typed?.sort
  return html`<form class="search" action="${COMMUNITY}" role="search">
${field({ name: 'q', label: 'Name starts with', type: 'search', attributes: html`maxlength="80" autocomplete="off"` }, again)}
<div class="field"><label for="sort">Order</label>
<select id="sort" name="sort">
<option value="joined">Newest first</option>
<option value="name" ${sort === 'name' && html`selected`}>By name</option>
</select></div>
<button>Show</button>
</form>`
}
