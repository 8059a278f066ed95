import { setImmediate } from 'node:timers/promises'
import { sql } from 'kysely'
import { openDatabase } from '../../src/db/database.ts'
import { unobserved } from '../../src/db/observer.ts'
import { type Percentiles, percentilesOfValues } from './statistics.ts'

/** The same search twice, in the database alone: over the index of names, and over the table from end to end. */
export interface SearchShape {
  readonly tableRows: number
  readonly indexed: Percentiles
  readonly unindexed: Percentiles
  readonly runs: number
}

const RUNS_MAX = 200
const RUNS_MIN = 20
/** For each of the two; a scan of a million rows takes a tenth of a second. */
const TIME_MS = 2000

/**
 * Members whose name starts with two letters, at most 51 of them, as for a page of 50. `not indexed` forbids SQLite
 * every index, so the second query has the cost of a missing index, on the very same file.
 */
const SEARCHES = {
  indexed: (from: string, to: string) =>
    sql`select id, name, joined_at from users where name_key >= ${from} and name_key < ${to} order by name_key, id limit 51`,
  unindexed: (from: string, to: string) =>
    sql`select id, name, joined_at from users not indexed where name_key >= ${from} and name_key < ${to} order by name_key, id limit 51`,
}

export async function measureSearch(
  databaseUrl: string,
  tableRows: number,
  signal: AbortSignal,
): Promise<SearchShape> {
  let seconds: number[] = []
  const observer = {
    ...unobserved,
    statement: () => (startedAtMs: number, endedAtMs: number) => {
      seconds.push((endedAtMs - startedAtMs) / 1000)
    },
  }
  const db = openDatabase({ url: databaseUrl, busyTimeoutMs: 5000, observer })
  try {
    const time = async (search: (typeof SEARCHES)['indexed']) => {
      await search('a', 'b').execute(db)
      seconds = []
      const startedAt = performance.now()
      while (
        seconds.length < RUNS_MIN ||
        (seconds.length < RUNS_MAX && performance.now() - startedAt < TIME_MS)
      ) {
        signal.throwIfAborted()
        // Signals are heard between two turns of the event loop, and SQLite's queries alone leave no turn.
        await setImmediate()
        const [one, other] = [seconds.length % 26, Math.floor(seconds.length / 26) % 26]
        const prefix = String.fromCharCode(97 + one, 97 + other)
        await search(prefix, `${prefix}\u{10ffff}`).execute(db)
      }
      return seconds
    }
    const indexed = await time(SEARCHES.indexed)
    const unindexed = await time(SEARCHES.unindexed)
    return {
      tableRows,
      runs: Math.min(indexed.length, unindexed.length),
      indexed: percentilesOfValues(indexed),
      unindexed: percentilesOfValues(unindexed),
    }
  } finally {
    await db.destroy()
  }
}
