import { randomBytes } from 'node:crypto'
import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { PROBLEM_JSON, Problem, type ProblemCode, problemBody } from '../errors.ts'

const PARSER_ERRORS: Record<string, [ProblemCode, string]> = {
  ERR_HTTP_REQUEST_TIMEOUT: ['request-timeout', 'The request did not arrive in time.'],
  HPE_HEADER_OVERFLOW: ['headers-too-large', 'The header fields are larger than this service reads.'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [
    'body-too-large',
    'The chunk extensions are larger than this service reads.',
  ],
}

/**
 * Requests that Node's parser refuses reach no hook: the answer is written to the socket by hand. If the head of the
 * request had arrived, the request is being measured, and the answer carries its trace id.
 */
export function answerParserError(
  app: FastifyInstance,
  error: Error & { code?: string },
  socket: Duplex,
): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  const open = app.openRequestOn(socket as never)
  const [code, detail] = PARSER_ERRORS[error.code ?? ''] ?? [
    'malformed-request',
    'This is not well-formed HTTP/1.1.',
  ]
  if (open?.request.complete && !open.response.writableFinished) {
    // Rubbish behind a good request: the next answer belongs to that request.
    open.response.once('close', () => socket.destroy())
    return
  }
  const problem = new Problem(code, detail, { headers: open ? app.crossOriginFields(open.request) : {} })
  writeProblem(app, problem, socket, open?.traceId, error.code)
}

/**
 * Requests that Node would answer by itself, without a body: `CONNECT`, which asks for a tunnel; an unknown `Expect`,
 * which may be ignored (RFC 9110 §10.1.1); a request without `Host` (RFC 9112 §3.2).
 */
export function registerServerEvents(app: FastifyInstance): void {
  app.server.on('connect', (_request: IncomingMessage, socket: Duplex) => {
    const problem = new Problem('method-not-allowed', 'This is no proxy.', {
      headers: { allow: 'GET, HEAD' },
    })
    writeProblem(app, problem, socket, undefined, 'CONNECT')
  })
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response))
  app.addHook('onRequest', function requireHost(request, _reply, done) {
    const isMissing = request.raw.headers.host === undefined && request.raw.httpVersion === '1.1'
    done(isMissing ? new Problem('malformed-request', 'The Host field is missing.') : undefined)
  })
}

function writeProblem(
  app: FastifyInstance,
  problem: Problem,
  socket: Duplex,
  knownTraceId: string | undefined,
  cause: string | undefined,
): void {
  const traceId = knownTraceId ?? randomBytes(16).toString('hex')
  const body = problemBody(problem, traceId, undefined)
  app.logRefusal(problem, traceId, app.log, { trace_id: traceId, cause })
  if (!socket.writable) return
  const text = JSON.stringify(body)
  const fields = {
    ...problem.headers,
    'content-type': PROBLEM_JSON,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    connection: 'close',
  }
  const head = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${body.status} ${STATUS_CODES[body.status]}\r\n${head.join('')}\r\n${text}`, () =>
    socket.destroy(),
  )
}
