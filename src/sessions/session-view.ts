import { Type } from 'typebox'
import { timestamp } from '../http/timestamp.ts'
import { Owner } from '../users/user-view.ts'

const session = { expiresAt: Type.String({ format: 'date-time' }), user: Owner }

/** Answer to a log-in for scripts: the only reply with the token. */
export const BearerSession = Type.Object(
  { token: Type.String({ description: 'Send it as `Authorization: Bearer`' }), ...session },
  { $id: 'BearerSession', additionalProperties: false },
)

/** Answer to a log-in for browsers: the token is in the cookie only (ASVS 5.0, 3.3.4). */
export const CookieSession = Type.Object(session, { $id: 'CookieSession', additionalProperties: false })

/** Either of the two: a session has the kind of the one that it replaces. */
export const RenewedSession = Type.Object(
  { token: Type.Optional(Type.String({ description: 'For bearer sessions only' })), ...session },
  { $id: 'RenewedSession', additionalProperties: false },
)

/** A session's id as a part of a path. */
export const SessionId = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })

export const Session = Type.Object(
  {
    id: Type.Integer({ minimum: 1 }),
    kind: Type.Union([Type.Literal('bearer'), Type.Literal('cookie')]),
    current: Type.Boolean({ description: 'The session of this very request' }),
    createdAt: Type.String({ format: 'date-time' }),
    lastUsedAt: Type.String({ format: 'date-time', description: 'To the hour' }),
    expiresAt: Type.String({ format: 'date-time' }),
  },
  { $id: 'Session', additionalProperties: false },
)

interface SessionRow {
  id: number
  kind: 'bearer' | 'cookie'
  created_at: number
  last_used_at: number
  expires_at: number
}

export function toSession(row: SessionRow, currentId: number) {
  return {
    id: row.id,
    kind: row.kind,
    current: row.id === currentId,
    createdAt: timestamp(row.created_at),
    lastUsedAt: timestamp(row.last_used_at),
    expiresAt: timestamp(row.expires_at),
  }
}
