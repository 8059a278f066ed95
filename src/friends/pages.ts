import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Config } from '../config.ts'
import type { Database } from '../db/database.ts'
import { NoFields } from '../html/forms.ts'
import { type Html, html } from '../html/html.ts'
import { pageLinks } from '../html/page-links.ts'
import { Next, nextOf } from '../html/pages.ts'
import { day } from '../html/time.ts'
import { seeOther, showPage, type View } from '../html/view.ts'
import { idCursors, pageOf } from '../http/paging.ts'
import { timestamp } from '../http/timestamp.ts'
import { memberOf } from '../sessions/authenticate.ts'
import { MemberId, unknownMember } from '../users/member-path.ts'
import type { UserRow } from '../users/user-view.ts'
import { type ButtonName, buttons } from './buttons.ts'
import { listBlocks, listFriends, listIncoming, listMutual, listOutgoing } from './friend-lists.ts'
import { block, removePair, requestOrAccept, twoMembers, unblock } from './friendships.ts'
import { findRelation, type Relation } from './relations.ts'

const FRIENDS = '/app/friends'
const ROWS = 50

const Cursor = Type.Optional(Type.String({ maxLength: 4096 }))
/** Each list has a cursor of its own, so that one goes on while the others stay. */
const Lists = { incoming: Cursor, friends: Cursor, outgoing: Cursor, blocks: Cursor }

/** Friends, requests and blocks for people, and the page of a member. */
export const friendPages: FastifyPluginAsyncTypebox<{ db: Database; config: Config }> = async (
  pages,
  { db, config },
) => {
  pages.get(
    FRIENDS,
    {
      config: { page: 'friends' },
      schema: { querystring: Type.Object(Lists) },
      onRequest: pages.requireSession,
    },
    async (request, reply) => {
      const { id } = memberOf(request)
      const list = async <Row extends UserRow>(
        name: keyof typeof Lists,
        find: (db: Database, memberId: number, afterId: number, maxRows: number) => Promise<Row[]>,
      ) => {
        const cursors = idCursors(name, id)
        return pageOf(await find(db, id, cursors.after(request.query[name]), ROWS + 1), ROWS, cursors.at)
      }
      const incoming = await list('incoming', listIncoming)
      const friends = await list('friends', listFriends)
      const outgoing = await list('outgoing', listOutgoing)
      const blocks = await list('blocks', listBlocks)

      const row = (user: UserRow, since: number, ...names: ButtonName[]) => html`
<li><span>${link(user)} <span class="muted">since ${day(timestamp(since))}</span></span> ${buttons(names, user, request.url)}</li>`
      return showPage(request, reply, {
        title: 'Friends',
        main: html`<h2 id="incoming">Requests to you</h2>
${rows(
  incoming.shown.map((user) => row(user, user.requested_at, 'accept', 'decline')),
  html`Nobody waits for your answer.`,
)}
${pageLinks(request, incoming.nextCursor, { of: 'requests to you', cursor: 'incoming' })}
<h2 id="friends">Your friends</h2>
${rows(
  friends.shown.map((user) => row(user, user.friends_since, 'unfriend')),
  html`You have no friends here yet. <a href="/app/community">See who is here</a>`,
)}
${pageLinks(request, friends.nextCursor, { of: 'your friends', cursor: 'friends' })}
<h2 id="outgoing">Requests from you</h2>
${rows(
  outgoing.shown.map((user) => row(user, user.requested_at, 'cancel')),
  html`You have no open requests.`,
)}
${pageLinks(request, outgoing.nextCursor, { of: 'requests from you', cursor: 'outgoing' })}
<h2 id="blocks">Members you block</h2>
${rows(
  blocks.shown.map((user) => row(user, user.created_at, 'unblock')),
  html`You have blocked nobody.`,
)}
${pageLinks(request, blocks.nextCursor, { of: 'members you block', cursor: 'blocks' })}`,
      })
    },
  )

  pages.get(
    '/app/users/:id',
    {
      config: { page: 'community' },
      schema: { params: Type.Object({ id: MemberId }), querystring: Type.Object({ cursor: Cursor }) },
      onRequest: pages.requireSession,
    },
    async (request, reply) => {
      const { id: memberId } = memberOf(request)
      const { id } = request.params
      const relation = await findRelation(db, memberId, id)
      if (relation === undefined) throw unknownMember()
      if (id === memberId || relation.state === 'blocked')
        return showPage(request, reply, memberView(request, relation))
      const cursors = idCursors('mutual-friends', memberId, id)
      const found = await listMutual(db, memberId, id, cursors.after(request.query.cursor), ROWS + 1)
      const { shown, nextCursor } = pageOf(found, ROWS, cursors.at)
      const inCommon = html`<h2>Friends in common</h2>
${rows(
  shown.map((user) => html`<li>${link(user)}</li>`),
  html`You have no friends in common.`,
)}
${pageLinks(request, nextCursor, { of: 'friends in common' })}`
      return showPage(request, reply, memberView(request, relation, inCommon))
    },
  )

  const changes: Record<string, (memberId: number, otherId: number) => Promise<unknown>> = {
    request: (memberId, otherId) => requestOrAccept(db, memberId, otherId, config.pendingRequestsMax),
    remove: (memberId, otherId) => removePair(db, memberId, otherId),
    block: (memberId, otherId) => block(db, memberId, otherId),
    unblock: (memberId, otherId) => unblock(db, memberId, otherId),
  }
  for (const [name, change] of Object.entries(changes))
    pages.post(
      `${FRIENDS}/:userId/${name}`,
      {
        config: { page: 'friends' },
        schema: { params: Type.Object({ userId: MemberId }), querystring: Next, body: NoFields },
        onRequest: pages.requireSession,
      },
      async (request, reply) => {
        const { memberId, otherId } = twoMembers(memberOf(request).id, request.params.userId)
        await change(memberId, otherId)
        return seeOther(reply, nextOf(request) ?? FRIENDS)
      },
    )
}

function rows(shown: readonly Html[], empty: Html): Html {
  return shown.length > 0 ? html`<ul class="rows">${shown}</ul>` : html`<p class="muted">${empty}</p>`
}

function link({ id, name }: UserRow): Html {
  return html`<a href="/app/users/${id}">${name}</a>`
}

function memberView(
  request: FastifyRequest,
  { user, state, since, sharesPlace }: Relation,
  more?: Html,
): View {
  const { id, name } = user
  const joined = html`<p class="muted">Joined ${day(timestamp(user.joined_at))}.</p>`
  if (id === memberOf(request).id)
    return {
      title: name,
      main: html`${joined}
<p>This is you, as the others see you. <a href="/app/account">Your account</a></p>`,
    }
  const when = since !== null && day(timestamp(since))
  const between: Record<Relation['state'], [Html, ButtonName[]]> = {
    none: [html`You and ${name} are not friends yet.`, ['ask', 'block']],
    asked: [html`You asked ${name} on ${when} to be friends.`, ['cancel', 'block']],
    asks: [html`${name} asked you on ${when} to be friends.`, ['accept', 'decline', 'block']],
    friends: [html`You and ${name} have been friends since ${when}.`, ['unfriend', 'block']],
    blocked: [
      html`You have blocked ${name} since ${when}. Neither of you finds the other here.`,
      ['unblock'],
    ],
  }
  const [sentence, names] = between[state]
  return {
    title: name,
    main: html`${joined}<p>${sentence}${sharesPlace && html` <a href="/app/users/${id}/location">Where ${name} is</a>`}</p>${buttons(names, user, request.url)}${more}`,
  }
}
