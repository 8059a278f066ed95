import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import { Type } from 'typebox'
import type { Config } from '../config.ts'
import { type Again, field, refusalNote } from '../html/forms.ts'
import { type Html, html } from '../html/html.ts'
import { seeOther, showPage, type View } from '../html/view.ts'
import { memberOf, refuseCrossSite, unauthenticated } from '../sessions/authenticate.ts'
import { clearSessionCookie, setSessionCookie } from '../sessions/cookie.ts'
import { changePassword, changeProfile, leave, type OwnAccountParts } from './own-account.ts'
import { signUp } from './sign-up.ts'

interface AccountPagesOptions extends OwnAccountParts {
  config: Config
  limitSignUps: onRequestAsyncHookHandler
}

const ACCOUNT = '/app/account'
const PASSWORD = '/app/account/password'
const DELETION = '/app/account/delete'

// Generous, as in the API: the exact rules count code points of normalised text.
const Name = Type.String({ maxLength: 320 })
const Email = Type.String({ maxLength: 320 })
const Password = Type.String({ maxLength: 1024 })

/** Sign-up for people, after which they are logged in, and their own account. */
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
        body: Type.Object({ name: Name, email: Email, password: Password }, { additionalProperties: false }),
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

  const own = { config: { page: 'account' }, onRequest: pages.requireSession } as const

  pages.get(
    ACCOUNT,
    {
      ...own,
      schema: {
        querystring: Type.Object({ done: Type.Optional(Type.Enum(['profile', 'password', 'nothing'])) }),
      },
    },
    async (request, reply) => {
      const { done } = request.query
      return showPage(request, reply, { ...accountView({}, request), notice: done && DONE[done] })
    },
  )

  pages.post(
    ACCOUNT,
    {
      ...own,
      config: { page: 'account', form: accountView },
      schema: {
        body: Type.Object(
          { name: Name, email: Email, currentPassword: Type.Optional(Password) },
          { additionalProperties: false },
        ),
      },
    },
    async (request, reply) => {
      const { name, email, currentPassword } = request.body
      const member = memberOf(request)
      const change = {
        ...(name !== member.name && { name }),
        ...(email !== member.email && { email }),
      }
      if (Object.keys(change).length === 0) return seeOther(reply, `${ACCOUNT}?done=nothing`)
      await changeProfile(options, request, {
        ...change,
        // An empty field is one that was left out.
        ...(currentPassword !== '' && { currentPassword }),
      })
      return seeOther(reply, `${ACCOUNT}?done=profile`)
    },
  )

  pages.get(PASSWORD, own, async (request, reply) => showPage(request, reply, passwordView({}, request)))

  pages.post(
    PASSWORD,
    {
      ...own,
      config: { page: 'account', form: passwordView },
      schema: {
        body: Type.Object(
          { currentPassword: Password, newPassword: Password },
          { additionalProperties: false },
        ),
      },
    },
    async (request, reply) => {
      // The new session goes into the cookie, where a script's token must not turn up, and would be lost to the script.
      if (memberOf(request).sessionKind === 'bearer') throw unauthenticated(false)
      const renewed = await changePassword(options, request, request.body, () => reply.sent)
      if (renewed === undefined) return reply
      setSessionCookie(reply, renewed)
      return seeOther(reply, `${ACCOUNT}?done=password`)
    },
  )

  pages.get(DELETION, own, async (request, reply) => showPage(request, reply, deletionView({}, request)))

  pages.post(
    DELETION,
    {
      ...own,
      config: { page: 'account', form: deletionView },
      schema: { body: Type.Object({ currentPassword: Password }, { additionalProperties: false }) },
    },
    async (request, reply) => {
      if (!(await leave(options, request, request.body, () => reply.sent))) return reply
      clearSessionCookie(reply, memberOf(request))
      return seeOther(reply, '/app?done=deleted')
    },
  )
}

const DONE = {
  nothing: 'Nothing was changed.',
  profile: 'Your name and e-mail address are saved.',
  password: 'Your password is changed. Wherever else you were logged in, you are not any more.',
}

const nameField = {
  name: 'name',
  label: 'Name',
  hint: 'Other members see it.',
  attributes: html`autocomplete="name" maxlength="160"`,
}
const emailField = {
  name: 'email',
  label: 'E-mail address',
  type: 'email',
  hint: 'Nobody else sees it.',
  attributes: html`autocomplete="username" maxlength="254"`,
} as const
const newPasswordField = {
  type: 'password',
  hint: '15 to 128 characters of any kind. Four words that do not belong together are good.',
  attributes: html`autocomplete="new-password" minlength="15" maxlength="1024"`,
} as const
const currentPasswordField = {
  name: 'currentPassword',
  label: 'Current password',
  type: 'password',
  attributes: html`autocomplete="current-password" maxlength="1024"`,
} as const

const upToAccount = html`<p><a href="${ACCOUNT}">Your account</a></p>`

function signUpView(again: Again = {}): View {
  return {
    title: 'Sign up',
    main: html`${refusalNote(again, { email: 'E-mail address' })}
<form method="post" action="/app/sign-up" class="card">
${field(nameField, again)}
${field(emailField, again)}
${field({ ...newPasswordField, name: 'password', label: 'Password' }, again)}
<button>Sign up</button>
</form>
<p>You have an account? <a href="/app/log-in">Log in</a>.</p>`,
  }
}

function accountView(again: Again, request: FastifyRequest): View {
  const { name, email } = memberOf(request)
  return {
    title: 'Your account',
    main: html`${refusalNote(again, { email: 'E-mail address' })}
<form method="post" action="${ACCOUNT}" class="card">
${field({ ...nameField, value: name }, again)}
${field({ ...emailField, value: email }, again)}
${field({ ...currentPasswordField, hint: 'Only to change the e-mail address.', isOptional: true }, again)}
<button>Save</button>
</form>
<ul>
<li><a href="${PASSWORD}">Change your password</a></li>
<li><a href="/app/account/sessions">Where you are logged in</a></li>
<li><a href="${DELETION}">Delete your account</a></li>
</ul>`,
  }
}

function passwordView(again: Again, request: FastifyRequest): View {
  return {
    title: 'Change your password',
    main: html`${refusalNote(again)}
${upToAccount}
<p>Wherever else you are logged in, you will have to log in again.</p>
<form method="post" action="${PASSWORD}" class="card">
${ownAddress(request)}
${field(currentPasswordField, again)}
${field({ ...newPasswordField, name: 'newPassword', label: 'New password' }, again)}
<p class="actions"><button>Change the password</button> <a href="${ACCOUNT}">Keep it</a></p>
</form>`,
  }
}

/** Tells password managers whose password it is; not sent. */
function ownAddress(request: FastifyRequest): Html {
  return html`<input type="email" value="${memberOf(request).email}" autocomplete="username" readonly hidden>`
}

function deletionView(again: Again, request: FastifyRequest): View {
  return {
    title: 'Delete your account?',
    main: html`${refusalNote(again)}
${upToAccount}
<p>Everything that belongs to it goes with it: friendships, requests and blocks, votes, sessions, and what you keep in the toolkit. Nobody can bring it back.</p>
<form method="post" action="${DELETION}" class="card">
${ownAddress(request)}
${field(currentPasswordField, again)}
<p class="actions"><button class="danger">Delete my account for good</button> <a href="${ACCOUNT}">Keep it</a></p>
</form>`,
  }
}
