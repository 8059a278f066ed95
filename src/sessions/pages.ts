import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Config } from '../config.ts'
import { type Again, field, NoFields, postButton, refusalNote } from '../html/forms.ts'
import { type Html, html } from '../html/html.ts'
import { pageLinks } from '../html/page-links.ts'
import { LOG_IN, Next, nextOf, withNext } from '../html/pages.ts'
import { inWords, time } from '../html/time.ts'
import { seeOther, showPage, type View } from '../html/view.ts'
import { idCursors, pageOf } from '../http/paging.ts'
import { memberOf, refuseCrossSite } from './authenticate.ts'
import { clearSessionCookie, setSessionCookie } from './cookie.ts'
import { type LogInParts, logIn } from './log-in.ts'
import { SessionId, toSession } from './session-view.ts'

const SESSIONS = '/app/account/sessions'

/** Log in and out, and the list of one's sessions, for people. */
export const sessionPages: FastifyPluginAsyncTypebox<LogInParts & { config: Config }> = async (
  pages,
  options,
) => {
  const { db, config, sessions } = options

  pages.get(LOG_IN, { config: { page: 'login' }, schema: { querystring: Next } }, async (request, reply) =>
    showPage(request, reply, logInView({}, request)),
  )

  pages.post(
    LOG_IN,
    {
      config: { page: 'login', form: logInView },
      schema: {
        querystring: Next,
        body: Type.Object(
          { email: Type.String({ maxLength: 320 }), password: Type.String({ maxLength: 1024 }) },
          { additionalProperties: false },
        ),
      },
      onRequest: async (request) => refuseCrossSite(request, config.publicOrigin),
    },
    async (request, reply) => {
      setSessionCookie(reply, await logIn(options, request, request.body, 'cookie'))
      return seeOther(reply, nextOf(request) ?? '/app')
    },
  )

  pages.post(
    '/app/log-out',
    { config: { page: 'login' }, schema: { body: NoFields }, onRequest: pages.requireSession },
    async (request, reply) => {
      const member = memberOf(request)
      await sessions.end(member.id, member.sessionId)
      clearSessionCookie(reply, member)
      return seeOther(reply, '/app')
    },
  )

  pages.get(
    SESSIONS,
    {
      config: { page: 'login' },
      schema: {
        querystring: Type.Object({ cursor: Type.Optional(Type.String({ maxLength: 4096 })) }),
      },
      onRequest: pages.requireSession,
    },
    async (request, reply) => {
      const member = memberOf(request)
      const cursors = idCursors('sessions', member.id)
      const rows = await sessions.list(member.id, cursors.after(request.query.cursor), 51)
      const { shown, nextCursor } = pageOf(rows, 50, cursors.at)
      return showPage(request, reply, {
        title: 'Where you are logged in',
        main: html`<ul class="rows">${shown.map((row) => sessionRow(toSession(row, member.sessionId), request.url))}</ul>
${pageLinks(request, nextCursor, { of: 'sessions' })}
<div class="actions">${postButton(`${SESSIONS}/end-all`, 'Log out everywhere, here too', { style: 'danger' })}
<a href="/app/account">Your account</a></div>`,
      })
    },
  )

  pages.post(
    `${SESSIONS}/:sessionId/end`,
    {
      config: { page: 'login' },
      schema: { params: Type.Object({ sessionId: SessionId }), querystring: Next, body: NoFields },
      onRequest: pages.requireSession,
    },
    async (request, reply) => {
      const member = memberOf(request)
      const { sessionId } = request.params
      // One that has ended meanwhile is as it should be.
      await sessions.end(member.id, sessionId)
      if (sessionId !== member.sessionId) return seeOther(reply, nextOf(request) ?? SESSIONS)
      clearSessionCookie(reply, member)
      return seeOther(reply, '/app')
    },
  )

  pages.post(
    `${SESSIONS}/end-all`,
    { config: { page: 'login' }, schema: { body: NoFields }, onRequest: pages.requireSession },
    async (request, reply) => {
      const member = memberOf(request)
      await sessions.endAll(db, member.id)
      clearSessionCookie(reply, member)
      return seeOther(reply, '/app')
    },
  )
}

function sessionRow(
  { id, kind, current, createdAt, lastUsedAt }: ReturnType<typeof toSession>,
  next: string,
): Html {
  const kindName = kind === 'cookie' ? 'browser' : 'script with a token'
  const what = `${current ? 'This' : 'A'} ${kindName}`
  const label = `Log out: ${what}, logged in on ${inWords(createdAt)}`
  return html`
<li><span>${what}. <span class="muted">Logged in on ${time(createdAt)}; last used about ${time(lastUsedAt)}.</span></span>
${postButton(withNext(`${SESSIONS}/${id}/end`, next), 'Log out', { label, style: 'quiet' })}</li>`
}

function logInView(again: Again, request: FastifyRequest): View {
  const action = withNext(LOG_IN, nextOf(request))
  return {
    title: 'Log in',
    main: html`${refusalNote(again, { email: 'E-mail address' })}
<form method="post" action="${action}" class="card">
${field({ name: 'email', label: 'E-mail address', type: 'email', attributes: html`autocomplete="username" maxlength="254"` }, again)}
${field({ name: 'password', label: 'Password', type: 'password', attributes: html`autocomplete="current-password" maxlength="1024"` }, again)}
<button>Log in</button>
</form>
<p>You are new here? <a href="/app/sign-up">Sign up</a>.</p>`,
  }
}
