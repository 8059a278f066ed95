import { Type } from 'typebox'
import { timestamp } from '../../http/timestamp.ts'
import { FEED_ERRORS, type FeedErrorCode } from './feed-error.ts'
import { itemsOf, type Subscription } from './feed-store.ts'

const textOrNull = (description: string) => Type.Union([Type.String(), Type.Null()], { description })
const timeOrNull = (description: string) =>
  Type.Union([Type.String({ format: 'date-time' }), Type.Null()], { description })

export const Feed = Type.Object(
  {
    id: Type.Integer(),
    url: Type.String(),
    title: textOrNull('null until it was fetched, or if it has none'),
  },
  { $id: 'Feed', additionalProperties: false },
)

export const FeedItems = Type.Object(
  {
    feed: Feed,
    items: Type.Array(
      Type.Object(
        {
          title: textOrNull('Text, never markup; null if it has none'),
          url: textOrNull('http or https; null if it has none'),
          summary: textOrNull('Text, never markup; null if it has none'),
          publishedAt: timeOrNull('null if it does not say'),
        },
        { additionalProperties: false },
      ),
      { description: 'The newest as the feed lists them, at most 50' },
    ),
    fetchedAt: timeOrNull('When these items were last known to be up to date; null before the first time'),
    error: Type.Union(
      [
        Type.Object(
          {
            code: Type.Union(
              (Object.keys(FEED_ERRORS) as FeedErrorCode[]).map((code) => Type.Literal(code)),
              { description: 'Why it could not be fetched the last time' },
            ),
            detail: Type.String(),
          },
          { additionalProperties: false },
        ),
        Type.Null(),
      ],
      { description: 'null if nothing failed the last time; the items are the last ones that were fetched' },
    ),
  },
  { $id: 'FeedItems', additionalProperties: false },
)

export function toFeed({ id, url, title }: Subscription) {
  return { id, url, title }
}

export function toFeedItems(subscription: Subscription) {
  const { fetched_at, error } = subscription
  const code = error as FeedErrorCode | null
  return {
    feed: toFeed(subscription),
    items: itemsOf(subscription).map(({ publishedAt, ...item }) => ({
      ...item,
      publishedAt: publishedAt === null ? null : timestamp(publishedAt),
    })),
    fetchedAt: fetched_at === null ? null : timestamp(fetched_at),
    error: code && { code, detail: FEED_ERRORS[code] },
  }
}
