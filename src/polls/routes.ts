import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Database } from '../db/database.ts'
import { problems } from '../errors.ts'
import { Page, pageQuery, sendPage } from '../http/paging.ts'
import { timestamp } from '../http/timestamp.ts'
import { memberOf } from '../sessions/authenticate.ts'
import { byPollId, PollId } from './poll-id.ts'
import { pollCursors } from './poll-paging.ts'
import { getPoll, listPolls } from './poll-queries.ts'
import { Poll, Results, toPoll, Vote } from './poll-views.ts'
import { getResults, retractVote, type VoteRow, vote } from './votes.ts'

/** Polls, votes and results, for members. */
export const pollRoutes: FastifyPluginAsyncTypebox<{ db: Database }> = async (app, { db }) => {
  app.describeTag('polls', 'Polls, one vote for each member, and results')

  app.get(
    '/v1/polls',
    {
      config: { page: 'polls' },
      schema: {
        operationId: 'listPolls',
        summary: 'Open polls, then closed ones, each newest first',
        description:
          'All pages of a listing go by the time of its first page: a poll that closes meanwhile keeps its place.',
        tags: ['polls'],
        querystring: Type.Object(pageQuery, { additionalProperties: false }),
        response: { 200: Page(Poll), ...problems(400) },
      },
      onRequest: app.requireSession,
    },
    async (request, reply) => {
      const { limit = 50, cursor } = request.query
      const member = memberOf(request)
      const { position, cursorAfter } = pollCursors('polls', member.id, cursor)
      const polls = await listPolls(db, { memberId: member.id, drafts: false }, position, limit + 1)
      return sendPage(request, reply, polls, limit, cursorAfter, (poll) => toPoll(poll))
    },
  )

  app.get(
    '/v1/polls/:id',
    {
      config: { page: 'polls' },
      schema: {
        operationId: 'getPoll',
        summary: 'One poll, with your vote',
        tags: ['polls'],
        params: byPollId,
        response: { 200: Poll, ...problems(404) },
      },
      onRequest: app.requireSession,
    },
    async (request) => toPoll(await getPoll(db, memberOf(request), request.params.id)),
  )

  app.put(
    '/v1/polls/:id/vote',
    {
      config: { page: 'vote' },
      schema: {
        operationId: 'vote',
        summary: 'Vote, or change your vote',
        description: 'One vote for each member while the poll is open. Repeating it changes nothing.',
        tags: ['polls'],
        params: byPollId,
        body: Type.Object({ choiceId: PollId }, { additionalProperties: false }),
        response: { 200: Vote, 201: Vote, ...problems(404, 409) },
      },
      onRequest: app.requireSession,
    },
    async (request, reply) => {
      const { created, vote: given } = await vote(
        db,
        memberOf(request),
        request.params.id,
        request.body.choiceId,
      )
      return reply.code(created ? 201 : 200).send(toVote(given))
    },
  )

  app.delete(
    '/v1/polls/:id/vote',
    {
      config: { page: 'vote' },
      schema: {
        operationId: 'retractVote',
        summary: 'Take your vote back',
        description: 'The answer is the same if there was none.',
        tags: ['polls'],
        params: byPollId,
        response: { 204: Type.Null(), ...problems(404, 409) },
      },
      onRequest: app.requireSession,
    },
    async (request, reply) => {
      await retractVote(db, memberOf(request), request.params.id)
      return reply.code(204).send(null)
    },
  )

  app.get(
    '/v1/polls/:id/results',
    {
      config: { page: 'results' },
      schema: {
        operationId: 'getPollResults',
        summary: 'The votes for each choice',
        description:
          'Shown when the poll is closed, and to those who have voted if `resultsShown` is `after-vote`. Administrators always see them.',
        tags: ['polls'],
        params: byPollId,
        response: { 200: Results, ...problems(403, 404) },
      },
      onRequest: app.requireSession,
    },
    async (request) => getResults(db, memberOf(request), request.params.id),
  )
}

function toVote({ poll_id, choice_id, voted_at }: VoteRow) {
  return { pollId: poll_id, choiceId: choice_id, votedAt: timestamp(voted_at) }
}
