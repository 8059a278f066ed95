import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Problem } from '../errors.ts'

const MAX_DEPTH = 32

/**
 * Reads request bodies as RFC 8259 means them for machines: valid UTF-8, each key once, no `__proto__`, a bounded
 * depth. The framework's parser replaces invalid bytes by U+FFFD and lets the last of two equal keys win, and so stores
 * text that no client sent.
 */
export function registerStrictJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    async (request: FastifyRequest, body: Buffer) => {
      const charset = /;\s*charset\s*=\s*"?([^\s;"]*)/i.exec(request.headers['content-type'] ?? '')?.[1]
      if (charset !== undefined && charset.toLowerCase() !== 'utf-8')
        throw new Problem('unsupported-media-type', 'JSON is sent in UTF-8.')
      // Without a route the body is not read. An empty body counts as none: some clients send its type all the same.
      if (request.is404 || (body.length === 0 && request.routeOptions.schema?.body === undefined))
        return undefined
      return parseStrictJson(body)
    },
  )
  // A body that no schema describes would be dropped in silence: refuse it.
  app.addHook('preValidation', async function refuseUnwantedBody(request) {
    if (request.body !== undefined && request.routeOptions.schema?.body === undefined && !request.is404)
      throw new Problem('invalid', 'This request takes no body.', {
        errors: [{ pointer: '#', detail: 'must be absent' }],
      })
  })
}

/** Throws `malformed-json` (400) with the defect. */
export function parseStrictJson(body: Buffer): unknown {
  const text = decode(body)
  if (text.trim() === '') throw malformed('The body is empty; send a JSON object.')
  const keysWritten = countKeysAndDepth(text)
  const value = parse(text)
  const { keys, prototypeKey } = inspect(value)
  if (prototypeKey !== undefined) throw malformed(`The key "${prototypeKey}" is not allowed.`)
  // Parsing merges equal keys, so fewer keys than were written means that one was there twice.
  if (keys !== keysWritten) throw malformed('An object has the same key twice.')
  return value
}

const malformed = (detail: string, cause?: unknown) => new Problem('malformed-json', detail, { cause })

function decode(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch (cause) {
    throw malformed('The body is not valid UTF-8.', cause)
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw malformed('The body is not well-formed JSON.', cause)
  }
}

/**
 * Counts the keys in the text. One pass over strings and brackets; other text cannot hold either. The closing quote is
 * optional: without it a string that never ends would be tried again from each of its quotes, in quadratic time.
 */
function countKeysAndDepth(text: string): number {
  let keys = 0
  let depth = 0
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"?\s*:?|[[\]{}]/gs)) {
    if (token.startsWith('"')) keys += token.endsWith(':') ? 1 : 0
    else if (token === '{' || token === '[') depth += 1
    else depth -= 1
    if (depth > MAX_DEPTH) throw malformed(`The body is nested deeper than ${MAX_DEPTH} levels.`)
  }
  return keys
}

function inspect(value: unknown): { keys: number; prototypeKey: string | undefined } {
  if (typeof value !== 'object' || value === null) return { keys: 0, prototypeKey: undefined }
  let keys = 0
  let prototypeKey: string | undefined
  for (const [key, member] of Object.entries(value)) {
    const inner = inspect(member)
    keys += inner.keys
    prototypeKey ??= inner.prototypeKey
    if (Array.isArray(value)) continue
    keys += 1
    if (key === '__proto__' || key === 'constructor' || key === 'prototype') prototypeKey = key
  }
  return { keys, prototypeKey }
}
