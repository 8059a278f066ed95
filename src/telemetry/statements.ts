import {
  ATTR_DB_COLLECTION_NAME,
  ATTR_DB_OPERATION_NAME,
  ATTR_DB_QUERY_SUMMARY,
} from '@opentelemetry/semantic-conventions'
import { NO_PAGE, type PAGES } from './attribute-values.ts'

const TRANSACTION = ['BEGIN', 'COMMIT', 'ROLLBACK']
/** Who asks, and that they did. */
const SESSION = ['SELECT sessions users', 'UPDATE sessions']
const PASSWORD = 'SELECT users passwords seed_password'

/**
 * What the service asks its database, by the page whose requests ask: verb and tables, as telemetry names a statement.
 * Each is a series for each way in which it can end, so a new one is a decision: tests fail on a statement that is not
 * here, and on one that is here and never runs.
 */
export const STATEMENTS: Readonly<
  Partial<Record<(typeof PAGES)[number] | typeof NO_PAGE, readonly string[]>>
> = {
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
  // Migrations, which are not rolled back but end the start; checks and readiness; what closes the database.
  [NO_PAGE]: [
    'ALTER new_users',
    'BEGIN',
    'COMMIT',
    'CREATE blocks',
    'CREATE blocks table_rows',
    'CREATE friendships',
    'CREATE friendships table_rows',
    'CREATE kysely_migration',
    'CREATE kysely_migration_lock',
    'CREATE new_users',
    'CREATE passwords',
    'CREATE seed_password',
    'CREATE sessions',
    'CREATE sessions table_rows',
    'CREATE table_rows',
    'CREATE users',
    'CREATE users table_rows',
    'DELETE sqlite_sequence',
    'DROP users',
    'INSERT kysely_migration',
    'INSERT kysely_migration_lock',
    'INSERT new_users users',
    'INSERT table_rows',
    'PRAGMA',
    'SELECT kysely_migration',
    'SELECT kysely_migration_lock',
    'SELECT sqlite_master',
    'SELECT table_rows',
    'UPDATE sqlite_sequence',
  ],
}

/** Distinct ones, whoever asks. */
export const SUMMARIES: readonly string[] = [...new Set(Object.values(STATEMENTS).flat())].sort()

/** The attributes of a statement, from its summary: the verb, and the first table where it has one. */
export function statementAttributes(summary: string): Record<string, string> {
  const [operation = '', collection] = summary.split(' ')
  return {
    [ATTR_DB_OPERATION_NAME]: operation,
    ...(collection !== undefined && { [ATTR_DB_COLLECTION_NAME]: collection }),
    [ATTR_DB_QUERY_SUMMARY]: summary,
  }
}

/** The values of one of those attributes. */
export function statementValues(attribute: string): readonly string[] {
  const values = SUMMARIES.map((summary) => statementAttributes(summary)[attribute])
  return [...new Set(values.filter((value) => value !== undefined))].sort()
}
