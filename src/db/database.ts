import { mkdirSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import Sqlite from 'better-sqlite3'
import { Kysely, type QueryResult } from 'kysely'
import type { Tables } from '../../migrations/index.ts'
import { DatabaseError } from './database-error.ts'
import { SqliteDialect } from './dialect.ts'
import { SqliteDriver } from './driver.ts'
import { execute, type RowShape } from './execute.ts'
import { isLocked, retryWhileLocked } from './lock-wait.ts'
import type { DatabaseObserver } from './observer.ts'
import { applyPragmas } from './pragmas.ts'
import { StatementCache } from './statement-cache.ts'

export type { Tables }
export type Database = Kysely<Tables>

export interface DatabaseOptions {
  /** `sqlite:` and a path, or `sqlite::memory:`. */
  readonly url: string
  /** Longest wait for another process's lock before a write throws DatabaseLockedError. */
  readonly busyTimeoutMs: number
  readonly observer: DatabaseObserver
}

/** The service has about a hundred texts; the rest is room for lists of different lengths. */
const KEPT_STATEMENTS = 256

/**
 * Opens the file; makes it and its folder if they are missing; does not migrate. `destroy()` closes it.
 *
 * Every query that reaches SQLite is observed, the queries of opening included. Throws {@link DatabaseError}.
 */
export function openDatabase({ url, busyTimeoutMs, observer }: DatabaseOptions): SqliteDatabase {
  const path = pathOf(url)
  const inMemory = path === ':memory:'
  try {
    // The file holds addresses and password hashes: only the owner may enter a folder that we make.
    if (!inMemory) mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    // No busy handler: it would block the thread. The driver waits instead.
    const raw = new Sqlite(path, { timeout: 0 })
    try {
      return configure(raw, inMemory, { busyTimeoutMs, observer })
    } catch (error) {
      raw.close()
      throw error
    }
  } catch (error) {
    throw explain(error, path)
  }
}

function configure(
  raw: Sqlite.Database,
  inMemory: boolean,
  { busyTimeoutMs, observer }: Omit<DatabaseOptions, 'url'>,
): SqliteDatabase {
  const statements = new StatementCache(raw, observer, KEPT_STATEMENTS)
  const query = (sql: string) => execute(statements, sql, []).rows
  retryWhileLocked(busyTimeoutMs, () => applyPragmas(query, inMemory))
  if (!inMemory) proveWritable(query)
  return new SqliteDatabase(new SqliteDriver({ raw, statements, observer, busyTimeoutMs }))
}

/**
 * Writes the value that is there already. A read-only file opens and reads well, and would fail the first request that
 * changes something. A file that another process is writing to is writable.
 */
function proveWritable(query: (sql: string) => unknown[]): void {
  const [row] = query('pragma user_version') as [{ user_version: number }]
  try {
    query('begin immediate')
  } catch (error) {
    if (isLocked(error)) return
    throw error
  }
  query(`pragma user_version = ${row.user_version}`)
  query('commit')
}

export class SqliteDatabase extends Kysely<Tables> {
  readonly #driver: SqliteDriver

  constructor(driver: SqliteDriver) {
    super({ dialect: new SqliteDialect(driver) })
    this.#driver = driver
  }

  /** Runs a text outside of any transaction, without Kysely's own work on each query. */
  run(
    sql: string,
    parameters: readonly unknown[],
    shape: RowShape,
  ): QueryResult<unknown> | Promise<QueryResult<unknown>> {
    return this.#driver.run(sql, parameters, shape)
  }

  /**
   * During `work`, the observer sees all statements under this one name instead of their verb and tables. No other
   * query may use the connection meanwhile.
   */
  async underOneName<T>(name: string, work: () => Promise<T>): Promise<T> {
    this.#driver.nameStatements(name)
    try {
      return await work()
    } finally {
      this.#driver.nameStatements(undefined)
    }
  }

  /** Kysely closes only a driver that a query has used. */
  override async destroy(): Promise<void> {
    await super.destroy()
    await this.#driver.destroy()
  }
}

function pathOf(url: string): string {
  const path = /^sqlite:(.+)$/.exec(url)?.[1]
  if (path === undefined)
    throw new DatabaseError(`DATABASE_URL is "${url}"; set it to sqlite: and the path of a file.`)
  return path === ':memory:' ? path : resolve(path)
}

function explain(error: unknown, path: string): unknown {
  if (error instanceof DatabaseError) return error
  const code = String((error as { code?: unknown }).code)
  const sentence = isLocked(error)
    ? `The database ${path} is locked by another process; end it, or try again when it has finished.`
    : sentenceFor(code, path)
  return sentence === undefined ? error : new DatabaseError(sentence, { cause: error })
}

function sentenceFor(code: string, path: string): string | undefined {
  if (/^SQLITE_(CANTOPEN|READONLY|PERM|AUTH)|^(EACCES|EPERM|EROFS|EEXIST|ENOENT|ENOTDIR|EISDIR)$/.test(code))
    return `The database ${path} cannot be written; make the file and its folder writable, or set DATABASE_URL to another place.`
  if (code === 'SQLITE_NOTADB')
    return `The file ${path} is not a database; move it away, or set DATABASE_URL to another file.`
  if (code.startsWith('SQLITE_CORRUPT')) return `The database ${path} is damaged; put a backup in its place.`
  if (/^SQLITE_(FULL|IOERR)|^(ENOSPC|EIO)$/.test(code))
    return `The disk with the database ${path} is full or broken (${code}); make room, or set DATABASE_URL to another disk.`
  return undefined
}
