import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type TSchema, Type } from 'typebox'
import { DatabaseLockedError } from './db/database-error.ts'

/**
 * Every problem that this service answers with: the last part of its `type`, its status and its title.
 * Clients branch on the type, so a renamed key is a breaking change.
 */
export const PROBLEMS = {
  'malformed-request': { status: 400, title: 'The request is malformed' },
  'malformed-json': { status: 400, title: 'The body is not well-formed JSON' },
  'invalid-cursor': { status: 400, title: 'The cursor does not belong to this listing' },
  unauthenticated: { status: 401, title: 'A valid session is needed' },
  'wrong-credentials': { status: 401, title: 'E-mail address or password is wrong' },
  'cross-site': { status: 403, title: 'A cookie session accepts changes from its own site only' },
  'not-administrator': { status: 403, title: 'Only administrators may do this' },
  'results-hidden': { status: 403, title: 'The results of this poll are not shown yet' },
  'wrong-password': { status: 403, title: 'The current password is wrong' },
  'not-found': { status: 404, title: 'There is nothing here' },
  'method-not-allowed': { status: 405, title: 'This resource does not have that method' },
  'request-timeout': { status: 408, title: 'The request did not arrive in time' },
  'email-taken': { status: 409, title: 'That e-mail address has an account' },
  blocked: { status: 409, title: 'You block this member' },
  'poll-closed': { status: 409, title: 'The poll is closed' },
  'poll-not-open': { status: 409, title: 'The poll has not opened' },
  'poll-has-votes': { status: 409, title: 'The poll has votes' },
  'too-many-open-polls': { status: 409, title: 'Too many polls are not closed' },
  'too-many-requests-pending': { status: 409, title: 'Too many friend requests are pending' },
  'too-many-videos': { status: 409, title: 'No more videos can be saved' },
  'precondition-failed': { status: 412, title: 'It was changed meanwhile' },
  'body-too-large': { status: 413, title: 'The body is too large' },
  'uri-too-long': { status: 414, title: 'The address is too long' },
  'unsupported-media-type': { status: 415, title: 'The body must be application/json' },
  invalid: { status: 422, title: 'The request is not valid' },
  'precondition-required': { status: 428, title: 'The change must name the version that it replaces' },
  'rate-limited': { status: 429, title: 'Too many requests' },
  'headers-too-large': { status: 431, title: 'The header fields are too large' },
  internal: { status: 500, title: 'Something went wrong on our side' },
  overloaded: { status: 503, title: 'The service is overloaded' },
  'handler-timeout': { status: 503, title: 'The answer took too long' },
  unavailable: { status: 503, title: 'The service is not ready' },
} as const

export type ProblemCode = keyof typeof PROBLEMS

/** One defect of the input: its place (a JSON Pointer as URI fragment, or a parameter's name) and a sentence. */
export interface InputError {
  pointer?: string
  parameter?: string
  detail: string
}

interface ProblemOptions {
  errors?: InputError[]
  headers?: Record<string, string>
  /** Members beside the standard ones, such as `max`. */
  extensions?: Record<string, unknown>
  cause?: unknown
}

/** The one error that handlers throw: a code of {@link PROBLEMS} and a detail that is safe to show. */
export class Problem extends Error {
  readonly code: ProblemCode
  readonly statusCode: number
  readonly errors: InputError[] | undefined
  readonly headers: Record<string, string>
  readonly extensions: Record<string, unknown>

  constructor(code: ProblemCode, detail: string, options: ProblemOptions = {}) {
    super(detail, { cause: options.cause })
    this.name = 'Problem'
    this.code = code
    this.statusCode = PROBLEMS[code].status
    this.errors = options.errors
    this.headers = options.headers ?? {}
    this.extensions = options.extensions ?? {}
  }
}

/** The body of every refusal, `application/problem+json` (RFC 9457). */
export const ProblemBody = Type.Object(
  {
    type: Type.String({ description: 'Stable; `GET` it for its meaning', format: 'uri-reference' }),
    title: Type.String(),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    detail: Type.String(),
    instance: Type.Optional(Type.String({ description: 'Path of the request' })),
    traceId: Type.String({ pattern: '^[0-9a-f]{32}$', description: 'Trace id, also in the log lines' }),
    errors: Type.Optional(
      Type.Array(
        Type.Object({
          pointer: Type.Optional(Type.String({ description: 'JSON Pointer into the body, as URI fragment' })),
          parameter: Type.Optional(Type.String()),
          detail: Type.String(),
        }),
      ),
    ),
    max: Type.Optional(Type.Integer({ description: 'The limit that was reached' })),
  },
  { $id: 'Problem', additionalProperties: false },
)

/** The reply as it goes out. `instance` is the path without its query, which may hold a cursor or a name. */
export function problemBody(problem: Problem, traceId: string, url: string | undefined) {
  const { status, title } = PROBLEMS[problem.code]
  return {
    type: `/problems/${problem.code}`,
    title,
    status,
    detail: problem.message,
    ...(url !== undefined && { instance: url.split('?', 1)[0] as string }),
    traceId,
    ...(problem.errors && { errors: problem.errors }),
    ...problem.extensions,
  }
}

export const PROBLEM_JSON = 'application/problem+json'

/** Response schemas for a route: `problems(401, 404)`. */
export function problems<const S extends number>(...statuses: S[]): { [status in S]: TSchema } {
  const responses = statuses.map((status) => [
    status,
    { description: describeStatus(status), content: { [PROBLEM_JSON]: { schema: Type.Ref('Problem') } } },
  ])
  return Object.fromEntries(responses)
}

function describeStatus(status: number): string {
  const titles = Object.values(PROBLEMS).filter((problem) => problem.status === status)
  return titles.map((problem) => problem.title).join(', or: ')
}

/** The framework's own errors, as problems. */
const FRAMEWORK_ERRORS: Record<string, [ProblemCode, string]> = {
  FST_ERR_BAD_URL: ['malformed-request', 'The path is not valid percent-encoded UTF-8.'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['unsupported-media-type', 'Send the body as application/json.'],
  FST_ERR_CTP_BODY_TOO_LARGE: ['body-too-large', 'The body is larger than this service reads.'],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['malformed-json', 'The body is empty; send a JSON object.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [
    'malformed-request',
    'The body is not as long as Content-Length says.',
  ],
  // Of @fastify/static, for a path that no file system has: with NUL, or too long.
  FST_STATIC_FORBIDDEN_PATH: ['not-found', 'There is nothing at this path.'],
  FST_ERR_HANDLER_TIMEOUT: ['handler-timeout', 'The answer took too long; try again later.'],
}

const FRAMEWORK_STATUSES: Record<number, ProblemCode> = {
  400: 'malformed-request',
  404: 'not-found',
  413: 'body-too-large',
  414: 'uri-too-long',
  415: 'unsupported-media-type',
  429: 'rate-limited',
  503: 'overloaded',
}

export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  if (error instanceof DatabaseLockedError)
    return new Problem('unavailable', error.message, { headers: { 'retry-after': '1' }, cause: error })
  const fault = error as Partial<FastifyError>
  if (fault?.validation) return invalidInput(fault as FastifyError)
  if (fault?.code === 'ECONNRESET')
    return new Problem('malformed-request', 'The request did not arrive whole.', { cause: error })
  const known = fault?.code === undefined ? undefined : FRAMEWORK_ERRORS[fault.code]
  if (known) {
    const headers: Record<string, string> = known[0] === 'handler-timeout' ? { 'retry-after': '1' } : {}
    return new Problem(known[0], known[1], { cause: error, headers })
  }
  // Only the framework's own errors are trusted to carry a status: a stray `statusCode` on anything else is a bug.
  const code = fault?.code?.startsWith('FST_') ? FRAMEWORK_STATUSES[fault.statusCode ?? 500] : undefined
  if (code) return new Problem(code, `${PROBLEMS[code].title}.`, { cause: error })
  return new Problem('internal', 'The request failed; the log has the cause under this trace id.', {
    cause: error,
  })
}

function invalidInput(error: FastifyError): Problem {
  const inBody = error.validationContext === 'body'
  const errors = (error.validation ?? []).map((issue): InputError => {
    const { missingProperty, additionalProperty } = issue.params as Record<string, string | undefined>
    const detail = additionalProperty === undefined ? (issue.message ?? 'is not valid') : 'is not known here'
    const name = missingProperty ?? additionalProperty
    const path = [
      ...issue.instancePath.split('/').slice(1),
      ...(name === undefined ? [] : [pointerSegment(name)]),
    ]
    if (!inBody) return { parameter: name ?? path[0] ?? '', detail }
    return { pointer: `#${path.map((segment) => `/${encodeURIComponent(segment)}`).join('')}`, detail }
  })
  return new Problem('invalid', inBody ? 'The body breaks a rule.' : 'A parameter breaks a rule.', {
    errors,
    cause: error,
  })
}

/** Escapes a key of the client's choice (RFC 6901 §3). */
function pointerSegment(key: string): string {
  return key.slice(0, 100).toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1')
}

/**
 * Makes {@link Problem} the only shape in which this application refuses: thrown problems, validation, the
 * framework's own errors and anything unforeseen. Each is counted (http/refusal-log.ts).
 */
export function registerErrorHandler(app: FastifyInstance): void {
  app.setErrorHandler(sendProblem)
}

/** The error as a problem, reported to the refusal log. */
export function refuse(error: unknown, request: FastifyRequest): Problem {
  const problem = toProblem(error)
  // No client is left to refuse; the measurement of the request tells that it was aborted.
  if ((problem.cause as { code?: string } | undefined)?.code !== 'ECONNRESET')
    request.server.logRefusal(problem, request.traceId, request.log)
  return problem
}

/** Replies with the error as a problem, and reports it to the refusal log. */
export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = refuse(error, request)
  return (
    reply
      .code(problem.statusCode)
      .headers(problem.headers)
      // Once more, because some refusals come before any hook.
      .header('cache-control', 'no-store')
      .type(PROBLEM_JSON)
      .serializer(JSON.stringify)
      .send(problemBody(problem, request.traceId, request.raw.url))
  )
}
