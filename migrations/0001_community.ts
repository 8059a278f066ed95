import { type Kysely, sql } from 'kysely'
import { countRows, strict } from './parts/table.ts'

/**
 * Accounts, sessions, friendships and blocks. Times are milliseconds since the Unix epoch.
 *
 * Rows are never replaced (`INSERT OR REPLACE`): SQLite would delete the old one without telling the counting
 * triggers.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await createUsers(db)
  await createSessions(db)
  await createFriendships(db)
  await createBlocks(db)
  await createTableRows(db)
}

async function createUsers(db: Kysely<unknown>): Promise<void> {
  await strict(db.schema.createTable('users'))
    // Ids are never used again: a cursor or a link to a deleted account must not lead to another one.
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('name_key', 'text', (column) => column.notNull())
    .addColumn('email', 'text', (column) => column.notNull())
    .addColumn('email_key', 'text', (column) => column.notNull().unique())
    .addColumn('joined_at', 'integer', (column) => column.notNull())
    .addColumn('seed_number', 'integer')
    .execute()
  await db.schema.createIndex('users_by_name').on('users').columns(['name_key', 'id']).execute()
  await db.schema
    .createIndex('users_by_seed_number')
    .on('users')
    .column('seed_number')
    .unique()
    .where(sql.ref('seed_number'), 'is not', null)
    .execute()

  await strict(db.schema.createTable('passwords'))
    .addColumn('user_id', 'integer', (column) =>
      column.primaryKey().references('users.id').onDelete('cascade'),
    )
    .addColumn('hash', 'text', (column) => column.notNull())
    .execute()
  await strict(db.schema.createTable('seed_password'))
    .addColumn('id', 'integer', (column) => column.primaryKey().check(sql`id = 1`))
    .addColumn('hash', 'text', (column) => column.notNull())
    .execute()
}

async function createSessions(db: Kysely<unknown>): Promise<void> {
  await strict(db.schema.createTable('sessions'))
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('user_id', 'integer', (column) => column.notNull().references('users.id').onDelete('cascade'))
    .addColumn('token_hash', 'blob', (column) =>
      column.notNull().unique().check(sql`length(token_hash) = 32`),
    )
    .addColumn('kind', 'text', (column) => column.notNull().check(sql`kind in ('bearer', 'cookie')`))
    .addColumn('created_at', 'integer', (column) => column.notNull())
    .addColumn('last_used_at', 'integer', (column) => column.notNull())
    .addColumn('expires_at', 'integer', (column) => column.notNull())
    .execute()
  await db.schema.createIndex('sessions_by_user').on('sessions').columns(['user_id', 'id']).execute()
  await db.schema.createIndex('sessions_by_expiry').on('sessions').column('expires_at').execute()
}

async function createFriendships(db: Kysely<unknown>): Promise<void> {
  await strict(db.schema.createTable('friendships'), 'without rowid')
    .addColumn('low_id', 'integer', (column) => column.notNull().references('users.id').onDelete('cascade'))
    .addColumn('high_id', 'integer', (column) => column.notNull().references('users.id').onDelete('cascade'))
    .addColumn('status', 'text', (column) => column.notNull().check(sql`status in ('pending', 'friends')`))
    .addColumn('requested_by', 'integer', (column) => column.notNull())
    .addColumn('requested_at', 'integer', (column) => column.notNull())
    .addColumn('friends_since', 'integer')
    .addPrimaryKeyConstraint('friendships_pair', ['low_id', 'high_id'])
    .addCheckConstraint('friendships_ordered', sql`low_id < high_id`)
    .addCheckConstraint('friendships_requester', sql`requested_by in (low_id, high_id)`)
    .addCheckConstraint('friendships_since', sql`(status = 'friends') = (friends_since is not null)`)
    .execute()
  // A member is the lower id of some pairs and the higher of others: each side lists by the other's id, in order.
  await db.schema
    .createIndex('friendships_by_low')
    .on('friendships')
    .columns(['low_id', 'status', 'high_id'])
    .execute()
  await db.schema
    .createIndex('friendships_by_high')
    .on('friendships')
    .columns(['high_id', 'status', 'low_id'])
    .execute()
  // Partial: a query uses it only with `status = 'pending'` as a literal, because a parameter could be anything.
  await db.schema
    .createIndex('friendships_pending_by_requester')
    .on('friendships')
    .columns(['requested_by', 'low_id', 'high_id'])
    .where(sql.ref('status'), '=', sql.lit('pending'))
    .execute()
}

async function createBlocks(db: Kysely<unknown>): Promise<void> {
  await strict(db.schema.createTable('blocks'), 'without rowid')
    .addColumn('blocker_id', 'integer', (column) =>
      column.notNull().references('users.id').onDelete('cascade'),
    )
    .addColumn('blocked_id', 'integer', (column) =>
      column.notNull().references('users.id').onDelete('cascade'),
    )
    .addColumn('created_at', 'integer', (column) => column.notNull())
    .addPrimaryKeyConstraint('blocks_pair', ['blocker_id', 'blocked_id'])
    .addCheckConstraint('blocks_different', sql`blocker_id <> blocked_id`)
    .execute()
  await db.schema
    .createIndex('blocks_by_blocked')
    .on('blocks')
    .columns(['blocked_id', 'blocker_id'])
    .execute()
}

/** Counts kept by triggers, cascades included: counting a growing table would scan it. */
async function createTableRows(db: Kysely<unknown>): Promise<void> {
  await strict(db.schema.createTable('table_rows'), 'without rowid')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('rows', 'integer', (column) => column.notNull().check(sql`rows >= 0`))
    .execute()
  for (const table of ['users', 'sessions', 'friendships', 'blocks']) await countRows(db, table)
}
