import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Database } from '../../db/database.ts'
import { problems } from '../../errors.ts'
import { Page } from '../../http/paging.ts'
import { timestamp } from '../../http/timestamp.ts'
import { memberOf } from '../../sessions/authenticate.ts'
import { ADDRESS_MAX_CHARACTERS } from '../https-address.ts'
import { Title } from '../title.ts'
import { embedAddress } from './video-address.ts'
import { VideoId } from './video-id.ts'
import { addVideo, changeVideo, listVideos, removeVideo, VIDEOS_MAX, type VideoRow } from './videos.ts'

const page = 'videos'
const Address = Type.String({
  maxLength: ADDRESS_MAX_CHARACTERS,
  description: 'A video of YouTube or Vimeo, or a file that ends with .mp4, .webm or .ogv; https only',
})
const Position = Type.Integer({ minimum: 1, maximum: VIDEOS_MAX, description: 'Place in the list, from 1' })

const byId = Type.Object({ id: VideoId })

const Video = Type.Object(
  {
    id: Type.Integer({ minimum: 1 }),
    title: Type.String(),
    provider: Type.Union([Type.Literal('youtube'), Type.Literal('vimeo'), Type.Literal('file')]),
    url: Type.String({ format: 'uri' }),
    embedUrl: Type.Union([Type.String({ format: 'uri' }), Type.Null()], {
      description: 'Address of a frame that plays it; null for a file',
    }),
    position: Position,
    addedAt: Type.String({ format: 'date-time' }),
  },
  { $id: 'Video', additionalProperties: false },
)

/** A member's saved videos. */
export const videoRoutes: FastifyPluginAsyncTypebox<{ db: Database }> = async (app, { db }) => {
  app.get(
    '/v1/me/videos',
    {
      config: { page },
      schema: {
        operationId: 'listVideos',
        summary: 'Your videos, in your order',
        description: `All of them in one page, ${VIDEOS_MAX} at most.`,
        tags: ['toolkit'],
        response: { 200: Page(Video) },
      },
      onRequest: app.requireSession,
    },
    async (request) => {
      const rows = await listVideos(db, memberOf(request).id)
      return { data: rows.map(toVideo), page: { nextCursor: null } }
    },
  )

  app.post(
    '/v1/me/videos',
    {
      config: { page },
      schema: {
        operationId: 'addVideo',
        summary: 'Save a video, at the end of the list',
        tags: ['toolkit'],
        body: Type.Object({ title: Title, url: Address }, { additionalProperties: false }),
        response: { 201: Video, ...problems(409) },
      },
      onRequest: app.requireSession,
    },
    async (request, reply) => {
      const video = await addVideo(db, memberOf(request).id, request.body)
      return reply.code(201).send(toVideo(video))
    },
  )

  app.patch(
    '/v1/me/videos/:id',
    {
      config: { page },
      schema: {
        operationId: 'changeVideo',
        summary: 'Give a video another title or another place in the list',
        description: 'A place behind the last one is the last one.',
        tags: ['toolkit'],
        params: byId,
        body: Type.Partial(Type.Object({ title: Title, position: Position }), {
          additionalProperties: false,
          minProperties: 1,
        }),
        response: { 200: Video, ...problems(404) },
      },
      onRequest: app.requireSession,
    },
    async (request) => toVideo(await changeVideo(db, memberOf(request).id, request.params.id, request.body)),
  )

  app.delete(
    '/v1/me/videos/:id',
    {
      config: { page },
      schema: {
        operationId: 'removeVideo',
        summary: 'Remove a video',
        tags: ['toolkit'],
        params: byId,
        response: { 204: Type.Null(), ...problems(404) },
      },
      onRequest: app.requireSession,
    },
    async (request, reply) => {
      await removeVideo(db, memberOf(request).id, request.params.id)
      return reply.code(204).send(null)
    },
  )
}

function toVideo(row: VideoRow) {
  return {
    id: row.id,
    title: row.title,
    provider: row.provider,
    url: row.url,
    embedUrl: embedAddress({ provider: row.provider, providerId: row.provider_id }),
    position: row.position,
    addedAt: timestamp(row.added_at),
  }
}
