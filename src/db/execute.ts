import type { QueryResult } from 'kysely'
import { isLocked } from './lock-wait.ts'
import type { KeptStatement, StatementCache } from './statement-cache.ts'

/** Rows as objects, or only the value of each row's first column. */
export type RowShape = 'objects' | 'values'

/** Runs one statement to its end and tells its probe, unless a lock refused it: then nothing was executed. */
export function execute(
  statements: StatementCache,
  sql: string,
  parameters: readonly unknown[],
  shape: RowShape = 'objects',
): QueryResult<unknown> {
  const startedAtMs = performance.now()
  const { statement, probe } = statements.get(sql)
  let result: QueryResult<unknown>
  try {
    if (statement.reader) {
      result = { rows: shape === 'values' ? allValues(statement, parameters) : statement.all(parameters) }
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

/** The cached statement is shared; its other users may want objects. */
function allValues(statement: KeptStatement['statement'], parameters: readonly unknown[]): unknown[] {
  statement.pluck(true)
  try {
    return statement.all(parameters)
  } finally {
    statement.pluck(false)
  }
}
