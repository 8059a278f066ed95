import { setTimeout as sleep } from 'node:timers/promises'
import type Sqlite from 'better-sqlite3'
import type {
  AbortableOperationOptions,
  CompiledQuery,
  DatabaseConnection,
  Driver,
  QueryResult,
  TransactionSettings,
} from 'kysely'
import { Turns } from '../turns.ts'
import { DatabaseLockedError } from './database-error.ts'
import { execute, type RowShape } from './execute.ts'
import { isLocked, pauseMs } from './lock-wait.ts'
import type { DatabaseObserver } from './observer.ts'
import { RowStream } from './row-stream.ts'
import type { StatementCache } from './statement-cache.ts'

export interface SqliteDriverOptions {
  readonly raw: Sqlite.Database
  readonly statements: StatementCache
  readonly observer: DatabaseObserver
  readonly busyTimeoutMs: number
}

/** Shared by all connections: one physical connection, and the queue for it. */
interface Engine extends SqliteDriverOptions {
  readonly turns: Turns
}

/**
 * One physical connection, used by one query or transaction at a time in the order of asking: SQLite has one writer,
 * and a single reader never starves the checkpoints that keep the write-ahead log short.
 */
export class SqliteDriver implements Driver {
  readonly #engine: Engine
  #closing: Promise<void> | undefined

  constructor(options: SqliteDriverOptions) {
    this.#engine = { ...options, turns: new Turns({ atOnce: 1 }) }
  }

  /** The file is open already: its defects are reported at the start, not by the first query. */
  async init(): Promise<void> {}

  async acquireConnection(): Promise<SqliteConnection> {
    const connection = new SqliteConnection(this.#engine)
    await connection.takeTurn()
    return connection
  }

  /**
   * Runs one statement on a connection of its own. If it need not wait, which is nearly always, it allocates nothing.
   */
  run(
    sql: string,
    parameters: readonly unknown[],
    shape: RowShape,
  ): QueryResult<unknown> | Promise<QueryResult<unknown>> {
    const { turns, statements, observer } = this.#engine
    if (!turns.tryTake()) return this.#runInTurn(sql, parameters, shape)
    let wasLocked = false
    try {
      return execute(statements, sql, parameters, shape)
    } catch (error) {
      wasLocked = isLocked(error)
      if (!wasLocked) throw error
    } finally {
      turns.give()
      if (!wasLocked) observer.connectionWait(0)
    }
    return this.#runInTurn(sql, parameters, shape)
  }

  async #runInTurn(
    sql: string,
    parameters: readonly unknown[],
    shape: RowShape,
  ): Promise<QueryResult<unknown>> {
    const connection = await this.acquireConnection()
    try {
      return await connection.execute(sql, parameters, { shape })
    } finally {
      connection.giveBack()
    }
  }

  nameStatements(name: string | undefined): void {
    this.#engine.statements.nameAll(name)
  }

  /** IMMEDIATE takes the write lock up front, so that a transaction can be refused only at its beginning. */
  async beginTransaction(connection: SqliteConnection, settings: TransactionSettings): Promise<void> {
    await connection.run(settings.accessMode === 'read only' ? 'begin deferred' : 'begin immediate')
  }

  async commitTransaction(connection: SqliteConnection): Promise<void> {
    await connection.run('commit')
  }

  /** After a full disk or an I/O error SQLite has rolled back by itself; a second one would hide that error. */
  async rollbackTransaction(connection: SqliteConnection): Promise<void> {
    if (this.#engine.raw.inTransaction) await connection.run('rollback')
  }

  async releaseConnection(connection: SqliteConnection): Promise<void> {
    connection.giveBack()
  }

  /** Waits for the queries in the queue, and refuses later ones. */
  destroy(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const { turns, raw } = this.#engine
    const connection = await this.acquireConnection()
    try {
      await connection.run('pragma optimize')
    } catch {
      // It only refreshes the planner's statistics: a lock or a full disk must not keep the file open.
    }
    turns.close(new Error('The database is closed.'))
    raw.close()
  }
}

/**
 * The connection as one query, stream or transaction sees it, from its turn until it is given back.
 *
 * A lock of another process is waited for without blocking the event loop and without keeping the turn, so that reads
 * go on. Attempts that SQLite refused with `SQLITE_BUSY` are waiting, not queries: they change nothing, no probe hears
 * of them, and their time is in `connectionWait`. A text that cannot be prepared was not executed either.
 */
export class SqliteConnection implements DatabaseConnection {
  readonly #engine: Engine
  #stream: RowStream | undefined
  #hasTurn = false
  #isGivenBack = false
  #waitedMs = 0

  constructor(engine: Engine) {
    this.#engine = engine
  }

  async takeTurn(): Promise<void> {
    const wait = this.#engine.turns.take()
    if (wait !== undefined) {
      const startedAt = performance.now()
      await wait
      this.#waitedMs += performance.now() - startedAt
    }
    this.#hasTurn = true
  }

  /** Leaves nothing open, even if the borrower forgot to. */
  giveBack(): void {
    const { raw, observer, statements, turns } = this.#engine
    this.#isGivenBack = true
    this.#stream?.close()
    if (this.#hasTurn) {
      this.#hasTurn = false
      try {
        if (raw.inTransaction) execute(statements, 'rollback', [])
      } finally {
        turns.give()
      }
    }
    observer.connectionWait(this.#waitedMs / 1000)
  }

  async run(sql: string): Promise<void> {
    await this.execute(sql, [])
  }

  async executeQuery<R>(query: CompiledQuery, options?: AbortableOperationOptions): Promise<QueryResult<R>> {
    return (await this.execute(query.sql, query.parameters, { signal: options?.signal })) as QueryResult<R>
  }

  execute(
    sql: string,
    parameters: readonly unknown[],
    { shape, signal }: { shape?: RowShape; signal?: AbortSignal | undefined } = {},
  ): Promise<QueryResult<unknown>> {
    return this.#whenUnlocked(() => execute(this.#engine.statements, sql, parameters, shape), signal)
  }

  /**
   * Its time runs until the last row was fetched, pauses of the reader included. Kysely starts nothing else on a
   * connection before its stream has ended, so a statement that still iterates is never executed a second time.
   */
  async *streamQuery<R>(
    query: CompiledQuery,
    chunkSize: number,
    options?: AbortableOperationOptions,
  ): AsyncIterableIterator<QueryResult<R>> {
    const open = () => RowStream.open(this.#engine.statements, query.sql, query.parameters, chunkSize)
    const stream = await this.#whenUnlocked(open, options?.signal)
    this.#stream = stream
    try {
      for (let rows = stream.firstRows; rows.length > 0; rows = stream.nextRows()) yield { rows: rows as R[] }
    } finally {
      stream.close()
    }
  }

  async #whenUnlocked<T>(attempt: () => T, signal?: AbortSignal): Promise<T> {
    // A query that stood aside and was refused has left its turn to others.
    if (!this.#hasTurn) await this.#retakeTurn()
    let deadline: number | undefined
    for (let attempts = 0; ; attempts++) {
      try {
        return attempt()
      } catch (error) {
        if (!isLocked(error)) throw error
        const now = performance.now()
        deadline ??= now + this.#engine.busyTimeoutMs
        // Inside a transaction something may have happened already, so that one statement cannot be repeated alone.
        if (now >= deadline || this.#engine.raw.inTransaction) throw new DatabaseLockedError({ cause: error })
        await this.#standAside(Math.min(pauseMs(attempts), deadline - now), signal)
      }
    }
  }

  async #standAside(ms: number, signal: AbortSignal | undefined): Promise<void> {
    const startedAt = performance.now()
    this.#hasTurn = false
    this.#engine.turns.give()
    try {
      await sleep(ms, undefined, signal && { signal })
    } finally {
      this.#waitedMs += performance.now() - startedAt
    }
    await this.#retakeTurn()
  }

  /** A query without a waiting caller must not run on a connection that would never be given back again. */
  async #retakeTurn(): Promise<void> {
    if (!this.#isGivenBack) await this.takeTurn()
    if (!this.#isGivenBack) return
    if (this.#hasTurn) this.#engine.turns.give()
    this.#hasTurn = false
    throw new Error('The connection was given back while a query still waited on it.')
  }
}
