import { type Kysely, sql } from 'kysely'
import { strict } from './parts/table.ts'

/** Administrators, and counts for their statistics that no query could find without a scan. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await createAdministrators(db)
  await createSignUps(db)
  await createKeptCounts(db)
}

async function createAdministrators(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('users')
    .addColumn('is_administrator', 'integer', (column) =>
      column.notNull().defaultTo(0).check(sql`is_administrator in (0, 1)`),
    )
    .execute()
  // Partial: a query uses it only with `is_administrator = 1` as a literal.
  await db.schema
    .createIndex('users_administrators')
    .on('users')
    .columns(['is_administrator', 'id'])
    .where(sql.ref('is_administrator'), '=', sql.lit(1))
    .execute()
}

/**
 * Sign-ups by UTC day, of real accounts only: seeding pays nothing for it. A sign-up has happened, so a deleted account
 * stays in its day's count.
 */
async function createSignUps(db: Kysely<unknown>): Promise<void> {
  await strict(db.schema.createTable('sign_ups'), 'without rowid')
    .addColumn('day', 'text', (column) => column.primaryKey())
    .addColumn('count', 'integer', (column) => column.notNull().check(sql`count > 0`))
    .execute()
  const dayOf = (joinedAt: string) => sql`date(${sql.ref(joinedAt)} / 1000, 'unixepoch')`
  await sql`
    insert into sign_ups (day, count)
    select ${dayOf('joined_at')}, count(*) from users where seed_number is null group by 1
  `.execute(db)
  await sql`
    create trigger users_sign_up after insert on users when new.seed_number is null begin
      insert into sign_ups (day, count) values (${dayOf('new.joined_at')}, 1)
      on conflict (day) do update set count = count + 1;
    end
  `.execute(db)
}

/**
 * Rows of a table that meet a condition. Friend requests are counted and not friendships, which are the other rows of
 * the same table: there are fewer, and seeded friends were never asked.
 */
async function createKeptCounts(db: Kysely<unknown>): Promise<void> {
  await strict(db.schema.createTable('kept_counts'), 'without rowid')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('count', 'integer', (column) => column.notNull().check(sql`count >= 0`))
    .execute()
  const name = sql.lit('friend_requests')
  await sql`
    insert into kept_counts (name, count)
    select ${name}, count(*) from friendships where status = 'pending'
  `.execute(db)
  for (const [trigger, event, condition, change] of [
    ['friend_request_sent', 'insert', `new.status = 'pending'`, 1],
    ['friend_request_accepted', 'update of status', `old.status = 'pending' and new.status = 'friends'`, -1],
    ['friend_request_withdrawn', 'delete', `old.status = 'pending'`, -1],
  ] as const)
    await sql`
      create trigger ${sql.ref(trigger)} after ${sql.raw(event)} on friendships when ${sql.raw(condition)} begin
        update kept_counts set count = count + ${sql.lit(change)} where name = ${name};
      end
    `.execute(db)
}
