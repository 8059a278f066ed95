import type { LookupFunction } from 'node:net'
import { FeedError } from './feed-error.ts'
import { retryAtOf } from './freshness.ts'
import { type Answer, httpGet } from './http-get.ts'
import type { Networks } from './networks.ts'

const MAX_BYTES = 1024 * 1024
const MAX_REDIRECTS = 3
const REDIRECTS = new Set([301, 302, 303, 307, 308])

/** One request to a host, ended or refused. `status` is missing without an answer, `error` if it was a good one. */
export type ObserveRequest = (request: {
  seconds: number
  status?: number | undefined
  error?: FeedError['code'] | undefined
}) => void

interface FeedClientOptions {
  networks: Networks
  lookup?: LookupFunction | undefined
  userAgent: string
  observe: ObserveRequest
}

/** What an earlier answer said, to ask for nothing but a change. */
export interface Validators {
  readonly etag: string | null
  readonly lastModified: string | null
}

/** Asks for feeds: without cookies or credentials, and following few redirects. */
export class FeedClient {
  readonly #options: FeedClientOptions

  constructor(options: FeedClientOptions) {
    this.#options = options
  }

  /** An answer with status 200 or 304, and its address. Throws {@link FeedError}. */
  async get(address: string, validators: Validators, signal: AbortSignal): Promise<Answer & { url: URL }> {
    const { etag, lastModified } = validators
    const headers = {
      accept:
        'application/rss+xml, application/atom+xml, application/feed+json, application/rdf+xml, application/xml;q=0.9, application/json;q=0.9, text/xml;q=0.9, */*;q=0.5',
      'user-agent': this.#options.userAgent,
      ...(etag !== null && { 'if-none-match': etag }),
      ...(lastModified !== null && { 'if-modified-since': lastModified }),
    }
    let url = new URL(address)
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const answer = await this.#request(url, headers, signal)
      if (!REDIRECTS.has(answer.status)) return { ...requireGood(answer, etag ?? lastModified), url }
      url = locationOf(answer, url)
    }
    throw new FeedError('too-many-redirects')
  }

  async #request(url: URL, headers: Record<string, string>, signal: AbortSignal): Promise<Answer> {
    const { networks, lookup, observe } = this.#options
    const startedAt = performance.now()
    const seconds = () => (performance.now() - startedAt) / 1000
    try {
      const answer = await httpGet(url, { networks, lookup, headers, maxBytes: MAX_BYTES, signal })
      observe({ seconds: seconds(), status: answer.status })
      return answer
    } catch (error) {
      observe({ seconds: seconds(), error: (error as FeedError).code })
      throw error
    }
  }
}

function locationOf({ headers }: Answer, from: URL): URL {
  const { location } = headers
  const url = location !== undefined && URL.canParse(location, from) ? new URL(location, from) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) throw new FeedError('bad-redirect')
  return url
}

function requireGood(answer: Answer, validator: string | null): Answer {
  const { status, headers } = answer
  if (status === 200 || (status === 304 && validator !== null)) return answer
  const retryAt = retryAtOf(headers, Date.now())
  if (status === 401 || status === 403) throw new FeedError('denied', { retryAt })
  if (status === 404 || status === 410) throw new FeedError('not-found', { retryAt })
  throw new FeedError('bad-status', { retryAt })
}
