import { NO_PAGE } from '@rollcall/fastify-route-telemetry'

const TRANSACTION = ['BEGIN', 'COMMIT', 'ROLLBACK']
/** Who asks, and that they did. */
const SESSION = ['SELECT sessions users', 'UPDATE sessions']
const PASSWORD = 'SELECT users passwords seed_password'

/**
 * Every page, and what its requests ask the database: verb and tables, as telemetry names a statement. A page is a series
 * of every metric that carries `page`, a statement one for each way in which it can end, so a new one is a decision:
 * tests fail on one that is not here, and on a statement that is here and never runs.
 */
export const STATEMENTS = {
  home: [] as string[],
  signup: [...TRANSACTION, 'INSERT passwords', 'INSERT users'],
  login: [...TRANSACTION, ...SESSION, PASSWORD, 'DELETE sessions', 'INSERT sessions', 'SELECT sessions'],
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
  community: [...SESSION, 'SELECT users blocks'],
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
  // The start and its migrations, the checks, readiness, and what closes the database.
  [NO_PAGE]: ['BEGIN', 'COMMIT', 'MIGRATE', 'PRAGMA', 'SELECT table_rows'],
} satisfies Record<string, readonly string[]>

/** Values of `config.page`. */
export type Page = Exclude<keyof typeof STATEMENTS, typeof NO_PAGE>
export const PAGES = Object.keys(STATEMENTS).filter((name) => name !== NO_PAGE) as readonly Page[]
