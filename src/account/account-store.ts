import type { Database } from '../db/database.ts'
import { isUniqueViolation } from '../db/violations.ts'
import { Problem } from '../errors.ts'
import { ownerColumns } from '../users/user-view.ts'

interface NewAccount {
  name: string
  nameKey: string
  email: string
  emailKey: string
  passwordHash: string
  isAdministrator: boolean
}

const emailTaken = (cause: unknown) =>
  new Problem('email-taken', 'Log in instead, or use another address.', {
    errors: [{ pointer: '#/email', detail: 'has an account' }],
    cause,
  })

async function orEmailTaken<T>(write: Promise<T>): Promise<T> {
  try {
    return await write
  } catch (error) {
    if (isUniqueViolation(error, 'users.email_key')) throw emailTaken(error)
    throw error
  }
}

/** Throws `email-taken` (409) if the address, in any letter case or Unicode form, has an account. */
export async function createAccount(db: Database, account: NewAccount, now = Date.now()) {
  const { name, nameKey, email, emailKey, passwordHash, isAdministrator } = account
  const insertion = db.transaction().execute(async (tx) => {
    const user = await tx
      .insertInto('users')
      .values({
        name,
        name_key: nameKey,
        email,
        email_key: emailKey,
        joined_at: now,
        seed_number: null,
        is_administrator: isAdministrator ? 1 : 0,
      })
      .returning(ownerColumns)
      .executeTakeFirstOrThrow()
    await tx.insertInto('passwords').values({ user_id: user.id, hash: passwordHash }).execute()
    return user
  })
  return orEmailTaken(insertion)
}

export interface ProfileChange {
  name: { name: string; nameKey: string } | undefined
  email: { email: string; emailKey: string } | undefined
}

/** The account must exist. Throws `email-taken` (409). */
export async function updateProfile(db: Database, userId: number, { name, email }: ProfileChange) {
  const update = db
    .updateTable('users')
    .set({
      ...(name && { name: name.name, name_key: name.nameKey }),
      ...(email && { email: email.email, email_key: email.emailKey }),
    })
    .where('id', '=', userId)
    .returning(ownerColumns)
    .executeTakeFirstOrThrow()
  return orEmailTaken(update)
}

/** Deletes its sessions, friendships and blocks as well (foreign keys). */
export async function deleteAccount(db: Database, userId: number): Promise<void> {
  await db.deleteFrom('users').where('id', '=', userId).execute()
}
