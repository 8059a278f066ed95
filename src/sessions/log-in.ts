import type { FastifyRequest } from 'fastify'
import type { Database } from '../db/database.ts'
import { Problem } from '../errors.ts'
import { findByEmail, isStillHash } from '../passwords/credentials.ts'
import type { PasswordHasher } from '../passwords/password-hasher.ts'
import { emailKeyOf } from '../users/text.ts'
import { toOwner } from '../users/user-view.ts'
import type { AttemptCheck } from './attempt-limits.ts'
import type { SessionStore } from './session-store.ts'

export interface LogInParts {
  db: Database
  sessions: SessionStore
  passwords: PasswordHasher
  limitAttempts: AttemptCheck
}

/**
 * A new session for the account with this address and password. The same answer, at the same cost, for a wrong password
 * and for an unknown account: throws `wrong-credentials` (401), and `rate-limited` (429).
 */
export async function logIn(
  { db, sessions, passwords, limitAttempts }: LogInParts,
  request: FastifyRequest,
  { email, password }: { email: string; password: string },
  kind: 'bearer' | 'cookie',
) {
  await limitAttempts(request)
  const emailKey = emailKeyOf(email)
  const account = emailKey === undefined ? undefined : await findByEmail(db, emailKey)
  const matches = await passwords.verify(account?.hash ?? undefined, password)
  if (account === undefined || !matches) throw wrongCredentials()
  const session = await db.transaction().execute(async (tx) => {
    if (!(await isStillHash(tx, account.id, account.hash as string))) throw wrongCredentials()
    return sessions.create(tx, account.id, kind)
  })
  return { ...session, user: toOwner(account) }
}

function wrongCredentials(): Problem {
  return new Problem('wrong-credentials', 'Check the e-mail address and the password.', {
    headers: { 'www-authenticate': 'Bearer realm="rollcall"' },
  })
}
