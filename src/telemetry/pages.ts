import { NO_PAGE } from '@rollcall/fastify-route-telemetry'

const TRANSACTION = ['BEGIN', 'COMMIT', 'ROLLBACK']
/** Finds the session's member, and records its use. */
const SESSION = ['SELECT sessions users', 'UPDATE sessions']
/** Makes a session, and clears expired ones. */
const LOG_IN = ['DELETE sessions', 'INSERT sessions']
const PASSWORD = 'SELECT users passwords seed_password'
/** Polls with their choices and the member's vote. */
const POLL = 'SELECT poll_choices polls votes'

/**
 * Every page and the statements of its requests: verb and tables, as telemetry names a statement. A page is a series of
 * every metric with `page`, and a statement one for each outcome, so a new one is a decision: tests fail on a statement
 * that is missing here, and on one that never runs.
 */
export const STATEMENTS = {
  home: [...SESSION],
  signup: [...TRANSACTION, ...LOG_IN, 'INSERT passwords', 'INSERT users'],
  login: [...TRANSACTION, ...SESSION, ...LOG_IN, PASSWORD, 'SELECT sessions'],
  account: [
    ...TRANSACTION,
    ...SESSION,
    PASSWORD,
    'DELETE sessions',
    'DELETE users',
    'INSERT passwords',
    'INSERT sessions',
    'SELECT sessions',
    'UPDATE users',
  ],
  community: [
    ...SESSION,
    'SELECT friendships users',
    'SELECT users blocks',
    'SELECT users blocks friendships locations',
  ],
  friends: [
    ...TRANSACTION,
    ...SESSION,
    'DELETE blocks',
    'DELETE friendships',
    'INSERT blocks',
    'INSERT friendships',
    'SELECT blocks',
    'SELECT blocks users',
    'SELECT friendships',
    'SELECT friendships users',
    'SELECT users',
    'SELECT users blocks',
    'UPDATE friendships',
  ],
  polls: [...SESSION, POLL],
  vote: [
    ...TRANSACTION,
    ...SESSION,
    POLL,
    'DELETE votes',
    'INSERT votes',
    'SELECT polls poll_choices votes',
    'UPDATE votes',
  ],
  results: [...SESSION, POLL, 'SELECT vote_counts polls poll_choices votes'],
  toolkit: [...SESSION, 'SELECT videos playlists feed_subscriptions locations'],
  videos: [...TRANSACTION, ...SESSION, 'DELETE videos', 'INSERT videos', 'SELECT videos', 'UPDATE videos'],
  playlist: [...SESSION, 'INSERT playlists', 'SELECT playlists'],
  location: [
    ...SESSION,
    'DELETE locations',
    'INSERT locations',
    'SELECT locations',
    'SELECT locations users friendships',
  ],
  admin: [
    ...TRANSACTION,
    ...SESSION,
    POLL,
    'DELETE poll_choices',
    'DELETE polls',
    'DELETE votes',
    'INSERT poll_choices',
    'INSERT polls',
    'SELECT polls',
    'SELECT votes',
    'UPDATE poll_choices',
    'UPDATE polls',
  ],
  statistics: [
    ...SESSION,
    'SELECT poll_choices vote_counts polls',
    'SELECT sign_ups',
    'SELECT table_rows kept_counts',
  ],
  news: [
    ...TRANSACTION,
    ...SESSION,
    'DELETE feed_subscriptions',
    'INSERT feed_subscriptions',
    'INSERT feeds',
    'SELECT feed_subscriptions feeds',
    'UPDATE feed_subscriptions',
    'UPDATE feeds',
  ],
  // The start and its migrations, the checks, readiness, and the closing of the database.
  [NO_PAGE]: ['BEGIN', 'COMMIT', 'MIGRATE', 'PRAGMA', 'SELECT table_rows'],
} satisfies Record<string, readonly string[]>

/** Values of `config.page`. */
export type Page = Exclude<keyof typeof STATEMENTS, typeof NO_PAGE>
export const PAGES = Object.keys(STATEMENTS).filter((name) => name !== NO_PAGE) as readonly Page[]
