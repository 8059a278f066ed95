import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Config } from '../config.ts'
import { type Again, field, NoFields, refusalNote } from '../html/forms.ts'
import { html } from '../html/html.ts'
import { isOwnPath, LOG_IN } from '../html/pages.ts'
import { seeOther, showPage, type View } from '../html/view.ts'
import { memberOf, refuseCrossSite } from './authenticate.ts'
import { clearSessionCookie, setSessionCookie } from './cookie.ts'
import { type LogInParts, logIn } from './log-in.ts'

/** Where to go after the log-in. */
const Next = Type.Object({ next: Type.Optional(Type.String({ maxLength: 4096 })) })

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

function nextOf(request: FastifyRequest): string | undefined {
  const { next } = request.query as { next?: string }
  return next !== undefined && isOwnPath(next) ? next : undefined
}

function logInView(again: Again, request: FastifyRequest): View {
  const next = nextOf(request)
  const action = next === undefined ? LOG_IN : `${LOG_IN}?${new URLSearchParams({ next })}`
  return {
    title: 'Log in',
    main: html`${refusalNote(again)}
<form method="post" action="${action}" class="card">
${field({ name: 'email', label: 'E-mail address', type: 'email', attributes: html`autocomplete="username" maxlength="254"` }, again)}
${field({ name: 'password', label: 'Password', type: 'password', attributes: html`autocomplete="current-password" maxlength="128"` }, again)}
<button>Log in</button>
</form>
<p>You are new here? <a href="/app/sign-up">Sign up</a>.</p>`,
  }
}
