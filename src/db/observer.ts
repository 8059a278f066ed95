/**
 * What the database layer tells whoever measures it. The layer knows no telemetry: a wrapper that
 * implements this port is handed in when the database is opened.
 *
 * Nothing here may throw, wait or keep a reference to a query's parameters.
 */
export interface DatabaseObserver {
  /**
   * Called for each distinct SQL text when it is prepared, and once more if it was dropped from the statement cache in
   * between; what it returns is called for every execution.
   */
  statement(description: StatementDescription): StatementProbe
  /**
   * A query, stream or transaction waited this long for its turn on the connection and for locks of other processes,
   * in seconds. Called once for each, 0 included, when it gives the connection back.
   */
  connectionWait(seconds: number): void
}

/**
 * One execution has ended: from handing the query to the driver until its rows were fetched.
 * Both times are `performance.now()` milliseconds; `error` is undefined when it succeeded.
 * Called synchronously in the asynchronous context of whoever asked. An attempt that another process's lock refused
 * executed nothing and is not heard of: it is waiting. Nor is a text that SQLite cannot prepare.
 */
export type StatementProbe = (startedAtMs: number, endedAtMs: number, error: unknown) => void

export interface StatementDescription {
  /** Parameterised text; never holds a value. */
  readonly sql: string
  /** Upper-case verb: `SELECT`, `INSERT`, `BEGIN`, …; behind `WITH`, that of the main statement. */
  readonly operation: string
  /** First table of the statement, where it has one. */
  readonly collection: string | undefined
  /** `{operation} {tables}`, at most 255 characters (OpenTelemetry database conventions). */
  readonly summary: string
}

export const unobserved: DatabaseObserver = {
  statement: () => () => {},
  connectionWait: () => {},
}
