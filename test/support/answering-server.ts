import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync, inflateSync } from 'node:zlib'
import type { Encoding } from './protobuf.ts'

/** A request that was read to its end. */
export interface ReceivedRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  /** As it came over the wire. */
  readonly body: Buffer
}

export interface Reply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer | string
}

/** How a request ends: with a reply, never, or by a reset of its connection. */
export type Outcome = Reply | 'no answer' | 'reset'

/** An HTTP server of a test, which meets each request as a function says. */
export class AnsweringServer {
  readonly #server

  constructor(answer: (request: ReceivedRequest) => Outcome | Promise<Outcome>) {
    this.#server = createServer(async (request, response) => {
      const received = await readWhole(request).catch(() => undefined)
      // The sender left in the middle.
      if (received === undefined) return
      const outcome = await Promise.try(answer, received).catch(unforeseen)
      if (outcome === 'reset') request.socket.resetAndDestroy()
      else if (outcome !== 'no answer') response.writeHead(outcome.status, outcome.headers).end(outcome.body)
    })
    // A connection that is closed here while a sender writes to it would be a failure that no test ordered.
    this.#server.keepAliveTimeout = 600_000
  }

  /** On a free port unless told. Fails where the port is taken. */
  async listen(port = 0): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#server.once('error', reject).listen(port, '127.0.0.1', resolve)
    await promise
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

async function readWhole(request: IncomingMessage): Promise<ReceivedRequest> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://receiver')
  const body = Buffer.concat(await request.toArray())
  return { method: request.method ?? '', path: pathname, query: searchParams, headers: request.headers, body }
}

function unforeseen(error: unknown): Reply {
  return { status: 500, body: `The receiver itself failed: ${(error as Error).stack}` }
}

/** What is not taken, and why. */
export class Refused extends Error {
  readonly status: number

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.status = status
  }
}

/** A body that cannot be read is refused with what it is not. */
export function readable<T>(read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw cause instanceof Refused ? cause : new Refused(400, (cause as Error).message, { cause })
  }
}

export function encodingOf({ headers }: Pick<ReceivedRequest, 'headers'>): Encoding {
  switch (headers['content-type']?.split(';')[0]) {
    case 'application/x-protobuf':
      return 'protobuf'
    case 'application/json':
      return 'json'
    default:
      throw new Refused(415, 'The content type must be application/x-protobuf or application/json.')
  }
}

type Decompress = (body: Buffer, options: { maxOutputLength: number }) => Buffer

/** The compressions of OTLP/HTTP. */
export const COMPRESSIONS: Readonly<Record<string, Decompress>> = { gzip: gunzipSync, deflate: inflateSync }

export interface BodyLimits {
  /** As it is sent. */
  readonly maxSentBytes: number
  /** Decompressed. */
  readonly maxBytes: number
}

/** The body, decompressed. */
export function contentOf(
  { headers, body }: ReceivedRequest,
  { maxSentBytes, maxBytes }: BodyLimits = { maxSentBytes: 2 ** 28, maxBytes: 2 ** 28 },
  compressions = COMPRESSIONS,
): Buffer {
  if (body.length > maxSentBytes) throw new Refused(413, `The body is larger than ${maxSentBytes} bytes.`)
  const tooLarge = () => new Refused(413, `The body is larger than ${maxBytes} bytes after decompression.`)
  const compression = headers['content-encoding'] ?? 'identity'
  if (compression === 'identity') {
    if (body.length > maxBytes) throw tooLarge()
    return body
  }
  const decompress = compressions[compression]
  if (!decompress)
    throw new Refused(415, `The content encoding must be none, ${Object.keys(compressions).join(', ')}.`)
  try {
    return decompress(body, { maxOutputLength: maxBytes })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge()
    throw new Refused(400, 'The body cannot be decompressed.', { cause })
  }
}
