import type { Config } from '../config.ts'
import type { Database } from '../db/database.ts'
import { requireParsed } from '../http/parsed.ts'
import type { PasswordHasher } from '../passwords/password-hasher.ts'
import { parsePassword } from '../passwords/password-policy.ts'
import { emailKeyOf, parseEmail, parseName } from '../users/text.ts'
import type { OwnerRow } from '../users/user-view.ts'
import { createAccount } from './account-store.ts'

/**
 * A new account; throws `invalid` (422) and `email-taken` (409). Hashing takes long: undefined if `isGone` says then
 * that the client was answered meanwhile, because an account made now would stand in the way of its next try.
 */
export async function signUp(
  { db, config, passwords }: { db: Database; config: Pick<Config, 'adminEmail'>; passwords: PasswordHasher },
  typed: { name: string; email: string; password: string },
  isGone: () => boolean,
): Promise<OwnerRow | undefined> {
  const { name, email, password } = requireParsed({
    name: parseName(typed.name),
    email: parseEmail(typed.email),
    password: await parsePassword(typed.password, typed),
  })
  const passwordHash = await passwords.hash(password)
  if (isGone()) return undefined
  const isAdministrator = email.emailKey === emailKeyOf(config.adminEmail)
  return createAccount(db, { ...name, ...email, passwordHash, isAdministrator })
}
