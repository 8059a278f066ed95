import { isLocked } from './lock-wait.ts'
import type { KeptStatement, StatementCache } from './statement-cache.ts'

/** Rows of one execution, fetched in chunks. Its creator must close it. */
export class RowStream {
  readonly #kept: KeptStatement
  readonly #rows: IterableIterator<unknown>
  readonly #startedAtMs: number
  readonly #chunkSize: number
  #isOpen = true
  firstRows: unknown[] = []

  private constructor(
    kept: KeptStatement,
    rows: IterableIterator<unknown>,
    startedAtMs: number,
    chunkSize: number,
  ) {
    this.#kept = kept
    this.#rows = rows
    this.#startedAtMs = startedAtMs
    this.#chunkSize = chunkSize
  }

  /** Fetches the first rows at once: a locked database shows here, where the statement can be repeated. */
  static open(
    statements: StatementCache,
    sql: string,
    parameters: readonly unknown[],
    chunkSize: number,
  ): RowStream {
    const startedAtMs = performance.now()
    const kept = statements.get(sql)
    const rows = iterate(kept, parameters, startedAtMs)
    const stream = new RowStream(kept, rows, startedAtMs, chunkSize)
    stream.firstRows = stream.nextRows()
    return stream
  }

  /** Empty when there are no more. */
  nextRows(): unknown[] {
    const chunk: unknown[] = []
    try {
      while (chunk.length < this.#chunkSize) {
        const next = this.#rows.next()
        if (next.done) break
        chunk.push(next.value)
      }
    } catch (error) {
      this.close(error)
      throw error
    }
    if (chunk.length < this.#chunkSize) this.close()
    return chunk
  }

  close(error?: unknown): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#rows.return?.()
    if (!isLocked(error)) this.#kept.probe(this.#startedAtMs, performance.now(), error)
  }
}

/** Parameters are bound here, so that it can fail like an execution. */
function iterate({ statement, probe }: KeptStatement, parameters: readonly unknown[], startedAtMs: number) {
  try {
    return statement.iterate(parameters)
  } catch (error) {
    if (!isLocked(error)) probe(startedAtMs, performance.now(), error)
    throw error
  }
}
