import type { QueryResult } from 'kysely'
import { isLocked } from './lock-wait.ts'
import type { StatementCache } from './statement-cache.ts'

/** Runs one statement to its end and tells its probe, unless a lock refused it: then nothing was executed. */
export function execute(
  statements: StatementCache,
  sql: string,
  parameters: readonly unknown[],
): QueryResult<unknown> {
  const startedAtMs = performance.now()
  const { statement, probe } = statements.get(sql)
  let result: QueryResult<unknown>
  try {
    if (statement.reader) {
      result = { rows: statement.all(parameters) }
    } else {
      const { changes, lastInsertRowid } = statement.run(parameters)
      result = { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) }
    }
  } catch (error) {
    if (!isLocked(error)) probe(startedAtMs, performance.now(), error)
    throw error
  }
  probe(startedAtMs, performance.now(), undefined)
  return result
}
