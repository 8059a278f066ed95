import { type Kysely, sql } from 'kysely'

/**
 * A user as other members see it, as JSON, kept beside the row by SQLite itself: a listing then copies text instead of
 * making an object of each row and a text of each object.
 *
 * A stored column cannot be added, so the table is rebuilt as SQLite's documentation says (ALTER TABLE §7). Foreign
 * keys must not be enforced meanwhile: dropping the old table would delete all rows that refer to it.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  // A third of the time of json_object with strftime. The time is kept in whole milliseconds.
  const viewJson = sql`format(
    '{"id":%d,"name":%s,"joinedAt":"%sZ"}',
    id, json_quote(name), replace(datetime(joined_at / 1000.0, 'unixepoch', 'subsec'), ' ', 'T')
  )`
  await db.schema
    .createTable('new_users')
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('name_key', 'text', (column) => column.notNull())
    .addColumn('email', 'text', (column) => column.notNull())
    .addColumn('email_key', 'text', (column) => column.notNull().unique())
    // To the end of year 9999, as RFC 3339 and SQLite's calendar have it.
    .addColumn('joined_at', 'integer', (column) =>
      column.notNull().check(sql`joined_at between 0 and 253402300799999`),
    )
    .addColumn('seed_number', 'integer')
    .addColumn('view_json', 'text', (column) => column.notNull().generatedAlwaysAs(viewJson).stored())
    .modifyEnd(sql`strict`)
    .execute()
  const columns = sql.raw('id, name, name_key, email, email_key, joined_at, seed_number')
  await sql`insert into new_users (${columns}) select ${columns} from users`.execute(db)
  // The highest id ever given, whose row may be deleted by now.
  await sql`delete from sqlite_sequence where name = 'new_users'`.execute(db)
  await sql`update sqlite_sequence set name = 'new_users' where name = 'users'`.execute(db)
  await db.schema.dropTable('users').execute()
  await db.schema.alterTable('new_users').renameTo('users').execute()

  await db.schema.createIndex('users_by_name').on('users').columns(['name_key', 'id']).execute()
  await db.schema
    .createIndex('users_by_seed_number')
    .on('users')
    .column('seed_number')
    .unique()
    .where(sql.ref('seed_number'), 'is not', null)
    .execute()
  await sql`
    create trigger users_count_insert after insert on users begin
      update table_rows set rows = rows + 1 where name = 'users';
    end
  `.execute(db)
  await sql`
    create trigger users_count_delete after delete on users begin
      update table_rows set rows = rows + -1 where name = 'users';
    end
  `.execute(db)
}
