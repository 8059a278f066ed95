import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Config } from '../config.ts'
import type { Database } from '../db/database.ts'
import { Problem, problems } from '../errors.ts'
import { Page, pageQuery, sendJsonPage } from '../http/paging.ts'
import { memberOf } from '../sessions/authenticate.ts'
import { MemberId, unknownMember } from '../users/member-path.ts'
import { toUser, User } from '../users/user-view.ts'
import { findVisible } from './community-queries.ts'
import { listCommunity } from './listing.ts'

const page = 'community'
const FULL_LISTING = '/v1/community/full'
const LISTING = '/v1/community'

interface CommunityOptions {
  db: Database
  config: Config
}

/** All members, except those hidden by a block. */
export const communityRoutes: FastifyPluginAsyncTypebox<CommunityOptions> = async (app, { db, config }) => {
  app.describeTag('community', 'All members')
  app.get(
    LISTING,
    {
      config: { page },
      schema: {
        operationId: 'listCommunity',
        summary: 'All members, page by page',
        description:
          'Newest first, or by name without regard to letter case. A block hides both members from each other.',
        tags: ['community'],
        querystring: Type.Object(
          {
            ...pageQuery,
            sort: Type.Optional(
              Type.Union([Type.Literal('joined'), Type.Literal('name')], {
                description: '`joined` (newest first) unless `q` is given, which always sorts by `name`',
              }),
            ),
            q: Type.Optional(
              Type.String({
                minLength: 1,
                maxLength: 80,
                // No name holds NUL, and PostgreSQL refuses it in a text.
                pattern: '^[^\\u0000]*$',
                description: 'Start of the name; letter case does not count',
              }),
            ),
          },
          { additionalProperties: false },
        ),
        response: { 200: Page(User), ...problems(400) },
      },
      onRequest: app.requireSession,
    },
    async (request, reply) => {
      const { q, sort = q === undefined ? 'joined' : 'name', limit = 50, cursor } = request.query
      if (sort === 'joined' && q !== undefined) throw searchSortsByName()
      const { data, nextCursor } = await listCommunity(db, memberOf(request).id, { sort, q, cursor, limit })
      return sendJsonPage(request, reply, data, nextCursor)
    },
  )

  app.get(
    FULL_LISTING,
    {
      config: { page },
      schema: {
        operationId: 'listCommunityAtOnce',
        summary: 'All members in one reply, newest first',
        description:
          'For comparison with the pages: its cost grows with the table. Above the configured number of members, ' +
          '`nextCursor` goes on in `GET /v1/community?sort=joined`.',
        tags: ['community'],
        querystring: Type.Object({}, { additionalProperties: false }),
        response: { 200: Page(User) },
      },
      onRequest: app.requireSession,
    },
    async (request, reply) => {
      const limit = config.fullListingMaxRows
      const { data, nextCursor } = await listCommunity(db, memberOf(request).id, { sort: 'joined', limit })
      return sendJsonPage(request, reply, data, nextCursor, `${LISTING}?sort=joined`)
    },
  )

  app.get(
    '/v1/users/:id',
    {
      config: { page },
      schema: {
        operationId: 'getUser',
        summary: 'One member',
        description: 'A block hides both from each other: the answer is that of an unknown id.',
        tags: ['community'],
        params: Type.Object({ id: MemberId }),
        response: { 200: User, ...problems(404) },
      },
      onRequest: app.requireSession,
    },
    async (request) => {
      const user = await findVisible(db, memberOf(request).id, request.params.id)
      if (user === undefined) throw unknownMember()
      return toUser(user)
    },
  )
}

function searchSortsByName(): Problem {
  return new Problem('invalid', 'A search sorts by name: leave out sort, or send sort=name.', {
    errors: [{ parameter: 'sort', detail: 'must be name, or absent, beside q' }],
  })
}
