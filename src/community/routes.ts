import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Config } from '../config.ts'
import type { Database } from '../db/database.ts'
import { Problem, problems } from '../errors.ts'
import { Cursors, invalidCursor, Page, pageQuery, sendJsonPage, sendPage } from '../http/paging.ts'
import { memberOf } from '../sessions/authenticate.ts'
import { MemberId, unknownMember } from '../users/member-path.ts'
import { foldName } from '../users/text.ts'
import { toUser, User } from '../users/user-view.ts'
import { findVisible, listByName, listNewest } from './community-queries.ts'

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
      const member = memberOf(request)
      if (sort === 'joined') {
        if (q !== undefined) throw searchSortsByName()
        const cursors = newestCursors(member.id)
        const { data, lastId } = await listNewest(db, member.id, cursors.before(cursor), limit)
        return sendJsonPage(request, reply, data, cursors.at(lastId))
      }
      const prefix = q === undefined ? '' : searchKey(q)
      const cursors = new Cursors(['community', 'name', member.id, prefix], ['string', 'number'])
      const [nameKey, id] = (cursors.decode(cursor) ?? [prefix, 0]) as [string, number]
      // A cursor can be forged: it must not lead out of the search.
      if (!nameKey.startsWith(prefix)) throw invalidCursor()
      const rows = await listByName(db, member.id, prefix, { nameKey, id }, limit + 1)
      const after = (last: (typeof rows)[number]) => cursors.encode([last.name_key, last.id])
      return sendPage(request, reply, rows, limit, after, toUser)
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
      const member = memberOf(request)
      const max = config.fullListingMaxRows
      const cursors = newestCursors(member.id)
      const { data, lastId } = await listNewest(db, member.id, cursors.before(undefined), max)
      return sendJsonPage(request, reply, data, cursors.at(lastId), `${LISTING}?sort=joined`)
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

/** The full listing continues in the pages, so both take the same cursors. */
function newestCursors(memberId: number) {
  const cursors = new Cursors(['community', 'joined', memberId], ['number'])
  return {
    before(cursor: string | undefined): number {
      const [id] = (cursors.decode(cursor) ?? [Number.MAX_SAFE_INTEGER]) as [number]
      return id
    },
    at: (lastId: number | null) => (lastId === null ? null : cursors.encode([lastId])),
  }
}

function searchKey(q: string): string {
  const key = foldName(q)
  if (key !== '') return key
  throw new Problem('invalid', 'A parameter breaks a rule.', {
    errors: [{ parameter: 'q', detail: 'must have a visible character' }],
  })
}

function searchSortsByName(): Problem {
  return new Problem('invalid', 'A search sorts by name: leave out sort, or send sort=name.', {
    errors: [{ parameter: 'sort', detail: 'must be name, or absent, beside q' }],
  })
}
