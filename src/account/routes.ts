import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { onRequestAsyncHookHandler } from 'fastify'
import { Type } from 'typebox'
import type { Config } from '../config.ts'
import { problems } from '../errors.ts'
import { timestamp } from '../http/timestamp.ts'
import { memberOf } from '../sessions/authenticate.ts'
import { clearSessionCookie, setSessionCookie } from '../sessions/cookie.ts'
import { RenewedSession } from '../sessions/session-view.ts'
import { Owner, toOwner } from '../users/user-view.ts'
import { changePassword, changeProfile, leave, type OwnAccountParts } from './own-account.ts'
import { signUp } from './sign-up.ts'

// Lengths in UTF-16 units, generous: the exact rules count code points of normalised text.
const text = {
  name: Type.String({ maxLength: 320, description: '1 to 80 characters of any script' }),
  email: Type.String({ maxLength: 320, description: 'Unique; letter case and Unicode form do not count' }),
  password: Type.String({
    maxLength: 1024,
    description: '15 to 128 characters of any kind, not easily guessed',
  }),
  currentPassword: Type.String({ maxLength: 1024 }),
}

interface AccountOptions extends OwnAccountParts {
  config: Config
  limitSignUps: onRequestAsyncHookHandler
}

/** The routes of a member's own account: sign-up, changes, deletion. */
export const accountRoutes: FastifyPluginAsyncTypebox<AccountOptions> = async (app, options) => {
  app.describeTag('account', 'Sign up, and look after your own account')
  const { limitSignUps } = options

  app.post(
    '/v1/users',
    {
      config: { page: 'signup', rateLimit: false },
      schema: {
        operationId: 'signUp',
        summary: 'Sign up',
        tags: ['account'],
        body: Type.Object(
          { name: text.name, email: text.email, password: text.password },
          { additionalProperties: false },
        ),
        response: { 201: Owner, ...problems(409) },
      },
      onRequest: limitSignUps,
    },
    async (request, reply) => {
      const account = await signUp(options, request.body, () => reply.sent)
      if (account === undefined) return reply
      return reply.code(201).header('location', `/v1/users/${account.id}`).send(toOwner(account))
    },
  )

  app.get(
    '/v1/me',
    {
      config: { page: 'account' },
      schema: {
        operationId: 'getMe',
        summary: 'Your account',
        tags: ['account'],
        response: { 200: Owner },
      },
      onRequest: app.requireSession,
    },
    async (request) => toOwner(memberOf(request)),
  )

  app.patch(
    '/v1/me',
    {
      config: { page: 'account' },
      schema: {
        operationId: 'updateMe',
        summary: 'Change your name or e-mail address',
        description: 'A new e-mail address needs the current password.',
        tags: ['account'],
        body: Type.Partial(
          Type.Object({ name: text.name, email: text.email, currentPassword: text.currentPassword }),
          { additionalProperties: false, minProperties: 1 },
        ),
        response: { 200: Owner, ...problems(409) },
      },
      onRequest: app.requireSession,
    },
    async (request) => toOwner(await changeProfile(options, request, request.body)),
  )

  app.put(
    '/v1/me/password',
    {
      config: { page: 'account' },
      schema: {
        operationId: 'changePassword',
        summary: 'Change your password',
        description: 'Ends every session of the account and answers with a new one of the same kind.',
        tags: ['account'],
        body: Type.Object(
          { currentPassword: text.currentPassword, newPassword: text.password },
          { additionalProperties: false },
        ),
        response: { 200: RenewedSession },
      },
      onRequest: app.requireSession,
    },
    async (request, reply) => {
      const renewed = await changePassword(options, request, request.body, () => reply.sent)
      if (renewed === undefined) return reply
      const member = memberOf(request)
      const session = { expiresAt: timestamp(renewed.expiresAt), user: toOwner(member) }
      if (member.sessionKind === 'bearer') return { token: renewed.token, ...session }
      setSessionCookie(reply, renewed)
      return session
    },
  )

  app.delete(
    '/v1/me',
    {
      config: { page: 'account' },
      schema: {
        operationId: 'deleteMe',
        summary: 'Delete your account and everything that belongs to it',
        tags: ['account'],
        body: Type.Object({ currentPassword: text.currentPassword }, { additionalProperties: false }),
        response: { 204: Type.Null() },
      },
      onRequest: app.requireSession,
    },
    async (request, reply) => {
      if (!(await leave(options, request, request.body, () => reply.sent))) return reply
      clearSessionCookie(reply, memberOf(request))
      return reply.code(204).send(null)
    },
  )
}
