import type { FastifyRequest } from 'fastify'
import type { Database } from '../db/database.ts'
import { Problem } from '../errors.ts'
import { requireParsed } from '../http/parsed.ts'
import { findById, setPasswordHash } from '../passwords/credentials.ts'
import type { PasswordHasher } from '../passwords/password-hasher.ts'
import { parsePassword } from '../passwords/password-policy.ts'
import type { AttemptCheck } from '../sessions/attempt-limits.ts'
import { memberOf, unauthenticated } from '../sessions/authenticate.ts'
import type { Member, NewSession, SessionStore } from '../sessions/session-store.ts'
import { parseEmail, parseName } from '../users/text.ts'
import type { OwnerRow } from '../users/user-view.ts'
import { deleteAccount, updateProfile } from './account-store.ts'

export interface OwnAccountParts {
  db: Database
  sessions: SessionStore
  passwords: PasswordHasher
  limitAttempts: AttemptCheck
}

interface ProfileTyped {
  name?: string | undefined
  email?: string | undefined
  /** Needed for a new address. */
  currentPassword?: string | undefined
}

/** Throws `invalid` (422), `wrong-password` (403), `email-taken` (409) and `rate-limited` (429). */
export async function changeProfile(
  parts: OwnAccountParts,
  request: FastifyRequest,
  typed: ProfileTyped,
): Promise<OwnerRow> {
  const member = memberOf(request)
  const change = requireParsed({
    name: typed.name === undefined ? undefined : parseName(typed.name),
    email: typed.email === undefined ? undefined : parseEmail(typed.email),
  })
  if (change.name === undefined && change.email === undefined)
    throw new Problem('invalid', 'Send a new name or a new e-mail address.', {
      errors: [{ pointer: '#', detail: 'must have name or email' }],
    })
  if (change.email !== undefined)
    await confirmPassword(parts, request, requireCurrentPassword(typed.currentPassword))
  return parts.db.transaction().execute(async (tx) => {
    await requireLiveSession(parts, tx, member)
    return updateProfile(tx, member.id, change)
  })
}

/**
 * Ends every session of the account and makes a new one of the same kind. Undefined if `isGone` says after the hashing
 * that the client was answered meanwhile: nothing has changed then. Throws `invalid` (422), `wrong-password` (403) and
 * `rate-limited` (429).
 */
export async function changePassword(
  parts: OwnAccountParts,
  request: FastifyRequest,
  typed: { currentPassword: string; newPassword: string },
  isGone: () => boolean,
): Promise<NewSession | undefined> {
  const { db, sessions, passwords } = parts
  const member = memberOf(request)
  await confirmPassword(parts, request, typed.currentPassword)
  const { newPassword } = requireParsed({ newPassword: await parsePassword(typed.newPassword, member) })
  const hash = await passwords.hash(newPassword)
  if (isGone()) return undefined
  return db.transaction().execute(async (tx) => {
    await requireLiveSession(parts, tx, member)
    await setPasswordHash(tx, member.id, hash)
    await sessions.endAll(tx, member.id)
    return sessions.create(tx, member.id, member.sessionKind)
  })
}

/**
 * Deletes the account and everything that belongs to it, and says so; not if `isGone` says after the password was
 * verified that the client was answered meanwhile. Throws `wrong-password` (403) and `rate-limited` (429).
 */
export async function leave(
  parts: OwnAccountParts,
  request: FastifyRequest,
  typed: { currentPassword: string },
  isGone: () => boolean,
): Promise<boolean> {
  const member = memberOf(request)
  await confirmPassword(parts, request, typed.currentPassword)
  if (isGone()) return false
  await parts.db.transaction().execute(async (tx) => {
    await requireLiveSession(parts, tx, member)
    await deleteAccount(tx, member.id)
  })
  return true
}

async function confirmPassword(
  { db, passwords, limitAttempts }: OwnAccountParts,
  request: FastifyRequest,
  password: string,
): Promise<void> {
  await limitAttempts(request)
  const account = await findById(db, memberOf(request).id)
  if (!(await passwords.verify(account?.hash ?? undefined, password)))
    throw new Problem('wrong-password', 'Send the current password of this account.', {
      errors: [{ pointer: '#/currentPassword', detail: 'is wrong' }],
    })
}

/** Verifying a password takes long: the session may have ended meanwhile, with the account or by another change. */
async function requireLiveSession(
  { sessions }: OwnAccountParts,
  tx: Database,
  member: Member,
): Promise<void> {
  if (!(await sessions.isLive(tx, member.sessionId))) throw unauthenticated(true)
}

function requireCurrentPassword(password: string | undefined): string {
  if (password !== undefined) return password
  throw new Problem('invalid', 'A new e-mail address needs the current password.', {
    errors: [{ pointer: '#/currentPassword', detail: 'must be present' }],
  })
}
