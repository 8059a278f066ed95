import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { parseOrigins } from '../config.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The fields that let a page of another origin read the answer. For refusals that reach no hook. */
    crossOriginFields(request: IncomingMessage): Readonly<Record<string, string>>
  }
}

/** Every answer of the API depends on the origin that asks (the Fetch standard, "CORS protocol and HTTP caches"). */
const VARY = { vary: 'Origin' }
const EXPOSED = 'ETag, Link, Location, Retry-After, WWW-Authenticate'
const REQUEST_FIELDS = 'authorization, content-type, if-match, if-none-match, traceparent, tracestate'
/** Chromium keeps a preflight's answer for at most two hours. */
const PREFLIGHT_SECONDS = '7200'

/**
 * Lets pages of the listed origins, or of all with `*`, use `/v1`. They send a bearer token: no answer allows credentials, so
 * a browser gives them nothing that a cookie paid for. `cross-origin-resource-policy` stays as it is, because it is about
 * requests that do not ask by this protocol. Without origins there is no hook, and no reply has a field more.
 */
export function registerCrossOrigin(app: FastifyInstance, list: string): void {
  const origins = parseOrigins(list) ?? new Set()

  function fieldsOf({ url, headers: { origin } }: IncomingMessage): Readonly<Record<string, string>> {
    if (origins.size === 0 || !url?.startsWith('/v1/')) return {}
    const allowed = origins.has('*') ? '*' : origin
    if (origin === undefined || allowed === undefined || !origins.has(allowed)) return VARY
    return { ...VARY, 'access-control-allow-origin': allowed, 'access-control-expose-headers': EXPOSED }
  }

  app.decorate('crossOriginFields', fieldsOf)
  if (origins.size === 0) return
  app.addHook('onRequest', function setCrossOriginFields(request, reply, done) {
    reply.headers(fieldsOf(request.raw))
    done()
  })
}

/** Whether the browser of an allowed page asks for one of the path's methods beforehand. */
export function isPreflight(
  request: FastifyRequest,
  reply: FastifyReply,
  methods: ReadonlySet<string>,
): boolean {
  const asked = request.headers['access-control-request-method']
  return (
    request.method === 'OPTIONS' &&
    asked !== undefined &&
    methods.has(asked) &&
    reply.hasHeader('access-control-allow-origin')
  )
}

export function answerPreflight(reply: FastifyReply, methods: ReadonlySet<string>): FastifyReply {
  return reply
    .code(204)
    .headers({
      'access-control-allow-methods': [...methods].sort().join(', '),
      'access-control-allow-headers': REQUEST_FIELDS,
      'access-control-max-age': PREFLIGHT_SECONDS,
    })
    .send()
}
