import type { Config } from '../config.ts'
import type { Database } from '../db/database.ts'
import { prepareQuery } from '../db/prepared-query.ts'
import { type OwnerRow, ownerColumns } from '../users/user-view.ts'
import { hashToken, newToken } from './tokens.ts'

/** A use is recorded at most this often: one write an hour instead of one a request. */
const TOUCH_INTERVAL_MS = 3_600_000

/** Expired sessions, of any member, that a log-in deletes, so that the table needs no sweeper. */
const EXPIRED_CLEARED_PER_LOGIN = 100

/** The account behind a valid session. */
export interface Member extends Readonly<OwnerRow> {
  readonly sessionId: number
  readonly sessionKind: 'bearer' | 'cookie'
  readonly isAdministrator: boolean
}

export interface NewSession {
  token: string
  /** Its end if it stays unused. */
  expiresAt: number
  /** Its end even if it is used. */
  lifeEndsAt: number
}

const sessionOf = prepareQuery<{ tokenHash: Buffer }>()((db, parameter) =>
  db
    .selectFrom('sessions')
    .innerJoin('users', 'users.id', 'sessions.user_id')
    .select(['sessions.id as sessionId', 'kind as sessionKind', 'created_at', 'last_used_at', 'expires_at'])
    .select(ownerColumns)
    .select('users.is_administrator')
    .where('token_hash', '=', parameter('tokenHash')),
)

/**
 * Sessions in the table: `expires_at` is the earlier of the end of their life and the end of their idle time, moved
 * forward as they are used (NIST SP 800-63B-4 §2.1.3: 30 days at AAL1; 7 idle).
 */
export class SessionStore {
  readonly #db: Database
  readonly #maxMs: number
  readonly #idleMaxMs: number
  readonly #touchIntervalMs: number

  constructor(db: Database, config: Pick<Config, 'sessionMaxSeconds' | 'sessionIdleMaxSeconds'>) {
    this.#db = db
    this.#maxMs = config.sessionMaxSeconds * 1000
    this.#idleMaxMs = config.sessionIdleMaxSeconds * 1000
    this.#touchIntervalMs = Math.min(TOUCH_INTERVAL_MS, this.#idleMaxMs / 10)
  }

  /** The member of a token; undefined for an unknown, expired or revoked one. */
  async find(token: string, now = Date.now()): Promise<Member | undefined> {
    const [row] = await sessionOf(this.#db, { tokenHash: hashToken(token) })
    if (row === undefined || row.expires_at <= now) return undefined
    // Not awaited: another process's lock must not hold up a read, and a lost use is recorded next time.
    if (now - row.last_used_at >= this.#touchIntervalMs) this.#touch(row, now).catch(() => {})
    return { ...row, isAdministrator: row.is_administrator === 1 }
  }

  /** Call it in a transaction, so that a log-in and its other writes are one. */
  async create(
    tx: Database,
    userId: number,
    kind: 'bearer' | 'cookie',
    now = Date.now(),
  ): Promise<NewSession> {
    const token = newToken()
    const expiresAt = this.#expiry(now, now)
    const session = { user_id: userId, kind, token_hash: hashToken(token) }
    await tx
      .insertInto('sessions')
      .values({ ...session, created_at: now, last_used_at: now, expires_at: expiresAt })
      .execute()
    await tx
      .deleteFrom('sessions')
      .where('id', 'in', (expired) =>
        expired
          .selectFrom('sessions')
          .select('id')
          .where('expires_at', '<=', now)
          .orderBy('expires_at')
          .limit(EXPIRED_CLEARED_PER_LOGIN),
      )
      .execute()
    return { token, expiresAt, lifeEndsAt: now + this.#maxMs }
  }

  /** A page of a member's live sessions, oldest first; `after` is the id of the last one seen. */
  async list(userId: number, after: number, limit: number, now = Date.now()) {
    return this.#db
      .selectFrom('sessions')
      .select(['id', 'kind', 'created_at', 'last_used_at', 'expires_at'])
      .where('user_id', '=', userId)
      .where('id', '>', after)
      .where('expires_at', '>', now)
      .orderBy('id')
      .limit(limit)
      .execute()
  }

  /** Whether the session is still live; ask within the transaction that relies on it. */
  async isLive(tx: Database, sessionId: number): Promise<boolean> {
    const row = await tx.selectFrom('sessions').select('id').where('id', '=', sessionId).executeTakeFirst()
    return row !== undefined
  }

  /** Resolves to whether this member had the session. */
  async end(userId: number, sessionId: number): Promise<boolean> {
    const { numDeletedRows } = await this.#db
      .deleteFrom('sessions')
      .where('id', '=', sessionId)
      .where('user_id', '=', userId)
      .executeTakeFirstOrThrow()
    return numDeletedRows > 0n
  }

  async endAll(tx: Database, userId: number): Promise<void> {
    await tx.deleteFrom('sessions').where('user_id', '=', userId).execute()
  }

  async #touch(row: { sessionId: number; created_at: number }, now: number): Promise<void> {
    await this.#db
      .updateTable('sessions')
      .set({ last_used_at: now, expires_at: this.#expiry(row.created_at, now) })
      .where('id', '=', row.sessionId)
      .execute()
  }

  #expiry(createdAt: number, usedAt: number): number {
    return Math.min(createdAt + this.#maxMs, usedAt + this.#idleMaxMs)
  }
}
