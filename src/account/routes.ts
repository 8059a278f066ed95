import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import { Type } from 'typebox'
import type { Config } from '../config.ts'
import type { Database } from '../db/database.ts'
import { Problem, problems } from '../errors.ts'
import { requireParsed } from '../http/parsed.ts'
import { timestamp } from '../http/timestamp.ts'
import { findById, setPasswordHash } from '../passwords/credentials.ts'
import type { PasswordHasher } from '../passwords/password-hasher.ts'
import { parsePassword } from '../passwords/password-policy.ts'
import type { AttemptCheck } from '../sessions/attempt-limits.ts'
import { memberOf, unauthenticated } from '../sessions/authenticate.ts'
import { clearSessionCookie, setSessionCookie } from '../sessions/cookie.ts'
import type { Member, SessionStore } from '../sessions/session-store.ts'
import { RenewedSession } from '../sessions/session-view.ts'
import { parseEmail, parseName } from '../users/text.ts'
import { Owner, toOwner } from '../users/user-view.ts'
import { deleteAccount, updateProfile } from './account-store.ts'
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

interface AccountOptions {
  db: Database
  config: Config
  sessions: SessionStore
  passwords: PasswordHasher
  limitAttempts: AttemptCheck
  limitSignUps: onRequestAsyncHookHandler
}

/** The routes of a member's own account: sign-up, changes, deletion. */
export const accountRoutes: FastifyPluginAsyncTypebox<AccountOptions> = async (app, options) => {
  app.describeTag('account', 'Sign up, and look after your own account')
  const { db, sessions, passwords, limitAttempts, limitSignUps } = options

  async function confirmPassword(request: FastifyRequest, password: string): Promise<void> {
    await limitAttempts(request)
    const account = await findById(db, memberOf(request).id)
    if (!(await passwords.verify(account?.hash ?? undefined, password)))
      throw new Problem('wrong-password', 'Send the current password of this account.', {
        errors: [{ pointer: '#/currentPassword', detail: 'is wrong' }],
      })
  }

  /** Verifying a password takes long: the session may have ended meanwhile, with the account or by another change. */
  async function requireLiveSession(tx: Database, member: Member): Promise<void> {
    if (!(await sessions.isLive(tx, member.sessionId))) throw unauthenticated(true)
  }

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
    async (request) => {
      const { body } = request
      const member = memberOf(request)
      const change = requireParsed({
        name: body.name === undefined ? undefined : parseName(body.name),
        email: body.email === undefined ? undefined : parseEmail(body.email),
      })
      if (change.name === undefined && change.email === undefined)
        throw new Problem('invalid', 'Send a new name or a new e-mail address.', {
          errors: [{ pointer: '#', detail: 'must have name or email' }],
        })
      if (change.email !== undefined)
        await confirmPassword(request, requireCurrentPassword(body.currentPassword))
      const account = await db.transaction().execute(async (tx) => {
        await requireLiveSession(tx, member)
        return updateProfile(tx, member.id, change)
      })
      return toOwner(account)
    },
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
      const member = memberOf(request)
      await confirmPassword(request, request.body.currentPassword)
      const { newPassword } = requireParsed({
        newPassword: await parsePassword(request.body.newPassword, member),
      })
      const hash = await passwords.hash(newPassword)
      if (reply.sent) return reply
      const renewed = await db.transaction().execute(async (tx) => {
        await requireLiveSession(tx, member)
        await setPasswordHash(tx, member.id, hash)
        await sessions.endAll(tx, member.id)
        return sessions.create(tx, member.id, member.sessionKind)
      })
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
      const member = memberOf(request)
      await confirmPassword(request, request.body.currentPassword)
      if (reply.sent) return reply
      await db.transaction().execute(async (tx) => {
        await requireLiveSession(tx, member)
        await deleteAccount(tx, member.id)
      })
      clearSessionCookie(reply, member)
      return reply.code(204).send(null)
    },
  )
}

function requireCurrentPassword(password: string | undefined): string {
  if (password !== undefined) return password
  throw new Problem('invalid', 'A new e-mail address needs the current password.', {
    errors: [{ pointer: '#/currentPassword', detail: 'must be present' }],
  })
}
