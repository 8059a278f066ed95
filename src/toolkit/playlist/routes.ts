import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Database } from '../../db/database.ts'
import { problems } from '../../errors.ts'
import { isKnownBy } from '../../http/entity-tag.ts'
import { memberOf } from '../../sessions/authenticate.ts'
import { ADDRESS_MAX_CHARACTERS } from '../https-address.ts'
import { Title } from '../title.ts'
import { ENTRIES_MAX, getPlaylist, replacePlaylist } from './playlist.ts'

const page = 'playlist'

/** The largest playlist, in UTF-8: 100 entries with an address of 2048 and a title of 480 bytes each. */
const BODY_MAX_BYTES = 256 * 1024

const Playlist = Type.Object(
  {
    entries: Type.Array(
      Type.Object(
        {
          title: Title,
          url: Type.String({
            maxLength: ADDRESS_MAX_CHARACTERS,
            description: 'Address of a sound, https only',
          }),
        },
        { additionalProperties: false },
      ),
      { maxItems: ENTRIES_MAX, description: 'In the order in which they are played' },
    ),
  },
  { $id: 'Playlist', additionalProperties: false },
)

/** A member's playlist, read and written as a whole. */
export const playlistRoutes: FastifyPluginAsyncTypebox<{ db: Database }> = async (app, { db }) => {
  app.get(
    '/v1/me/playlist',
    {
      config: { page },
      schema: {
        operationId: 'getPlaylist',
        summary: 'Your playlist',
        description:
          'Empty before its first change. `If-None-Match` with its `ETag` answers 304 if it is the same.',
        tags: ['toolkit'],
        headers: Type.Object({ 'if-none-match': Type.Optional(Type.String()) }),
        response: { 200: Playlist, 304: Type.Null({ description: 'Not Modified' }) },
      },
      onRequest: app.requireSession,
    },
    async (request, reply) => {
      const { entries, etag } = await getPlaylist(db, memberOf(request).id)
      reply.header('etag', etag)
      if (isKnownBy(request.headers['if-none-match'], etag)) return reply.code(304).send(null)
      return { entries }
    },
  )

  app.put(
    '/v1/me/playlist',
    {
      config: { page },
      bodyLimit: BODY_MAX_BYTES,
      schema: {
        operationId: 'putPlaylist',
        summary: 'Replace your playlist',
        description:
          'Send the `ETag` that you read as `If-Match`. If the playlist was changed meanwhile, the answer is 412 and nothing is written; without `If-Match` it is 428. `If-Match: *` replaces any version.',
        tags: ['toolkit'],
        headers: Type.Object({ 'if-match': Type.Optional(Type.String()) }),
        body: Playlist,
        response: { 200: Playlist, ...problems(412, 428) },
      },
      onRequest: app.requireSession,
    },
    async (request, reply) => {
      const { entries, etag } = await replacePlaylist(
        db,
        memberOf(request).id,
        request.headers['if-match'],
        request.body.entries,
      )
      reply.header('etag', etag)
      return { entries }
    },
  )
}
