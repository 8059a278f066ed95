import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Config } from '../../config.ts'
import type { Database } from '../../db/database.ts'
import { Problem, problems } from '../../errors.ts'
import type { AttemptCheck } from '../../sessions/attempt-limits.ts'
import { memberOf } from '../../sessions/authenticate.ts'
import { ADDRESS_MAX_CHARACTERS, FEEDS_MAX, requireFeedAddresses } from './feed-address.ts'
import type { FeedReader } from './feed-reader.ts'
import { changeSubscriptions, findSubscription, listSubscriptions } from './feed-store.ts'
import { Feed, FeedItems, toFeed, toFeedItems } from './feed-views.ts'

const page = 'news'

interface NewsOptions {
  db: Database
  config: Config
  reader: FeedReader
  /** Counts a change of a member's list. */
  limitFeedChanges: AttemptCheck
}

/** The feeds that a member reads. */
export const newsRoutes: FastifyPluginAsyncTypebox<NewsOptions> = async (app, options) => {
  const { db, config, reader, limitFeedChanges } = options
  const Feeds = Type.Object({ data: Type.Array(Feed) }, { additionalProperties: false })
  app.describeTag('news', 'The feeds that you read, and their items')

  app.get(
    '/v1/me/feeds',
    {
      config: { page },
      schema: {
        operationId: 'listFeeds',
        summary: 'Your feeds, in your order',
        tags: ['news'],
        response: { 200: Feeds },
      },
      onRequest: app.requireSession,
    },
    async (request) => ({ data: (await listSubscriptions(db, memberOf(request).id)).map(toFeed) }),
  )

  app.put(
    '/v1/me/feeds',
    {
      config: { page },
      schema: {
        operationId: 'replaceFeeds',
        summary: 'Say which feeds you read',
        description:
          'The whole list, in your order. A feed that stays keeps its id. Nothing is fetched before its items are asked for.',
        tags: ['news'],
        body: Type.Object(
          {
            urls: Type.Array(Type.String({ maxLength: ADDRESS_MAX_CHARACTERS }), {
              maxItems: FEEDS_MAX,
              description: 'Addresses of RSS, Atom or JSON feeds; http or https',
            }),
          },
          { additionalProperties: false },
        ),
        response: { 200: Feeds },
      },
      onRequest: app.requireSession,
    },
    async (request) => {
      await limitFeedChanges(request)
      const urls = requireFeedAddresses(request.body.urls)
      const feeds = await changeSubscriptions(db, memberOf(request).id, () => urls)
      return { data: feeds.map(toFeed) }
    },
  )

  app.get(
    '/v1/me/feeds/:id/items',
    {
      config: { page },
      schema: {
        operationId: 'listFeedItems',
        summary: 'The items of one of your feeds',
        description:
          'Fetched if the kept copy is older than ten minutes. A feed that fails shows its last items and says why.',
        tags: ['news'],
        params: Type.Object({
          id: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description: 'Id of a feed' }),
        }),
        response: { 200: FeedItems, ...problems(404) },
      },
      onRequest: app.requireSession,
    },
    async (request) => {
      const find = () => findSubscription(db, memberOf(request).id, request.params.id)
      let feed = await find()
      // A turn to fetch and the time to parse come to the time-out of the request.
      if (feed && (await reader.freshen([feed], config.feedTimeoutMs + 1000))) feed = await find()
      if (feed === undefined) throw new Problem('not-found', 'None of your feeds has this id.')
      return toFeedItems(feed)
    },
  )
}
