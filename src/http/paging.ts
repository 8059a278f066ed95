import { hash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type TSchema, Type } from 'typebox'
import { Problem } from '../errors.ts'

/**
 * Query parameters of every listing. The longest cursor holds a folded name and an id: 80 code points, each of which
 * folding can make 33 bytes (U+FDFA), are 3.6 kB in base64.
 */
export const pageQuery = {
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 200, default: 50, description: 'Most rows in the page' }),
  ),
  cursor: Type.Optional(
    Type.String({ minLength: 1, maxLength: 4096, description: '`nextCursor` of the page before; opaque' }),
  ),
}

/** Body of every listing: the rows, and the start of the next page. */
export function Page<const T extends TSchema>(row: T) {
  return Type.Object(
    {
      data: Type.Array(row),
      page: Type.Object(
        { nextCursor: Type.Union([Type.String(), Type.Null()], { description: 'null on the last page' }) },
        { additionalProperties: false },
      ),
    },
    { additionalProperties: false },
  )
}

/** The sort key of a page's last row, most significant part first. */
export type Keyset = readonly (string | number)[]

/**
 * Cursors of one listing. A cursor carries the key of the last row that was seen and a digest of its listing (name,
 * order, filter, member), so that no other listing takes it.
 */
export class Cursors {
  readonly #listing: string
  readonly #types: readonly ('string' | 'number')[]

  constructor(listing: readonly (string | number)[], types: readonly ('string' | 'number')[]) {
    this.#listing = hash('sha256', JSON.stringify(listing), 'base64url').slice(0, 11)
    this.#types = types
  }

  encode(key: Keyset): string {
    return Buffer.from(JSON.stringify([CURSOR_VERSION, this.#listing, ...key])).toString('base64url')
  }

  /** Throws `invalid-cursor` (400) for any text that {@link encode} of the same listing would not make. */
  decode(cursor: string | undefined): Keyset | undefined {
    if (cursor === undefined) return undefined
    const [version, listing, ...key] = parseArray(cursor)
    const fits =
      version === CURSOR_VERSION &&
      listing === this.#listing &&
      key.length === this.#types.length &&
      key.every((part, index) => typeof part === this.#types[index]) &&
      key.every((part) => typeof part !== 'number' || Number.isSafeInteger(part)) &&
      // Base64 decoding skips foreign characters, and JSON has several spellings: each position has one valid text.
      this.encode(key as Keyset) === cursor
    if (!fits) throw invalidCursor()
    return key as Keyset
  }
}

/** `invalid-cursor` (400). */
export function invalidCursor(): Problem {
  return new Problem(
    'invalid-cursor',
    'Take the cursor from nextCursor of the same listing, sort and filter.',
  )
}

/** Cursors of a listing that is ordered by ascending ids only. */
export function idCursors(...listing: (string | number)[]) {
  const cursors = new Cursors(listing, ['number'])
  return {
    after(cursor: string | undefined): number {
      const [id] = (cursors.decode(cursor) ?? [0]) as [number]
      return id
    },
    at: (last: { id: number }) => cursors.encode([last.id]),
  }
}

const CURSOR_VERSION = 1

function parseArray(cursor: string): unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
    return Array.isArray(value) ? value : []
  } catch {
    return []
  }
}

/** A page of `limit + 1` fetched rows: the extra row shows that a next page follows. */
export function pageOf<Row>(
  rows: readonly Row[],
  limit: number,
  cursorAfter: (last: Row) => string,
): { shown: readonly Row[]; nextCursor: string | null } {
  if (rows.length <= limit) return { shown: rows, nextCursor: null }
  return { shown: rows.slice(0, limit), nextCursor: cursorAfter(rows[limit - 1] as Row) }
}

/** The body of such a page, each row shown by `view`. Sets `Link`. */
export function sendPage<Row, View>(
  request: FastifyRequest,
  reply: FastifyReply,
  rows: readonly Row[],
  limit: number,
  cursorAfter: (last: Row) => string,
  view: (row: Row) => View,
): { data: View[]; page: { nextCursor: string | null } } {
  const { shown, nextCursor } = pageOf(rows, limit, cursorAfter)
  if (nextCursor !== null) linkNext(request, reply, nextCursor)
  return { data: shown.map(view), page: { nextCursor } }
}

/**
 * The same for rows that are JSON already, separated by commas: they are sent as they are, so the reply's schema only
 * describes them. `url` is the address of the next page if it is not the request's own.
 */
export function sendJsonPage(
  request: FastifyRequest,
  reply: FastifyReply,
  data: string,
  nextCursor: string | null,
  url?: string,
): FastifyReply {
  if (nextCursor !== null) linkNext(request, reply, nextCursor, url)
  const body = `{"data":[${data}],"page":{"nextCursor":${JSON.stringify(nextCursor)}}}`
  return reply.type('application/json; charset=utf-8').send(body)
}

/** `Link: rel="next"` (RFC 8288) with the request's own parameters, unless the listing goes on at another address. */
function linkNext(
  request: FastifyRequest,
  reply: FastifyReply,
  nextCursor: string,
  url = request.raw.url ?? '/',
): void {
  const [path, query] = url.split('?', 2) as [string, string?]
  const parameters = new URLSearchParams(query)
  parameters.set('cursor', nextCursor)
  reply.header('link', `<${path}?${parameters}>; rel="next"`)
}
