import { DatabaseSync } from 'node:sqlite'

/** SQLite's result codes (sqlite.org/rescode.html). */
const SQLITE_BUSY = 5

/**
 * Locks a file, which is made if it is not there and stays empty, until it is unlocked or the process ends, in
 * whichever way. Returns what unlocks it, or undefined when somebody else has it. Throws where it cannot be written.
 *
 * The lock is the operating system's, which Node offers only through SQLite: its own, so that nobody takes it for a
 * query of the service's database.
 */
export function lockFile(path: string): (() => void) | undefined {
  const file = new DatabaseSync(path, { timeout: 0 })
  try {
    file.exec('BEGIN EXCLUSIVE')
    return () => {
      if (file.isOpen) file.close()
    }
  } catch (error) {
    file.close()
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return undefined
    throw error
  }
}
