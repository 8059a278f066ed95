import { type Kysely, sql } from 'kysely'
import { countRows, strict } from './parts/table.ts'

/** News: what each member reads, and one kept copy of each feed for all of them. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await strict(db.schema.createTable('feeds'))
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('url', 'text', (column) => column.notNull().unique())
    .addColumn('title', 'text')
    .addColumn('items', 'text', (column) => column.notNull().defaultTo('[]').check(sql`json_valid(items)`))
    .addColumn('etag', 'text')
    .addColumn('last_modified', 'text')
    .addColumn('fetched_at', 'integer')
    .addColumn('due_at', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('failures', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('error', 'text')
    .addCheckConstraint('feeds_failing', sql`(failures > 0) = (error is not null)`)
    .execute()

  await strict(db.schema.createTable('feed_subscriptions'))
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('user_id', 'integer', (column) => column.notNull().references('users.id').onDelete('cascade'))
    .addColumn('feed_id', 'integer', (column) => column.notNull().references('feeds.id'))
    .addColumn('position', 'integer', (column) => column.notNull())
    .execute()
  await db.schema
    .createIndex('feed_subscriptions_by_user')
    .on('feed_subscriptions')
    .columns(['user_id', 'position'])
    .execute()
  await db.schema
    .createIndex('feed_subscriptions_by_feed')
    .on('feed_subscriptions')
    .columns(['feed_id', 'user_id'])
    .unique()
    .execute()
  // Also fired by the deletion of an account.
  await sql`
    create trigger feeds_without_readers after delete on feed_subscriptions begin
      delete from feeds
      where id = old.feed_id and not exists (select 1 from feed_subscriptions where feed_id = old.feed_id);
    end
  `.execute(db)

  await countRows(db, 'feeds')
  await countRows(db, 'feed_subscriptions')
}
