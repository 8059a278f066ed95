import { Type } from 'typebox'
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
