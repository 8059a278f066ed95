import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Config } from '../config.ts'
import type { Database } from '../db/database.ts'
import { problems } from '../errors.ts'
import { Page, pageQuery, sendPage } from '../http/paging.ts'
import { requireAdministrator } from '../sessions/administrator.ts'
import { memberOf } from '../sessions/authenticate.ts'
import { byPollId } from './poll-id.ts'
import { CHOICES_MAX, CHOICES_MIN, parseNewPoll, parsePoll } from './poll-input.ts'
import { pollCursors } from './poll-paging.ts'
import { listPolls } from './poll-queries.ts'
import { createPoll, deletePoll, editPoll } from './poll-store.ts'
import { AdminPoll, ResultsShown, toAdminPoll } from './poll-views.ts'

// Lengths in UTF-16 units, generous: the exact rules count code points of normalised text.
const question = Type.String({ maxLength: 800, description: '1 to 200 characters' })
const description = Type.Union([Type.String({ maxLength: 4000 }), Type.Null()], {
  description: '1 to 1000 characters, also line breaks; null for none',
})
const choices = Type.Array(Type.String({ maxLength: 400, description: '1 to 100 characters' }), {
  minItems: CHOICES_MIN,
  maxItems: CHOICES_MAX,
  description: 'All different',
})
const opensAt = Type.String({ format: 'date-time', description: 'A time that has passed means now' })
const closing = Type.Union([Type.String({ format: 'date-time' }), Type.Null()])
const draft = Type.Boolean({ description: 'Not published: it does not open' })

interface PollAdminOptions {
  db: Database
  config: Config
}

/** Polls, for administrators. */
export const pollAdminRoutes: FastifyPluginAsyncTypebox<PollAdminOptions> = async (app, { db, config }) => {
  const { openPollsMax } = config
  const onRequest = [app.requireSession, requireAdministrator]

  app.get(
    '/v1/admin/polls',
    {
      config: { page: 'admin' },
      schema: {
        operationId: 'listAllPolls',
        summary: 'Open polls and drafts, then closed polls, each newest first',
        tags: ['polls'],
        querystring: Type.Object(pageQuery, { additionalProperties: false }),
        response: { 200: Page(AdminPoll), ...problems(400, 403) },
      },
      onRequest,
    },
    async (request, reply) => {
      const { limit = 50, cursor } = request.query
      const member = memberOf(request)
      const { position, cursorAfter } = pollCursors('admin polls', member.id, cursor)
      const polls = await listPolls(db, { memberId: member.id, drafts: true }, position, limit + 1)
      return sendPage(request, reply, polls, limit, cursorAfter, (poll) => toAdminPoll(poll))
    },
  )

  app.post(
    '/v1/admin/polls',
    {
      config: { page: 'admin' },
      schema: {
        operationId: 'createPoll',
        summary: 'Create a poll',
        description: 'It opens now unless `opensAt` is later or `draft` is true.',
        tags: ['polls'],
        body: Type.Object(
          {
            question,
            choices,
            description: Type.Optional(description),
            opensAt: Type.Optional(opensAt),
            closesAt: Type.Optional(closing),
            draft: Type.Optional(draft),
            resultsShown: Type.Optional(ResultsShown),
          },
          { additionalProperties: false },
        ),
        response: { 201: AdminPoll, ...problems(409) },
      },
      onRequest,
    },
    async (request, reply) => {
      const poll = await createPoll(
        db,
        { memberId: memberOf(request).id, openPollsMax },
        parseNewPoll(request.body),
      )
      return reply.code(201).header('location', `/v1/polls/${poll.id}`).send(toAdminPoll(poll))
    },
  )

  app.patch(
    '/v1/admin/polls/:id',
    {
      config: { page: 'admin' },
      schema: {
        operationId: 'editPoll',
        summary: 'Edit, publish or close a poll',
        description:
          'Before the first vote everything can change. Afterwards only the description and the closing time can, and the results can be hidden until the poll closes. A `closesAt` that has passed closes an open poll now.',
        tags: ['polls'],
        params: byPollId,
        body: Type.Partial(
          Type.Object({
            question,
            description,
            choices,
            opensAt,
            closesAt: closing,
            draft,
            resultsShown: ResultsShown,
          }),
          { additionalProperties: false, minProperties: 1 },
        ),
        response: { 200: AdminPoll, ...problems(404, 409) },
      },
      onRequest,
    },
    async (request) => {
      const editor = { memberId: memberOf(request).id, openPollsMax }
      return toAdminPoll(await editPoll(db, editor, request.params.id, parsePoll(request.body)))
    },
  )

  app.delete(
    '/v1/admin/polls/:id',
    {
      config: { page: 'admin' },
      schema: {
        operationId: 'deletePoll',
        summary: 'Delete a poll with its votes',
        tags: ['polls'],
        params: byPollId,
        response: { 204: Type.Null(), ...problems(404) },
      },
      onRequest,
    },
    async (request, reply) => {
      await deletePoll(db, request.params.id)
      return reply.code(204).send(null)
    },
  )
}
