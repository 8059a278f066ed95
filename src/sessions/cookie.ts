import type { FastifyReply } from 'fastify'
import type { Member, NewSession } from './session-store.ts'

/** The `__Host-` prefix makes browsers insist on Secure, Path=/ and no Domain (RFC 6265bis §4.1.3.2). */
export const SESSION_COOKIE = '__Host-sid'

const ATTRIBUTES = { path: '/', secure: true, httpOnly: true, sameSite: 'lax' } as const

/** Lives as long as the session can; the server decides on idle time. */
export function setSessionCookie(reply: FastifyReply, { token, lifeEndsAt }: NewSession): void {
  reply.setCookie(SESSION_COOKIE, token, { ...ATTRIBUTES, expires: new Date(lifeEndsAt) })
}

/** Cleared if the ended session was a browser's. */
export function clearSessionCookie(reply: FastifyReply, { sessionKind }: Member): void {
  if (sessionKind === 'cookie') reply.clearCookie(SESSION_COOKIE, ATTRIBUTES)
}
