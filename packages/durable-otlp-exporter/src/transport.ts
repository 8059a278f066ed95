import {
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { OtlpEndpoint } from './otlp-endpoint.ts'
import type { OtlpRequest } from './request.ts'

export interface Answer {
  readonly status: number
  readonly retryAfter: string | undefined
  /** At most {@link MAX_ANSWER_BYTES} of the answer. */
  readonly text: Buffer
}

/** Most kept bytes of an answer, enough for the number of rejected items and the reason. */
const MAX_ANSWER_BYTES = 65_536

/** Rejects without a whole answer in time. */
export interface Transport {
  send(request: OtlpRequest, signal: AbortSignal): Promise<Answer>
  close(): void
}

/**
 * A kept connection failed. A server may close it while it is idle, at the moment of its next use. That is no failure of
 * the server.
 */
export class KeptConnectionError extends Error {
  readonly code: string | undefined

  constructor(cause: Error & { code?: string }) {
    super(cause.message, { cause })
    this.code = cause.code
  }

  get isClosure(): boolean {
    return this.code === 'ECONNRESET' || this.code === 'EPIPE'
  }
}

/** Sends requests to one endpoint over kept connections. */
export function httpTransport(endpoint: OtlpEndpoint, userAgent: string): Transport {
  const secure = endpoint.url.startsWith('https:')
  const agent = secure
    ? new HttpsAgent({ keepAlive: true, ...endpoint.certificates })
    : new HttpAgent({ keepAlive: true })
  const open = secure ? httpsRequest : httpRequest
  const options = { agent, method: 'POST' } satisfies RequestOptions

  function send(request: OtlpRequest, signal: AbortSignal): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const headers = {
      'user-agent': userAgent,
      ...endpoint.headers,
      'content-type': CONTENT_TYPES[request.protocol],
      'content-length': request.bytes.length,
      ...(request.compression === 'gzip' && { 'content-encoding': 'gzip' }),
    }
    const sent = open(endpoint.url, { ...options, headers, signal }, (response) => {
      readAnswer(response).then(resolve, reject)
    })
    const late = () => {
      reject(new Error(`no answer, timed out after ${endpoint.timeoutMillis} ms`))
      sent.destroy()
    }
    const timer = setTimeout(late, endpoint.timeoutMillis)
    sent.on('error', (error) => reject(sent.reusedSocket ? new KeptConnectionError(error) : error))
    sent.end(request.bytes)
    return promise.finally(() => clearTimeout(timer))
  }

  return { send, close: () => agent.destroy() }
}

const CONTENT_TYPES = { 'http/json': 'application/json', 'http/protobuf': 'application/x-protobuf' } as const

async function readAnswer(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response) {
    if (size < MAX_ANSWER_BYTES) chunks.push(chunk)
    size += chunk.length
  }
  return {
    status: response.statusCode ?? 0,
    retryAfter: response.headers['retry-after'],
    text: Buffer.concat(chunks).subarray(0, MAX_ANSWER_BYTES),
  }
}
