import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { onRequestAsyncHookHandler } from 'fastify'
import { Type } from 'typebox'
import type { Config } from '../config.ts'
import type { Database } from '../db/database.ts'
import { type Again, field, refusalNote } from '../html/forms.ts'
import { html } from '../html/html.ts'
import { seeOther, showPage, type View } from '../html/view.ts'
import type { PasswordHasher } from '../passwords/password-hasher.ts'
import { refuseCrossSite } from '../sessions/authenticate.ts'
import { setSessionCookie } from '../sessions/cookie.ts'
import type { SessionStore } from '../sessions/session-store.ts'
import { signUp } from './sign-up.ts'

interface AccountPagesOptions {
  db: Database
  config: Config
  sessions: SessionStore
  passwords: PasswordHasher
  limitSignUps: onRequestAsyncHookHandler
}

/** Sign-up for people: whoever signs up is logged in. */
export const accountPages: FastifyPluginAsyncTypebox<AccountPagesOptions> = async (pages, options) => {
  const { db, config, sessions, limitSignUps } = options

  pages.get('/app/sign-up', { config: { page: 'signup' } }, async (request, reply) =>
    showPage(request, reply, signUpView()),
  )

  pages.post(
    '/app/sign-up',
    {
      config: { page: 'signup', rateLimit: false, form: signUpView },
      schema: {
        body: Type.Object(
          {
            name: Type.String({ maxLength: 320 }),
            email: Type.String({ maxLength: 320 }),
            password: Type.String({ maxLength: 1024 }),
          },
          { additionalProperties: false },
        ),
      },
      onRequest: [limitSignUps, async (request) => refuseCrossSite(request, config.publicOrigin)],
    },
    async (request, reply) => {
      const account = await signUp(options, request.body, () => reply.sent)
      if (account === undefined) return reply
      const session = await db.transaction().execute((tx) => sessions.create(tx, account.id, 'cookie'))
      setSessionCookie(reply, session)
      return seeOther(reply, '/app')
    },
  )
}

function signUpView(again: Again = {}): View {
  return {
    title: 'Sign up',
    main: html`${refusalNote(again)}
<form method="post" action="/app/sign-up" class="card">
${field({ name: 'name', label: 'Name', hint: 'Other members see it.', attributes: html`autocomplete="name" maxlength="160"` }, again)}
${field({ name: 'email', label: 'E-mail address', hint: 'Nobody else sees it.', type: 'email', attributes: html`autocomplete="username" maxlength="254"` }, again)}
${field({ name: 'password', label: 'Password', hint: '15 to 128 characters of any kind. Four words that do not belong together are good.', type: 'password', attributes: html`autocomplete="new-password" minlength="15" maxlength="1024"` }, again)}
<button>Sign up</button>
</form>
<p>You have an account? <a href="/app/log-in">Log in</a>.</p>`,
  }
}
