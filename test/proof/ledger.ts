/**
 * The driver's own ledger, loaded before the service (`--import`): counts what better-sqlite3 really executed, below
 * everything of ours. The parent process asks for the count by message; at the end it is in LEDGER_FILE. An attempt that SQLite refuses for a lock
 * executed nothing and is no entry.
 */
import { writeFileSync } from 'node:fs'
import Sqlite from 'better-sqlite3'

let executed = 0

function isRefusedByLock(error: unknown): boolean {
  return String((error as { code?: unknown }).code).startsWith('SQLITE_BUSY')
}

function watch(prototype: Record<string, unknown>, method: string): void {
  const original = prototype[method] as (...args: unknown[]) => unknown
  prototype[method] = function counted(this: unknown, ...args: unknown[]) {
    try {
      const result = original.apply(this, args)
      executed += 1
      return result
    } catch (error) {
      if (!isRefusedByLock(error)) executed += 1
      throw error
    }
  }
}

const probe = new Sqlite(':memory:')
const statements = Object.getPrototypeOf(probe.prepare('select 1'))
for (const method of ['run', 'get', 'all', 'iterate']) watch(statements, method)
probe.close()
watch(Sqlite.prototype as unknown as Record<string, unknown>, 'exec')

process.on('exit', () => writeFileSync(process.env.LEDGER_FILE as string, String(executed)))
process.on('message', () => process.send?.({ executed }))
// Only an ear: the channel must not keep the service alive when it stops.
process.channel?.unref()
