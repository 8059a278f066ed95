import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { SESSION_COOKIE } from '../../src/sessions/cookie.ts'
import { SessionStore } from '../../src/sessions/session-store.ts'
import type { OpenedApp } from './harness.ts'
import { addUsers } from './members.ts'

interface Shown {
  status: number
  /** Path of the page that is shown at the end. */
  path: string
  body: string
}

/** A browser without scripts, as far as the service sees it: it sends forms, keeps cookies and follows redirects. */
export function browse(app: Pick<FastifyInstance, 'inject'>, session?: string) {
  const cookies = new Map(session === undefined ? [] : [[SESSION_COOKIE, session]])

  async function request(
    method: 'GET' | 'POST',
    url: string,
    payload: string | Buffer | undefined,
    headers: Record<string, string>,
  ): Promise<LightMyRequestResponse> {
    const reply = await app.inject({
      method,
      url,
      headers: {
        accept: 'text/html',
        'sec-fetch-site': 'same-origin',
        cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
        ...headers,
      },
      ...(payload !== undefined && { payload }),
    })
    for (const { name, value } of reply.cookies) {
      if (value === '') cookies.delete(name)
      else cookies.set(name, value)
    }
    return reply
  }

  function send(
    method: 'GET' | 'POST',
    url: string,
    fields?: Record<string, string>,
    headers: Record<string, string> = {},
  ): Promise<LightMyRequestResponse> {
    if (method === 'GET') return request(method, url, undefined, headers)
    const type = { 'content-type': 'application/x-www-form-urlencoded' }
    return request(method, url, new URLSearchParams(fields).toString(), { ...type, ...headers })
  }

  async function show(method: 'GET' | 'POST', url: string, fields?: Record<string, string>): Promise<Shown> {
    const reply = await send(method, url, fields)
    if (reply.statusCode === 303) return show('GET', String(reply.headers.location))
    return { status: reply.statusCode, path: url, body: reply.body }
  }

  return {
    /** One request, without its redirect. */
    send,
    /** The same with a body that no form sends. */
    sendBody: (url: string, body: string | Buffer, headers: Record<string, string>) =>
      request('POST', url, body, headers),
    get: (url: string) => show('GET', url),
    post: (url: string, fields: Record<string, string> = {}) => show('POST', url, fields),
  }
}

/** A new member at a browser, logged in; without the time that a password takes to hash. */
export async function browseAs({ app, db, config }: Pick<OpenedApp, 'app' | 'db' | 'config'>, name: string) {
  const [user] = await addUsers(db, [name])
  if (user === undefined) throw new Error(`${name} was not added`)
  const sessions = new SessionStore(db, config)
  const { token } = await db.transaction().execute((tx) => sessions.create(tx, user.id, 'cookie'))
  return { ...user, ...browse(app, token) }
}

/** Address of the link with this text; undefined without one. */
export function linkTo(body: string, text: string): string | undefined {
  const href = new RegExp(`<a [^>]*href="([^"]*)"[^>]*>${text}<`).exec(body)?.[1]
  return href?.replaceAll('&#38;', '&').replaceAll('&#61;', '=').split('#', 1)[0]
}
