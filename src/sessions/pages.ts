import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Config } from '../config.ts'
import { type Again, field, NoFields, refusalNote } from '../html/forms.ts'
import { html } from '../html/html.ts'
import { LOG_IN, Next, nextOf, withNext } from '../html/pages.ts'
import { seeOther, showPage, type View } from '../html/view.ts'
import { memberOf, refuseCrossSite } from './authenticate.ts'
import { clearSessionCookie, setSessionCookie } from './cookie.ts'
import { type LogInParts, logIn } from './log-in.ts'

/** Log in and out, for people. */
export const sessionPages: FastifyPluginAsyncTypebox<LogInParts & { config: Config }> = async (
  pages,
  options,
) => {
  const { config, sessions } = options

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
}

function logInView(again: Again, request: FastifyRequest): View {
  const action = withNext(LOG_IN, nextOf(request))
  return {
    title: 'Log in',
    main: html`${refusalNote(again)}
<form method="post" action="${action}" class="card">
${field({ name: 'email', label: 'E-mail address', type: 'email', attributes: html`autocomplete="username" maxlength="254"` }, again)}
${field({ name: 'password', label: 'Password', type: 'password', attributes: html`autocomplete="current-password" maxlength="1024"` }, again)}
<button>Log in</button>
</form>
<p>You are new here? <a href="/app/sign-up">Sign up</a>.</p>`,
  }
}
