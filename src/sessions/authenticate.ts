import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { isForeignKeyViolation } from '../db/violations.ts'
import { Problem } from '../errors.ts'
import { SESSION_COOKIE } from './cookie.ts'
import type { Member, SessionStore } from './session-store.ts'
import { isToken } from './tokens.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** `onRequest` hook of routes that need a session: 401 without a valid one, 403 for a cross-site change. */
    requireSession(request: FastifyRequest): Promise<void>
    /** `onRequest` hook of pages that anybody may see: sets the member if the browser has a session. */
    recogniseMember(request: FastifyRequest): Promise<void>
  }
  interface FastifyRequest {
    /** Set by `requireSession`, after which {@link memberOf} has it, and by `recogniseMember`. */
    member: Member | null
  }
}

/** The member behind a request of a route that has `requireSession`. */
export function memberOf(request: FastifyRequest): Member {
  if (request.member === null)
    throw new Error(`${request.routeOptions.url} reads the member without requireSession`)
  return request.member
}

interface AuthenticationOptions {
  sessions: SessionStore
  publicOrigin: string
}

/** Gives routes `requireSession`: a bearer token (RFC 6750) or the session cookie, in this order. */
export const authentication = fp(
  async (app: FastifyInstance, { sessions, publicOrigin }: AuthenticationOptions) => {
    app.decorateRequest('member', null)
    app.decorate('requireSession', async function requireSession(request: FastifyRequest) {
      const { token, kind } = presentedToken(request)
      // Without any token, another site has nothing to misuse: the answer is to log in.
      if (kind === 'cookie' && token !== undefined) refuseCrossSite(request, publicOrigin)
      const member = token !== undefined && isToken(token) ? await sessions.find(token) : undefined
      // A token is good only in its own place: a cookie's must not turn up in a script's hands.
      if (member === undefined || member.sessionKind !== kind) throw unauthenticated(token !== undefined)
      request.member = member
    })
    app.decorate('recogniseMember', async function recogniseMember(request: FastifyRequest) {
      const token = request.cookies[SESSION_COOKIE]
      const member = token !== undefined && isToken(token) ? await sessions.find(token) : undefined
      if (member?.sessionKind === 'cookie') request.member = member
    })
  },
  { name: 'authentication', dependencies: ['@fastify/cookie'] },
)

function presentedToken(request: FastifyRequest): { token: string | undefined; kind: 'bearer' | 'cookie' } {
  const { authorization } = request.headers
  // Another scheme may belong to a proxy in front, and says nothing about the session.
  if (authorization !== undefined && /^Bearer\b/i.test(authorization))
    return { token: /^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? '', kind: 'bearer' }
  return { token: asksFromElsewhere(request) ? undefined : request.cookies[SESSION_COOKIE], kind: 'cookie' }
}

/** A script of another origin never speaks with the person's cookie, even if the browser of that person sends it. */
function asksFromElsewhere({ headers }: FastifyRequest): boolean {
  const site = headers['sec-fetch-site']
  return headers['sec-fetch-mode'] === 'cors' && site !== undefined && site !== 'same-origin'
}

/** `presented` says whether a token came with the request and was not good (RFC 6750 §3.1). */
export function unauthenticated(presented: boolean): Problem {
  const challenge = presented ? 'Bearer realm="rollcall", error="invalid_token"' : 'Bearer realm="rollcall"'
  return new Problem(
    'unauthenticated',
    'Log in at POST /v1/sessions and send its token as Authorization: Bearer.',
    {
      headers: { 'www-authenticate': challenge },
    },
  )
}

/**
 * A row of the member's own that refers to nobody: the account was deleted after the session was found. Throws
 * `unauthenticated` (401) then.
 */
export async function orAccountGone<T>(write: Promise<T>): Promise<T> {
  try {
    return await write
  } catch (error) {
    if (isForeignKeyViolation(error)) throw unauthenticated(true)
    throw error
  }
}

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * Cross-site request forgery: browsers say with Sec-Fetch-Site whether a page of this origin asks; if they do not,
 * Origin must be the configured one. Throws `cross-site` (403).
 */
export function refuseCrossSite(request: FastifyRequest, publicOrigin: string): void {
  if (SAFE_METHODS.has(request.method)) return
  const site = request.headers['sec-fetch-site']
  const isOwn =
    site === undefined
      ? publicOrigin !== '' && request.headers.origin === publicOrigin
      : site === 'same-origin'
  if (!isOwn) throw new Problem('cross-site', 'Send Sec-Fetch-Site: same-origin, or the configured Origin.')
}
