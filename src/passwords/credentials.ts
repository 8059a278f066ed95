import type { Database } from '../db/database.ts'
import { ownerColumns } from '../users/user-view.ts'

/** Accounts with the hash that their password is verified against. */
function credentials(db: Database) {
  return (
    db
      .selectFrom('users')
      .leftJoin('passwords', 'passwords.user_id', 'users.id')
      // Seeded accounts share one hash until their owner sets a password.
      .leftJoin('seed_password', (join) => join.onTrue().on('users.seed_number', 'is not', null))
      .select(ownerColumns)
      .select((row) => row.fn.coalesce('passwords.hash', 'seed_password.hash').as('hash'))
  )
}

/** The account with this address; undefined for none. */
export async function findByEmail(db: Database, emailKey: string) {
  return credentials(db).where('users.email_key', '=', emailKey).executeTakeFirst()
}

/** The account with this id; undefined if it is gone. */
export async function findById(db: Database, userId: number) {
  return credentials(db).where('users.id', '=', userId).executeTakeFirst()
}

/**
 * Whether the account still has the hash that a password was verified against: verifying takes long enough for a change
 * or a deletion in between. Ask within the transaction that relies on it.
 */
export async function isStillHash(tx: Database, userId: number, hash: string): Promise<boolean> {
  return (await findById(tx, userId))?.hash === hash
}

/** From then on the account has its own password. */
export async function setPasswordHash(db: Database, userId: number, hash: string): Promise<void> {
  await db
    .insertInto('passwords')
    .values({ user_id: userId, hash })
    .onConflict((conflict) => conflict.column('user_id').doUpdateSet({ hash }))
    .execute()
}
