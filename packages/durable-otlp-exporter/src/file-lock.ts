import { DatabaseSync } from 'node:sqlite'

/** SQLite's result codes (sqlite.org/rescode.html). */
const SQLITE_BUSY = 5

/**
 * Locks a file until it is unlocked or the process ends in any way. The file is made if missing, and stays empty. Returns
 * the unlocking function, or undefined if another process has the lock. Throws if the file cannot be written.
 *
 * The lock is the operating system's. Node offers it only through SQLite, here on a file of its own: it is no query of the
 * service's database.
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
