import type { Test } from 'tap'
import { temporaryFile } from '../db/temporary-database.ts'
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
