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
 * The closed sets that attribute values come from. Whatever arrives from outside is reduced to one of these before
 * it may tag a measurement, so that no client can add a series.
 */

/** Methods that the semantic conventions know (docs/http/http-spans.md); every other is `_OTHER`. */
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

/** A proxy's X-Forwarded-Proto may say anything. */
export function schemeTag(protocol: string): (typeof SCHEMES)[number] {
  return protocol === 'https' ? 'https' : 'http'
}

/**
 * Why a request has no complete response: `aborted`, the client went away; `timeout`, it did not send its request
 * in time; `response_failed`, this side broke the response off.
 */
export const CUT_OFF = ['aborted', 'timeout', 'response_failed'] as const
export type CutOff = (typeof CUT_OFF)[number]

/** `error.type` where nothing better is known (semantic conventions, docs/general/recording-errors.md). */
export const OTHER_ERROR = '_OTHER'

/** Primary result codes of SQLite (https://www.sqlite.org/rescode.html) that a running service can meet. */
export const DATABASE_ERRORS = [
  'SQLITE_BUSY',
  'SQLITE_CANTOPEN',
  'SQLITE_CONSTRAINT',
  'SQLITE_CORRUPT',
  'SQLITE_ERROR',
  'SQLITE_FULL',
  'SQLITE_INTERRUPT',
  'SQLITE_IOERR',
  'SQLITE_LOCKED',
  'SQLITE_MISMATCH',
  'SQLITE_MISUSE',
  'SQLITE_NOMEM',
  'SQLITE_NOTADB',
  'SQLITE_READONLY',
  'SQLITE_SCHEMA',
  'SQLITE_TOOBIG',
] as const

const databaseErrors: ReadonlySet<string> = new Set(DATABASE_ERRORS)

/** Extended codes (`SQLITE_CONSTRAINT_UNIQUE`) are reduced to their primary one; never the message, which holds names. */
export function databaseErrorTag(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code
  const primary = typeof code === 'string' ? /^SQLITE_[A-Z]+/.exec(code)?.[0] : undefined
  return primary !== undefined && databaseErrors.has(primary) ? primary : OTHER_ERROR
}

export const GC_TYPES = ['major', 'minor', 'incremental', 'weakcb'] as const

/** Heap spaces of the V8 in Node 24 to 26; one it adds later is `_OTHER`. */
export const HEAP_SPACES = [
  'read_only_space',
  'new_space',
  'old_space',
  'code_space',
  'shared_space',
  'trusted_space',
  'shared_trusted_space',
  'new_large_object_space',
  'large_object_space',
  'code_large_object_space',
  'shared_large_object_space',
  'shared_trusted_large_object_space',
  'trusted_large_object_space',
] as const
