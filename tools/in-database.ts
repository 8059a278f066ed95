import { readConfig } from '../src/config.ts'
import { type Database, openDatabase } from '../src/db/database.ts'
import { migrateToLatest } from '../src/db/migrate.ts'
import { unobserved } from '../src/db/observer.ts'

/** Works in the database of DATABASE_URL, which may be new or of an older version, beside a running service. */
export async function inDatabase<T>(work: (db: Database) => Promise<T>): Promise<T> {
  const config = readConfig(process.env)
  const db = openDatabase({
    url: config.databaseUrl,
    busyTimeoutMs: config.databaseBusyTimeoutMs,
    observer: unobserved,
  })
  try {
    await migrateToLatest(db)
    return await work(db)
  } finally {
    await db.destroy()
  }
}
