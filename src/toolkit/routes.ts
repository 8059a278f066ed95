import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Database } from '../db/database.ts'
import { memberOf } from '../sessions/authenticate.ts'
import { locationRoutes } from './location/routes.ts'
import { FEEDS_MAX } from './news/feed-address.ts'
import { ENTRIES_MAX } from './playlist/playlist.ts'
import { playlistRoutes } from './playlist/routes.ts'
import { toolkitSummary } from './summary.ts'
import { videoRoutes } from './videos/routes.ts'
import { VIDEOS_MAX } from './videos/videos.ts'

const url = Type.String({ format: 'uri-reference' })
const List = Type.Object(
  { count: Type.Integer({ minimum: 0 }), max: Type.Integer(), url },
  { additionalProperties: false },
)

const Toolkit = Type.Object(
  {
    videos: List,
    playlist: List,
    feeds: List,
    location: Type.Object(
      {
        saved: Type.Boolean(),
        shared: Type.Boolean({ description: 'Whether your friends may see it' }),
        url,
      },
      { additionalProperties: false },
    ),
  },
  { $id: 'Toolkit', additionalProperties: false },
)

/** What members keep for themselves. */
export const toolkitRoutes: FastifyPluginAsyncTypebox<{ db: Database }> = async (app, { db }) => {
  app.describeTag(
    'toolkit',
    'Your videos, playlist, place and feeds: yours alone, unless you share the place',
  )
  app.get(
    '/v1/toolkit',
    {
      config: { page: 'toolkit' },
      schema: {
        operationId: 'getToolkit',
        summary: 'What you have, and where it is',
        tags: ['toolkit'],
        response: { 200: Toolkit },
      },
      onRequest: app.requireSession,
    },
    async (request) => {
      const has = await toolkitSummary(db, memberOf(request).id)
      return {
        videos: { count: has.videos, max: VIDEOS_MAX, url: '/v1/me/videos' },
        playlist: { count: has.entries, max: ENTRIES_MAX, url: '/v1/me/playlist' },
        feeds: { count: has.feeds, max: FEEDS_MAX, url: '/v1/me/feeds' },
        location: { saved: has.hasLocation, shared: has.sharesLocation, url: '/v1/me/location' },
      }
    },
  )
  await app.register(videoRoutes, { db })
  await app.register(playlistRoutes, { db })
  await app.register(locationRoutes, { db })
}
