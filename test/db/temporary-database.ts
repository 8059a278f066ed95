import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type DatabaseOptions, openDatabase } from '../../src/db/database.ts'
import { migrateToLatest } from '../../src/db/migrate.ts'
import { unobserved } from '../../src/db/observer.ts'

/** The path of a database file that does not exist yet, in a folder that goes with the test. */
export function temporaryFile(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-db-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'rollcall.db')
}

/** An open database with the whole schema in a file of its own, closed after the test. */
export async function openMigrated(t: Test, overrides: Partial<DatabaseOptions> & { file?: string } = {}) {
  const { file = temporaryFile(t), ...options } = overrides
  const db = openDatabase({ url: `sqlite:${file}`, busyTimeoutMs: 5000, observer: unobserved, ...options })
  t.teardown(() => db.destroy())
  await migrateToLatest(db)
  return { db, file }
}

let users = 0

/** A row for `users` that no other is equal to. */
export function newUser(name = 'Ada') {
  const email = `user-${++users}@example.com`
  return { name, name_key: name.toLowerCase(), email, email_key: email, joined_at: 1, seed_number: null }
}
