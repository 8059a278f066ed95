import { sql } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'
import { MIGRATIONS } from '../../migrations/index.ts'
import type { Database, SqliteDatabase } from './database.ts'
import { DatabaseError, DatabaseLockedError } from './database-error.ts'

/**
 * Brings the schema to this version. Everything happens in one IMMEDIATE transaction, Kysely's own tables included: if
 * several processes start at once, one migrates and the others find it done, and a failed migration leaves nothing
 * behind. Throws {@link DatabaseError}.
 *
 * A migration may rebuild a table that others refer to: foreign keys are checked at its end only. Call it before
 * anything else uses the connection.
 *
 * The observer sees all its statements under the one name `MIGRATE`: each would be a series for every outcome, for work
 * that runs once.
 */
export async function migrateToLatest(
  db: SqliteDatabase,
  migrations: Readonly<Record<string, Migration>> = MIGRATIONS,
): Promise<void> {
  await db.underOneName('MIGRATE', () => migrate(db, migrations))
}

async function migrate(db: Database, migrations: Readonly<Record<string, Migration>>): Promise<void> {
  try {
    // Inside a transaction it would be ignored.
    await sql`pragma foreign_keys = 0`.execute(db)
    await db.transaction().execute(async (transaction) => {
      await refuseNewer(transaction, migrations)
      const provider = { getMigrations: async () => ({ ...migrations }) }
      const { error, results } = await new Migrator({ db: transaction, provider }).migrateToLatest()
      if (error === undefined && results?.length) await refuseStrayRows(transaction)
      if (error === undefined) return
      const failed = results?.find((result) => result.status === 'Error')
      throw new DatabaseError(
        `${failed ? `Migration ${failed.migrationName}` : 'The migration'} failed and left the database as it was (${describe(error)}); start the version that this database belongs to, or report this.`,
        { cause: error },
      )
    })
  } catch (error) {
    if (error instanceof DatabaseLockedError)
      throw new DatabaseError(
        'The database is locked by another process; end it, or try again when it has finished.',
        { cause: error },
      )
    throw error
  } finally {
    await sql`pragma foreign_keys = 1`.execute(db)
  }
}

async function refuseStrayRows(db: Database): Promise<void> {
  const { rows } = await sql<{ table: string; parent: string }>`pragma foreign_key_check`.execute(db)
  const [stray] = rows
  if (stray !== undefined)
    throw new DatabaseError(
      `The migration failed and left the database as it was (a row of ${stray.table} refers to a row of ${stray.parent} that is not there); put a backup in its place.`,
    )
}

/** Kysely would report corrupted migrations. */
async function refuseNewer(db: Database, migrations: Readonly<Record<string, Migration>>): Promise<void> {
  const journal = db.$extendTables<{ sqlite_master: { name: string }; kysely_migration: { name: string } }>()
  const exists = await journal
    .selectFrom('sqlite_master')
    .select('name')
    .where('name', '=', 'kysely_migration')
    .executeTakeFirst()
  if (exists === undefined) return
  const applied = await journal.selectFrom('kysely_migration').select('name').orderBy('name').execute()
  const unknown = applied.find(({ name }) => !Object.hasOwn(migrations, name))
  if (unknown !== undefined)
    throw new DatabaseError(
      `The database was written by a newer version (it has migration ${unknown.name}); start that version, or set DATABASE_URL to another file.`,
    )
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
