/**
 * The closed sets of attribute values. Text from outside is reduced to one of them before it tags a measurement, so
 * that no client can add a series.
 */

/** `error.type` for an unknown error (semantic conventions, docs/general/recording-errors.md). */
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

/**
 * Extended codes (`SQLITE_CONSTRAINT_UNIQUE`) are reduced to their primary one. The message is left out, because it
 * holds names.
 */
export function databaseErrorTag(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code
  const primary = typeof code === 'string' ? /^SQLITE_[A-Z]+/.exec(code)?.[0] : undefined
  return primary !== undefined && databaseErrors.has(primary) ? primary : OTHER_ERROR
}

export const GC_TYPES = ['major', 'minor', 'incremental', 'weakcb'] as const

/** Heap spaces of the V8 in Node 24 to 26; a later one is `_OTHER`. */
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

/** Statuses of other hosts that are told apart. */
export const CLIENT_STATUSES = [
  200, 300, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 410, 429, 500, 502, 503, 504,
] as const

/** Why a request to another host got no answer, or none that could be read. */
export const CLIENT_ERRORS = [
  'no-public-address',
  'port-refused',
  'unreachable',
  'timeout',
  'too-large',
  'unreadable',
] as const
