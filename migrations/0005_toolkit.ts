import { type Kysely, sql } from 'kysely'
import { strict } from './parts/table.ts'

/** What a member keeps for themselves: videos, a playlist, a place. Each goes with its account. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await strict(db.schema.createTable('videos'))
    // Never used again: a link to a deleted video must not lead to another one.
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('user_id', 'integer', (column) => column.notNull().references('users.id').onDelete('cascade'))
    .addColumn('position', 'integer', (column) => column.notNull().check(sql`position > 0`))
    .addColumn('title', 'text', (column) => column.notNull())
    .addColumn('provider', 'text', (column) =>
      column.notNull().check(sql`provider in ('youtube', 'vimeo', 'file')`),
    )
    .addColumn('provider_id', 'text')
    .addColumn('url', 'text', (column) => column.notNull())
    .addColumn('added_at', 'integer', (column) => column.notNull())
    .addCheckConstraint('videos_provider_id', sql`(provider = 'file') = (provider_id is null)`)
    .execute()
  // Not unique: SQLite checks each row of an update at once, and a move gives many rows their neighbour's position.
  await db.schema.createIndex('videos_by_user').on('videos').columns(['user_id', 'position', 'id']).execute()

  await strict(db.schema.createTable('playlists'))
    .addColumn('user_id', 'integer', (column) =>
      column.primaryKey().references('users.id').onDelete('cascade'),
    )
    .addColumn('version', 'integer', (column) => column.notNull().check(sql`version > 0`))
    .addColumn('entries', 'text', (column) => column.notNull())
    .execute()

  await strict(db.schema.createTable('locations'))
    .addColumn('user_id', 'integer', (column) =>
      column.primaryKey().references('users.id').onDelete('cascade'),
    )
    .addColumn('latitude', 'real', (column) => column.notNull().check(sql`latitude between -90 and 90`))
    .addColumn('longitude', 'real', (column) => column.notNull().check(sql`longitude between -180 and 180`))
    .addColumn('accuracy', 'real', (column) => column.check(sql`accuracy >= 0`))
    .addColumn('label', 'text')
    .addColumn('shared', 'integer', (column) => column.notNull().check(sql`shared in (0, 1)`))
    .addColumn('recorded_at', 'integer', (column) => column.notNull())
    .execute()
}
