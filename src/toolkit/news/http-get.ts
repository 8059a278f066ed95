import { once } from 'node:events'
import {
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as requestHttp,
} from 'node:http'
import { request as requestHttps } from 'node:https'
import { connect, isIP, type LookupFunction, type Socket } from 'node:net'
import type { Readable, Transform } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { FeedError } from './feed-error.ts'
import { isUsualPort, type Networks } from './networks.ts'

export interface GetOptions {
  readonly networks: Networks
  /** Resolves names, instead of the system. */
  readonly lookup?: LookupFunction | undefined
  readonly headers: Readonly<Record<string, string>>
  /** Of the body, decompressed. */
  readonly maxBytes: number
  readonly signal: AbortSignal
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Read only if the status is 200. */
  readonly body: Buffer
}

/** One request on a connection of its own; no redirect is followed. Throws {@link FeedError}; its cause is for logs. */
export async function httpGet(url: URL, options: GetOptions): Promise<Answer> {
  let request: ClientRequest | undefined
  try {
    request = requestOf(url, options)
    const response = await responseTo(request)
    const { statusCode: status = 0, headers } = response
    const body = status === 200 ? await readBody(response, options.maxBytes) : Buffer.alloc(0)
    return { status, headers, body }
  } catch (error) {
    throw error instanceof FeedError ? error : toFeedError(error, url, options.signal)
  } finally {
    // A body that nobody wants is not waited for.
    request?.on('error', () => {}).destroy()
  }
}

function requestOf(url: URL, options: GetOptions): ClientRequest {
  return (url.protocol === 'https:' ? requestHttps : requestHttp)({
    method: 'GET',
    path: `${url.pathname}${url.search}`,
    headers: { ...options.headers, host: url.host, 'accept-encoding': 'gzip, deflate, br' },
    signal: options.signal,
    createConnection(_options, created) {
      connectTo(url, options).then(
        (socket) => created(null, socket),
        (error: Error) => created(error, undefined as never),
      )
      return undefined
    },
  })
}

function responseTo(request: ClientRequest): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  request
    .on('response', resolve)
    .on('upgrade', () => reject(new Error('it speaks another protocol')))
    .on('error', reject)
    .end()
  return promise
}

/**
 * The check of the address is Node's own, of the very address that it is about to connect to: names may resolve to
 * another one each time they are asked for.
 */
async function connectTo(url: URL, { networks, lookup, signal }: GetOptions): Promise<Socket> {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const port = portOf(url)
  const socket = connect({
    host,
    port,
    signal,
    blockList: networks.refusedAt(port),
    ...(lookup && { lookup }),
  })
  await once(socket, 'connect')
  if (url.protocol !== 'https:') return socket
  // A TLS socket that connects by itself takes no notice of `blockList`, and one on a socket that still tries a name's
  // addresses ends the process with a segmentation fault (Node 26.10).
  return connectTls({ socket, host, servername: isIP(host) ? '' : host, ALPNProtocols: ['http/1.1'] })
}

function portOf({ port, protocol }: URL): number {
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port)
}

async function readBody(response: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of decoded(response)) {
    bytes += chunk.length
    if (bytes > maxBytes) throw new FeedError('too-large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/**
 * The body without its compression. Without `pipeline`: it never ends if a decoder with much more to give is left
 * (Node 26.10).
 */
function decoded(response: IncomingMessage): Readable {
  const encoding = response.headers['content-encoding']?.trim().toLowerCase() ?? ''
  if (encoding === '' || encoding === 'identity') return response
  const decoder = DECODERS.get(encoding)?.()
  if (decoder === undefined) throw new FeedError('unreadable')
  response.on('error', (error) => decoder.destroy(error))
  return response.pipe(decoder)
}

const DECODERS: ReadonlyMap<string, () => Transform> = new Map([
  ['gzip', createGunzip],
  ['x-gzip', createGunzip],
  ['deflate', createInflate],
  ['br', createBrotliDecompress],
])

/** Codes of the resolver for a name that has no address, or none for now. */
const UNRESOLVED = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'ENODATA', 'ERR_INVALID_IP_ADDRESS'])

function toFeedError(error: unknown, url: URL, signal: AbortSignal): FeedError {
  if (signal.aborted) return new FeedError('timeout', { cause: error })
  const { code = '', errors = [] } = error as { code?: string; errors?: { code?: string }[] }
  // A name with several addresses has one error for each of them.
  const isRefused = code === 'ERR_IP_BLOCKED' || errors.some((each) => each.code === 'ERR_IP_BLOCKED')
  // The same for a name that is refused and for one without an address: nobody learns which names are known inside.
  if (isRefused || UNRESOLVED.has(code))
    return new FeedError(isUsualPort(portOf(url)) ? 'no-public-address' : 'port-refused', { cause: error })
  if (/^(Z_|ERR__?ZLIB|ERR_BROTLI|ERR__ERROR)/.test(code))
    return new FeedError('unreadable', { cause: error })
  return new FeedError('unreachable', { cause: error })
}
