import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Config } from '../config.ts'
import { Problem, problems } from '../errors.ts'
import { idCursors, Page, pageQuery, sendPage } from '../http/paging.ts'
import { timestamp } from '../http/timestamp.ts'
import { memberOf, refuseCrossSite } from './authenticate.ts'
import { clearSessionCookie, setSessionCookie } from './cookie.ts'
import { type LogInParts, logIn } from './log-in.ts'
import { BearerSession, CookieSession, Session, SessionId, toSession } from './session-view.ts'

const page = 'login'

const Credentials = Type.Object(
  { email: Type.String({ maxLength: 320 }), password: Type.String({ maxLength: 1024 }) },
  { additionalProperties: false },
)

interface SessionsOptions extends LogInParts {
  config: Config
}

/** Log in, log out, list one's sessions. */
export const sessionRoutes: FastifyPluginAsyncTypebox<SessionsOptions> = async (app, options) => {
  app.describeTag('sessions', 'Log in and out')
  const { db, config, sessions } = options

  app.post(
    '/v1/sessions',
    {
      config: { page },
      schema: {
        operationId: 'logIn',
        summary: 'Log in and get a bearer token',
        tags: ['sessions'],
        body: Credentials,
        response: { 201: BearerSession, ...problems(401) },
      },
    },
    async (request, reply) => {
      const { token, expiresAt, user } = await logIn(options, request, request.body, 'bearer')
      return reply.code(201).send({ token, expiresAt: timestamp(expiresAt), user })
    },
  )

  app.post(
    '/v1/sessions/cookie',
    {
      config: { page },
      schema: {
        operationId: 'logInWithCookie',
        summary: 'Log in and get a cookie that scripts cannot read',
        tags: ['sessions'],
        body: Credentials,
        response: { 201: CookieSession, ...problems(401, 403) },
      },
      onRequest: async (request) => refuseCrossSite(request, config.publicOrigin),
    },
    async (request, reply) => {
      const { user, ...session } = await logIn(options, request, request.body, 'cookie')
      setSessionCookie(reply, session)
      return reply.code(201).send({ expiresAt: timestamp(session.expiresAt), user })
    },
  )

  app.get(
    '/v1/sessions',
    {
      config: { page },
      schema: {
        operationId: 'listSessions',
        summary: 'Where you are logged in, oldest first',
        tags: ['sessions'],
        querystring: Type.Object(pageQuery, { additionalProperties: false }),
        response: { 200: Page(Session), ...problems(400) },
      },
      onRequest: app.requireSession,
    },
    async (request, reply) => {
      const member = memberOf(request)
      const { limit = 50, cursor } = request.query
      const cursors = idCursors('sessions', member.id)
      const rows = await sessions.list(member.id, cursors.after(cursor), limit + 1)
      return sendPage(request, reply, rows, limit, cursors.at, (row) => toSession(row, member.sessionId))
    },
  )

  app.delete(
    '/v1/sessions',
    {
      config: { page },
      schema: {
        operationId: 'logOutEverywhere',
        summary: 'End all your sessions, this one too',
        tags: ['sessions'],
        response: { 204: Type.Null() },
      },
      onRequest: app.requireSession,
    },
    async (request, reply) => {
      const member = memberOf(request)
      await sessions.endAll(db, member.id)
      clearSessionCookie(reply, member)
      return reply.code(204).send(null)
    },
  )

  app.delete(
    '/v1/sessions/current',
    {
      config: { page },
      schema: {
        operationId: 'logOut',
        summary: 'End this session',
        tags: ['sessions'],
        response: { 204: Type.Null() },
      },
      onRequest: app.requireSession,
    },
    async (request, reply) => {
      const member = memberOf(request)
      await sessions.end(member.id, member.sessionId)
      clearSessionCookie(reply, member)
      return reply.code(204).send(null)
    },
  )

  app.delete(
    '/v1/sessions/:sessionId',
    {
      config: { page },
      schema: {
        operationId: 'endSession',
        summary: 'End one of your sessions',
        tags: ['sessions'],
        params: Type.Object({ sessionId: SessionId }),
        response: { 204: Type.Null(), ...problems(404) },
      },
      onRequest: app.requireSession,
    },
    async (request, reply) => {
      const member = memberOf(request)
      const { sessionId } = request.params
      if (!(await sessions.end(member.id, sessionId)))
        throw new Problem('not-found', 'You have no such session.')
      if (sessionId === member.sessionId) clearSessionCookie(reply, member)
      return reply.code(204).send(null)
    },
  )
}
