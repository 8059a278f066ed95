import type { FastifyReply } from 'fastify'

/** The `__Host-` prefix makes browsers insist on Secure, Path=/ and no Domain (RFC 6265bis §4.1.3.2). */
export const SESSION_COOKIE = '__Host-sid'

const ATTRIBUTES = { path: '/', secure: true, httpOnly: true, sameSite: 'lax' } as const

export function setSessionCookie(reply: FastifyReply, token: string, expiresAt: number): void {
  reply.setCookie(SESSION_COOKIE, token, { ...ATTRIBUTES, expires: new Date(expiresAt) })
}

export function clearSessionCookie(reply: FastifyReply): void {
  reply.clearCookie(SESSION_COOKIE, ATTRIBUTES)
}
