import { randomBytes } from 'node:crypto'
import type { Server } from 'node:http'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { type FastifyHttpOptions, LogController } from 'fastify'
import type { Config } from '../config.ts'
import { PROBLEM_JSON, Problem, type ProblemCode, problemBody, sendProblem } from '../errors.ts'

/**
 * Limits and the framework's own refusals. Every time-out is set: the framework turns Node's 300 s for a whole
 * request off, and slow bodies would be unbounded.
 */
export function serverOptions(config: Config) {
  return {
    // No line for an ordinary request. The trace id names a request; the framework's own number would be a second name.
    logController: new LogController({ disableRequestLogging: true }),
    childLoggerFactory: (logger, _numbered, options) => logger.child({}, options),
    bodyLimit: config.bodyMaxBytes,
    requestTimeout: config.requestTimeoutMs,
    handlerTimeout: config.handlerTimeoutMs,
    keepAliveTimeout: config.keepAliveTimeoutMs,
    http: {
      headersTimeout: Math.min(config.headersTimeoutMs, config.requestTimeoutMs),
      // How often the two are looked at; Node's 30 s would let a slow request live three times as long as allowed.
      connectionsCheckingInterval: Math.min(1000, config.requestTimeoutMs),
    },
    trustProxy: config.trustProxy === '' ? false : config.trustProxy.split(',').map((range) => range.trim()),
    // While it closes, the framework would answer 503 past all hooks, unmeasured; these requests are served instead.
    return503OnClosing: false,
    clientErrorHandler: answerClientError,
    frameworkErrors(error, request, reply) {
      request.server.measureUnrouted(request, reply)
      sendProblem(error, request, reply)
    },
  } satisfies FastifyHttpOptions<Server>
}

const CLIENT_ERRORS: Record<string, [ProblemCode, string]> = {
  ERR_HTTP_REQUEST_TIMEOUT: ['request-timeout', 'The request did not arrive in time.'],
  HPE_HEADER_OVERFLOW: ['headers-too-large', 'The header fields are larger than this service reads.'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [
    'body-too-large',
    'The chunk extensions are larger than this service reads.',
  ],
}

/** What Node's parser refuses never becomes a request: the answer is written to the socket by hand. */
function answerClientError(
  this: { log: FastifyServerLog },
  error: Error & { code?: string },
  socket: Socket,
): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  const [code, detail] = CLIENT_ERRORS[error.code ?? ''] ?? [
    'malformed-request',
    'This is not well-formed HTTP/1.1.',
  ]
  const traceId = randomBytes(16).toString('hex')
  const body = problemBody(new Problem(code, detail), traceId, undefined)
  this.log.info(
    { trace_id: traceId, problem: code, status: body.status, cause: error.code },
    'request refused',
  )
  if (socket.writable) {
    const text = JSON.stringify(body)
    socket.write(
      `HTTP/1.1 ${body.status} ${STATUS_CODES[body.status]}\r\ncontent-type: ${PROBLEM_JSON}\r\n` +
        `content-length: ${Buffer.byteLength(text)}\r\ncache-control: no-store\r\nconnection: close\r\n\r\n${text}`,
    )
  }
  socket.destroySoon()
}

interface FastifyServerLog {
  info(line: object, message: string): void
}
