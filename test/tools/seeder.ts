import type { Test } from 'tap'
import { unobserved } from '../../src/db/observer.ts'
import { openMigrated, temporaryFile } from '../db/temporary-database.ts'
import { planDefects } from '../support/query-plans.ts'
import { runScript, startCommand } from './run-command.ts'

/** The command over a database of the test's own. */
export function seeder(t: Test) {
  const file = temporaryFile(t)
  const env = { DATABASE_URL: `sqlite:${file}` }
  return {
    file,
    start: (...args: string[]) => startCommand('seed', args, env),
    async seed(...args: string[]) {
      const result = await runScript('seed', args, env)
      t.equal(result.code, 0, result.stderr)
      return result
    },
  }
}

/** A database whose statements are noted; `defects` tells what is wrong with their plans. */
export async function openWatched(t: Test) {
  const statements = new Set<string>()
  const observer = {
    ...unobserved,
    statement({ sql }: { sql: string }) {
      statements.add(sql)
      return () => {}
    },
  }
  const { db, file } = await openMigrated(t, { observer })
  // Those of the migrations name tables that are gone.
  statements.clear()
  return { db, defects: () => planDefects(file, statements) }
}
