/**
 * The port of the database layer for measurements. The layer knows no telemetry: an implementation is handed in when
 * the database is opened.
 *
 * Nothing here may throw, wait or keep a reference to a query's parameters.
 */
export interface DatabaseObserver {
  /**
   * Called for each distinct SQL text when it is prepared, and again if the statement cache had dropped it. The
   * returned function is called for every execution.
   */
  statement(description: StatementDescription): StatementProbe
  /**
   * A query, stream or transaction waited this long for its turn on the connection and for locks of other processes, in
   * seconds. Called once for each, 0 included, when it gives the connection back.
   */
  connectionWait(seconds: number): void
}

/**
 * One execution has ended: from handing the query to the driver until its rows were fetched. Both times are
 * `performance.now()` milliseconds; `error` is undefined on success. Called synchronously in the caller's asynchronous
 * context. Not called for an attempt that another process's lock refused, nor for a text that SQLite cannot prepare:
 * both executed nothing.
 */
export type StatementProbe = (startedAtMs: number, endedAtMs: number, error: unknown) => void

export interface StatementDescription {
  /** Parameterised text; never holds a value. */
  readonly sql: string
  /** Upper-case verb: `SELECT`, `INSERT`, `BEGIN`, …; behind `WITH`, that of the main statement. */
  readonly operation: string
  /** First table of the statement, if it has one. */
  readonly collection: string | undefined
  /** `{operation} {tables}`, at most 255 characters (OpenTelemetry database conventions). */
  readonly summary: string
}

export const unobserved: DatabaseObserver = {
  statement: () => () => {},
  connectionWait: () => {},
}
