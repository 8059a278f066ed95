import type Sqlite from 'better-sqlite3'
import type { DatabaseObserver, StatementDescription, StatementProbe } from './observer.ts'
import { describeStatement } from './statement-description.ts'

export interface KeptStatement {
  readonly statement: Sqlite.Statement<unknown[], unknown>
  readonly probe: StatementProbe
}

/**
 * Prepared statements by their text, the least recently used one dropped first. Preparing costs as much as running a
 * small query. Bounded, because a list of parameters (`in (?, ?, …)`) makes a new text for each length.
 */
export class StatementCache {
  readonly #raw: Sqlite.Database
  readonly #observer: DatabaseObserver
  readonly #maxStatements: number
  readonly #kept = new Map<string, KeptStatement>()
  #describe: (sql: string) => StatementDescription = describeStatement

  constructor(raw: Sqlite.Database, observer: DatabaseObserver, maxStatements: number) {
    this.#raw = raw
    this.#observer = observer
    this.#maxStatements = maxStatements
  }

  /** Throws SQLite's error for a text that it cannot prepare. */
  get(sql: string): KeptStatement {
    const kept = this.#kept.get(sql)
    if (kept === undefined) return this.#keep(sql)
    // A Map keeps the order of insertion: a used statement moves to the young end.
    this.#kept.delete(sql)
    this.#kept.set(sql, kept)
    return kept
  }

  /** From now on every statement has this name; `undefined` restores the statements' own. Empties the cache. */
  nameAll(name: string | undefined): void {
    this.#describe =
      name === undefined
        ? describeStatement
        : (sql) => ({ sql, operation: name, collection: undefined, summary: name })
    this.#kept.clear()
  }

  get size(): number {
    return this.#kept.size
  }

  #keep(sql: string): KeptStatement {
    const statement = this.#raw.prepare<unknown[], unknown>(sql)
    const kept = { statement, probe: this.#observer.statement(this.#describe(sql)) }
    this.#kept.set(sql, kept)
    if (this.#kept.size > this.#maxStatements) {
      const [oldest] = this.#kept.keys()
      this.#kept.delete(oldest as string)
    }
    return kept
  }
}
