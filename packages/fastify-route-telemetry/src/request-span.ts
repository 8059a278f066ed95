import { type Context, type Span, SpanStatusCode, trace } from '@opentelemetry/api'
import {
  ATTR_CLIENT_ADDRESS,
  ATTR_ERROR_TYPE,
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_REQUEST_METHOD_ORIGINAL,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
  ATTR_HTTP_ROUTE,
  ATTR_NETWORK_PROTOCOL_VERSION,
  ATTR_SERVER_ADDRESS,
  ATTR_SERVER_PORT,
  ATTR_URL_PATH,
  ATTR_URL_SCHEME,
  ATTR_USER_AGENT_ORIGINAL,
  HTTP_REQUEST_METHOD_VALUE_OTHER,
} from '@opentelemetry/semantic-conventions'
import type { FastifyRequest } from 'fastify'
import { errorTypeOf, type Outcome } from './request-recorders.ts'

/** Longest value from outside, in characters. */
const MAX_OUTSIDE_LENGTH = 256

/** `{METHOD} {route}`; unmatched requests are named by their method alone, because a path is unbounded. */
export function serverSpanName(method: string, route: string | undefined): string {
  const verb = method === HTTP_REQUEST_METHOD_VALUE_OTHER ? 'HTTP' : method
  return route === undefined ? verb : `${verb} ${route}`
}

/**
 * The stable HTTP attributes (semantic conventions, docs/http/http-spans.md). They are set only on a span that records:
 * for the other nine of ten spans they would be most of the cost.
 */
export function describeRequest(
  span: Span,
  request: FastifyRequest,
  method: string,
  scheme: string,
  route: string | undefined,
): void {
  const { raw } = request
  span.setAttributes({
    [ATTR_HTTP_REQUEST_METHOD]: method,
    [ATTR_URL_PATH]: bounded((raw.url ?? '/').split('?', 1)[0] as string),
    [ATTR_URL_SCHEME]: scheme,
    [ATTR_NETWORK_PROTOCOL_VERSION]: raw.httpVersion === '2.0' ? '2' : raw.httpVersion,
    [ATTR_CLIENT_ADDRESS]: request.ip,
  })
  if (method === HTTP_REQUEST_METHOD_VALUE_OTHER)
    span.setAttribute(ATTR_HTTP_REQUEST_METHOD_ORIGINAL, bounded(raw.method ?? ''))
  if (route !== undefined) span.setAttribute(ATTR_HTTP_ROUTE, route)
  if (request.hostname) span.setAttribute(ATTR_SERVER_ADDRESS, bounded(request.hostname))
  const port = Number(request.port)
  if (port > 0) span.setAttribute(ATTR_SERVER_PORT, port)
  const userAgent = raw.headers['user-agent']
  if (userAgent !== undefined) span.setAttribute(ATTR_USER_AGENT_ORIGINAL, bounded(userAgent))
}

/**
 * A link from our trace to the span of an untrusted caller, as instrumentations do at a public endpoint. It has the ids
 * and flags alone: a stranger chooses the text of `tracestate`. Only a span that records gets it, so others cost nothing.
 */
export function linkToCaller(span: Span, caller: Context): void {
  const from = trace.getSpanContext(caller)
  if (from === undefined) return
  const { traceId, spanId, traceFlags } = from
  span.addLink({ context: { traceId, spanId, traceFlags, isRemote: true } })
}

/** `endedAtMs` is a `performance.now()`, as the span's start was. Without it the SDK would mix two clocks. */
export function endServerSpan(span: Span, outcome: Outcome, error: unknown, endedAtMs: number): void {
  if (span.isRecording()) {
    if (outcome.status !== undefined) span.setAttribute(ATTR_HTTP_RESPONSE_STATUS_CODE, outcome.status)
    const errorType = errorTypeOf(outcome)
    if (errorType !== undefined) {
      span.setAttribute(ATTR_ERROR_TYPE, errorType)
      span.setStatus({ code: SpanStatusCode.ERROR })
      if (error !== undefined) span.recordException(error instanceof Error ? error : String(error), endedAtMs)
    }
  }
  span.end(endedAtMs)
}

function bounded(text: string): string {
  return text.length > MAX_OUTSIDE_LENGTH ? text.slice(0, MAX_OUTSIDE_LENGTH) : text
}
