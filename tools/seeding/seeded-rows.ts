import type { Database } from '../../src/db/database.ts'
import type { Step } from './short-transactions.ts'

/** Tables whose seeded rows are numbered from 1, in `seed_number`. */
type SeededTable = 'users' | 'polls'

/** The number of rows with a seed number above this one. */
export async function countSeeded(db: Database, table: SeededTable, above = 0): Promise<number> {
  const { count } = await db
    .selectFrom(table)
    .select((row) => row.fn.countAll<number>().as('count'))
    .where('seed_number', '>', above)
    .executeTakeFirstOrThrow()
  return count
}

/** Highest numbers first, so that an interrupted run leaves 1…M and no holes. */
export async function removeAbove(
  tx: Database,
  table: SeededTable,
  number: number,
  limit: number,
): Promise<Step> {
  const { numDeletedRows } = await tx
    .deleteFrom(table)
    .where('id', 'in', (above) =>
      above
        .selectFrom(table)
        .select('id')
        .where('seed_number', '>', number)
        .orderBy('seed_number', 'desc')
        .limit(limit),
    )
    .executeTakeFirstOrThrow()
  const done = Number(numDeletedRows)
  return { done, isLast: done < limit }
}
