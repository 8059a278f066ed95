import { sql } from 'kysely'
import type { Database } from '../src/db/database.ts'
import { argument, CommandError, runSubcommand, subcommand, text } from '../src/process/command.ts'
import { emailKeyOf } from '../src/users/text.ts'
import { inDatabase } from './in-database.ts'

const ACCOUNT = { email: argument(text('EMAIL', 'address of the account, in any letter case')) }

await runSubcommand({
  name: 'npm run admin',
  summary: [
    'Who may edit polls, see the statistics and send events. It works beside a running service, and counts from the',
    'next request on. DATABASE_URL is the database.',
  ].join('\n'),
  commands: {
    grant: subcommand({
      summary: 'Makes an account an administrator.',
      options: ACCOUNT,
      run: async ({ email }) => say((db) => grant(db, email)),
    }),
    revoke: subcommand({
      summary: 'Makes an administrator a member like all others.',
      options: ACCOUNT,
      run: async ({ email }) => say((db) => revoke(db, email)),
    }),
    list: subcommand({
      summary: 'Lists all administrators.',
      options: {},
      run: async () => say(list),
    }),
  },
})

async function say(work: (db: Database) => Promise<string>): Promise<void> {
  process.stdout.write(`${await inDatabase(work)}\n`)
}

async function grant(db: Database, typed: string): Promise<string> {
  const account = await findAccount(db, typed)
  if (account.seed_number !== null)
    throw new CommandError(
      `${account.email} is a seeded account, whose password others know; give the address of a real one.`,
    )
  if (account.is_administrator === 1) return `${account.email} is an administrator already.`
  await setAdministrator(db, account.id, 1)
  return `${account.email} is an administrator now.`
}

async function revoke(db: Database, typed: string): Promise<string> {
  const account = await findAccount(db, typed)
  if (account.is_administrator === 0) return `${account.email} is no administrator.`
  await setAdministrator(db, account.id, 0)
  return `${account.email} is no administrator any more.`
}

async function list(db: Database): Promise<string> {
  const administrators = await db
    .selectFrom('users')
    .select(['email', 'name'])
    // Of another text than this literal, SQLite does not know that its index holds them all.
    .where('is_administrator', '=', sql<1>`1`)
    .orderBy('id')
    .execute()
  if (administrators.length === 0)
    return 'There are no administrators; npm run admin -- grant EMAIL makes one.'
  return administrators.map(({ email, name }) => `${email}  ${name}`).join('\n')
}

async function findAccount(db: Database, typed: string) {
  const account = await db
    .selectFrom('users')
    .select(['id', 'email', 'seed_number', 'is_administrator'])
    .where('email_key', '=', emailKeyOf(typed) ?? '')
    .executeTakeFirst()
  if (account === undefined)
    throw new CommandError(`No account has the address ${typed}; sign up with it first, or give another one.`)
  return account
}

async function setAdministrator(db: Database, id: number, is_administrator: 0 | 1): Promise<void> {
  await db.updateTable('users').set({ is_administrator }).where('id', '=', id).execute()
}
