import {
  HTTP_REQUEST_METHOD_VALUE_CONNECT,
  HTTP_REQUEST_METHOD_VALUE_DELETE,
  HTTP_REQUEST_METHOD_VALUE_GET,
  HTTP_REQUEST_METHOD_VALUE_HEAD,
  HTTP_REQUEST_METHOD_VALUE_OPTIONS,
  HTTP_REQUEST_METHOD_VALUE_OTHER,
  HTTP_REQUEST_METHOD_VALUE_PATCH,
  HTTP_REQUEST_METHOD_VALUE_POST,
  HTTP_REQUEST_METHOD_VALUE_PUT,
  HTTP_REQUEST_METHOD_VALUE_TRACE,
} from '@opentelemetry/semantic-conventions'
import { HTTP_REQUEST_METHOD_VALUE_QUERY } from './semconv.ts'

/**
 * The closed sets of attribute values. Each value from outside is reduced to one of these before it tags a measurement,
 * so no client can add a series.
 */

/** `page` of all work outside a page: start-up, checks, health and documents, unmatched requests. */
export const NO_PAGE = 'none'

/** The methods of the semantic conventions (docs/http/http-spans.md). Every other method is `_OTHER`. */
export const METHODS = [
  HTTP_REQUEST_METHOD_VALUE_CONNECT,
  HTTP_REQUEST_METHOD_VALUE_DELETE,
  HTTP_REQUEST_METHOD_VALUE_GET,
  HTTP_REQUEST_METHOD_VALUE_HEAD,
  HTTP_REQUEST_METHOD_VALUE_OPTIONS,
  HTTP_REQUEST_METHOD_VALUE_PATCH,
  HTTP_REQUEST_METHOD_VALUE_POST,
  HTTP_REQUEST_METHOD_VALUE_PUT,
  HTTP_REQUEST_METHOD_VALUE_QUERY,
  HTTP_REQUEST_METHOD_VALUE_TRACE,
] as const
export const OTHER_METHOD = HTTP_REQUEST_METHOD_VALUE_OTHER

const knownMethods: ReadonlySet<string> = new Set(METHODS)

/** Methods are case-sensitive (RFC 9110 §9.1): `get` is not GET. */
export function methodTag(method: string): string {
  return knownMethods.has(method) ? method : OTHER_METHOD
}

export const SCHEMES = ['http', 'https'] as const

/** A proxy's X-Forwarded-Proto may hold any text. */
export function schemeTag(protocol: string): (typeof SCHEMES)[number] {
  return protocol === 'https' ? 'https' : 'http'
}

/**
 * Reasons for an incomplete response. `aborted`: the client went away. `timeout`: the client did not send its request in
 * time. `response_failed`: this side broke the response off.
 */
export const CUT_OFF = ['aborted', 'timeout', 'response_failed'] as const
export type CutOff = (typeof CUT_OFF)[number]
