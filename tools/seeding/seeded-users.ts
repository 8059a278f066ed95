import { sql } from 'kysely'
import type { Database } from '../../src/db/database.ts'
import { RESERVED_DOMAIN } from '../../src/users/reserved-domain.ts'
import { integer } from './integer.ts'
import { FIRST_NAMES, LAST_NAMES } from './names.ts'

/** The account of seed number 1, for people to log in with. */
export const DEMO_EMAIL = `demo@${RESERVED_DOMAIN}`

/** Makes the missing accounts of these numbers; resolves to how many it made. */
export async function fill(tx: Database, from: number, to: number, now: number): Promise<number> {
  const { count } = await tx
    .selectFrom('users')
    .select((row) => row.fn.countAll<number>().as('count'))
    .where('seed_number', '>=', from)
    .where('seed_number', '<=', to)
    .executeTakeFirstOrThrow()
  if (count === to - from + 1) return 0
  const { numAffectedRows } = await insertNumbers(from, to, now).execute(tx)
  return Number(numAffectedRows)
}

/**
 * SQLite makes the rows itself: 300,000 a second, where one statement for each row makes 130,000.
 *
 * The first 10,000 go through all names in a shuffled order. From then on each 10,000 share ten first names: with all
 * of them, every transaction would touch every page of the index over names, and the rate would fall to a third.
 */
function insertNumbers(from: number, to: number, now: number) {
  return sql`
    with recursive
      numbers (n) as (values (${integer(from)}) union all select n + 1 from numbers where n < ${integer(to)}),
      firsts (at, name) as materialized (select key, value from json_each(${JSON.stringify(FIRST_NAMES)})),
      lasts (at, name) as materialized (select key, value from json_each(${JSON.stringify(LAST_NAMES)})),
      picked (n, first_at, last_at) as (
        select
          n,
          case when n <= 10000 then n * 48271 % 10000 / 100 else (n / 10000 * 10 + n % 10) % 100 end,
          case when n <= 10000 then n * 48271 % 100 else n / 10 * 37 % 100 end
        from numbers
      ),
      people (n, name, local_part) as (
        select
          n,
          iif(n = 1, 'Demo Member', firsts.name || ' ' || lasts.name),
          iif(n = 1, 'demo', 'user' || n)
        from picked
          cross join firsts on firsts.at = first_at
          cross join lasts on lasts.at = last_at
      )
    insert into users (name, name_key, email, email_key, joined_at, seed_number)
    select
      name,
      lower(name),
      local_part || ${`@${RESERVED_DOMAIN}`},
      local_part || ${`@${RESERVED_DOMAIN}`},
      ${now},
      n
    from people
    where true
    on conflict do nothing
  `
}

/** Sets the hash of all seeded accounts; an owner may set another password. */
export async function setSeedPassword(db: Database, hash: string): Promise<void> {
  await db
    .insertInto('seed_password')
    .values({ id: 1, hash })
    .onConflict((conflict) => conflict.column('id').doUpdateSet({ hash }))
    .execute()
}

export async function removeSeedPassword(db: Database): Promise<void> {
  await db.deleteFrom('seed_password').execute()
}
