import { type Kysely, sql } from 'kysely'
import { countRows, strict } from './parts/table.ts'

/** Polls, their choices, one vote for each member and poll, and the counts of the votes. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await createPolls(db)
  await createChoices(db)
  await createVotes(db)
  await createVoteCounts(db)
  await countRows(db, 'polls')
  await countRows(db, 'votes')
}

async function createPolls(db: Kysely<unknown>): Promise<void> {
  await strict(db.schema.createTable('polls'))
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('question', 'text', (column) => column.notNull())
    .addColumn('description', 'text')
    .addColumn('opens_at', 'integer', (column) => column.notNull())
    // A poll that never closes has the last moment of the calendar, so that open polls are one range of the index.
    .addColumn('closes_at', 'integer', (column) => column.notNull())
    .addColumn('is_draft', 'integer', (column) => column.notNull().check(sql`is_draft in (0, 1)`))
    .addColumn('results_shown', 'text', (column) =>
      column.notNull().check(sql`results_shown in ('after-vote', 'after-close')`),
    )
    .addColumn('created_at', 'integer', (column) => column.notNull())
    .addColumn('seed_number', 'integer')
    .addCheckConstraint('polls_times', sql`opens_at <= closes_at and closes_at <= 253402300799999`)
    .execute()
  await db.schema.createIndex('polls_by_closing').on('polls').column('closes_at').execute()
  await db.schema
    .createIndex('polls_by_seed_number')
    .on('polls')
    .column('seed_number')
    .unique()
    .where(sql.ref('seed_number'), 'is not', null)
    .execute()
}

async function createChoices(db: Kysely<unknown>): Promise<void> {
  await strict(db.schema.createTable('poll_choices'))
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('poll_id', 'integer', (column) => column.notNull().references('polls.id').onDelete('cascade'))
    .addColumn('position', 'integer', (column) => column.notNull())
    .addColumn('text', 'text', (column) => column.notNull())
    .execute()
  await db.schema
    .createIndex('poll_choices_by_poll')
    .on('poll_choices')
    .columns(['poll_id', 'position'])
    .unique()
    .execute()
}

async function createVotes(db: Kysely<unknown>): Promise<void> {
  await strict(db.schema.createTable('votes'), 'without rowid')
    .addColumn('poll_id', 'integer', (column) => column.notNull().references('polls.id').onDelete('cascade'))
    .addColumn('user_id', 'integer', (column) => column.notNull().references('users.id').onDelete('cascade'))
    .addColumn('choice_id', 'integer', (column) =>
      column.notNull().references('poll_choices.id').onDelete('cascade'),
    )
    .addColumn('voted_at', 'integer', (column) => column.notNull())
    .addPrimaryKeyConstraint('votes_member', ['poll_id', 'user_id'])
    .execute()
  await db.schema.createIndex('votes_by_user').on('votes').column('user_id').execute()
  await db.schema.createIndex('votes_by_choice').on('votes').column('choice_id').execute()
}

/**
 * A choice's votes in 16 rows, by the voter's id; their sum is its result. A database with many writers at once, such
 * as PostgreSQL, would have all voters of a choice wait for one row; SQLite has one writer, and pays nothing for more.
 */
async function createVoteCounts(db: Kysely<unknown>): Promise<void> {
  await strict(db.schema.createTable('vote_counts'), 'without rowid')
    .addColumn('choice_id', 'integer', (column) =>
      column.notNull().references('poll_choices.id').onDelete('cascade'),
    )
    .addColumn('shard', 'integer', (column) => column.notNull().check(sql`shard between 0 and 15`))
    .addColumn('votes', 'integer', (column) => column.notNull().check(sql`votes >= 0`))
    .addPrimaryKeyConstraint('vote_counts_shard', ['choice_id', 'shard'])
    .execute()
  const add = sql`
    insert into vote_counts (choice_id, shard, votes) values (new.choice_id, new.user_id % 16, 1)
    on conflict (choice_id, shard) do update set votes = votes + 1;
  `
  const subtract = sql`
    update vote_counts set votes = votes - 1 where choice_id = old.choice_id and shard = old.user_id % 16;
  `
  await sql`create trigger vote_given after insert on votes begin ${add} end`.execute(db)
  await sql`
    create trigger vote_changed after update of choice_id on votes
    when old.choice_id <> new.choice_id begin ${subtract} ${add} end
  `.execute(db)
  await sql`create trigger vote_gone after delete on votes begin ${subtract} end`.execute(db)
}
