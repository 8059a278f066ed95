import { Agent, type IncomingHttpHeaders, type RequestOptions, request } from 'node:http'
import { TIME_OUT } from './results.ts'
import type { Target } from './target.ts'

export interface Ask {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly path: string
  readonly token?: string | undefined
  /** Of a browser: `name=value`. */
  readonly cookie?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
  /** Goes as JSON, or as a form. */
  readonly body?: object | URLSearchParams
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: readonly Buffer[]
  /** Bytes of the body. */
  readonly bytes: number
  /** Arrival of the last byte, on the clock of `performance.now`. */
  readonly endedAtMs: number
}

/** There was no complete answer. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer'
  /** `time-out`, `reset`, `refused`, `cut off` (by us, at the end), or the code of a rarer failure. */
  readonly kind: string

  constructor(kind: string, cause?: unknown) {
    super(`no answer: ${kind}`, { cause })
    this.kind = kind
  }
}

const KINDS: Readonly<Record<string, string>> = {
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  ECONNREFUSED: 'refused',
}

/** Asks over kept-alive connections, one for each request under way. */
export class HttpClient {
  readonly #agent = new Agent({ keepAlive: true, maxFreeSockets: Number.POSITIVE_INFINITY })
  readonly #target: Target
  readonly #timeoutMs: number
  #isCutOff = false

  constructor(target: Target, timeoutMs: number) {
    this.#target = target
    this.#timeoutMs = timeoutMs
  }

  /** Rejects with {@link NoAnswer} only. The time-out is for the whole answer, in milliseconds. */
  ask({ method = 'GET', path, token, cookie, headers, body }: Ask): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const isForm = body instanceof URLSearchParams
    const payload = isForm ? body.toString() : body && JSON.stringify(body)
    const type = isForm ? 'application/x-www-form-urlencoded' : 'application/json'
    const options: RequestOptions = {
      agent: this.#agent,
      host: this.#target.address,
      port: this.#target.port,
      method,
      path,
      headers: {
        host: this.#target.host,
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(cookie !== undefined && { cookie, accept: 'text/html', 'sec-fetch-site': 'same-origin' }),
        ...(payload !== undefined && { 'content-type': type, 'content-length': Buffer.byteLength(payload) }),
        ...headers,
      },
    }
    const fail = (error: NodeJS.ErrnoException) => {
      clearTimeout(timer)
      const kind = this.#isCutOff ? 'cut off' : (KINDS[error.code ?? ''] ?? error.code ?? 'broken')
      reject(new NoAnswer(kind, error))
    }
    const outgoing = request(options, (reply) => {
      const chunks: Buffer[] = []
      let bytes = 0
      reply.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        bytes += chunk.length
      })
      reply.on('error', fail)
      reply.on('end', () => {
        clearTimeout(timer)
        const { statusCode: status = 0, headers: fields } = reply
        resolve({ status, headers: fields, body: chunks, bytes, endedAtMs: performance.now() })
      })
    })
    const timer = setTimeout(() => {
      reject(new NoAnswer(TIME_OUT))
      outgoing.destroy()
    }, this.#timeoutMs)
    outgoing.on('error', fail)
    outgoing.end(payload)
    return promise
  }

  /** Closes idle connections. */
  close(): void {
    this.#agent.destroy()
  }

  /** Breaks off the requests under way, which count as `cut off`. */
  cutOff(): void {
    this.#isCutOff = true
    this.#agent.destroy()
  }
}
