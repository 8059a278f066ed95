import type { Server } from 'node:http'
import { type FastifyHttpOptions, type FastifyInstance, LogController } from 'fastify'
import type { Config } from '../config.ts'
import { sendProblem } from '../errors.ts'
import { answerParserError } from './client-errors.ts'
import { buildLateSerializer } from './late-compilation.ts'
import { isTrustedPeer } from './trusted-peers.ts'

/**
 * Limits and the framework's own refusals. Every time-out is set: the framework switches Node's 300 s for a whole
 * request off, and slow bodies would be unbounded.
 */
export function serverOptions(config: Config) {
  return {
    // No line for an ordinary request. The trace id names a request; the framework's own number would be a second name.
    logController: new LogController({ disableRequestLogging: true }),
    childLoggerFactory: (logger, _numbered, options) => logger.child({}, options),
    schemaController: { compilersFactory: { buildSerializer: buildLateSerializer } },
    bodyLimit: config.bodyMaxBytes,
    requestTimeout: config.requestTimeoutMs,
    handlerTimeout: config.handlerTimeoutMs,
    keepAliveTimeout: config.keepAliveTimeoutMs,
    http: {
      headersTimeout: Math.min(config.headersTimeoutMs, config.requestTimeoutMs),
      // Interval of the check of both time-outs; Node's 30 s would let a slow request live three times as long as
      // allowed.
      connectionsCheckingInterval: Math.min(1000, config.requestTimeoutMs),
      // Checked by a hook instead: Node's own refusal has no body.
      requireHostHeader: false,
    },
    trustProxy: isTrustedPeer(config.trustProxy),
    // While it closes, the framework would answer 503 past all hooks, unmeasured; these requests are served instead.
    return503OnClosing: false,
    clientErrorHandler(error, socket) {
      // Called on the application, although the type of the options says otherwise.
      answerParserError(this as unknown as FastifyInstance, error, socket)
    },
    rewriteUrl: (request) => originForm(request.url ?? '/'),
    frameworkErrors(error, request, reply) {
      request.server.measureUnrouted(request, reply)
      sendProblem(error, request, reply.headers(request.server.crossOriginFields(request.raw)))
    },
  } satisfies FastifyHttpOptions<Server>
}

/** A request may carry its whole address (RFC 9112 §3.2.2); routes, links and spans see its path. */
function originForm(url: string): string {
  if (url.startsWith('/') || !URL.canParse(url)) return url
  const { pathname, search } = new URL(url)
  return `${pathname}${search}`
}
