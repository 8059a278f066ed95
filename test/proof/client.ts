import { Agent, type IncomingHttpHeaders, request } from 'node:http'

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: string
}

export interface Ask {
  method?: string
  path: string
  headers?: Record<string, string>
  body?: object | string
}

/** A client on kept-alive connections that sends paths and methods as they are, however odd. */
export class Client {
  readonly #agent: Agent
  readonly #url: URL

  constructor(url: string, connections = 16) {
    this.#url = new URL(url)
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections })
  }

  /** Rejects with the socket's error where there was no complete answer. */
  ask({ method = 'GET', path, headers = {}, body }: Ask): Promise<Answer> {
    const payload = typeof body === 'object' ? JSON.stringify(body) : body
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const type = typeof body === 'object' ? { 'content-type': 'application/json' } : {}
    const outgoing = request(
      {
        agent: this.#agent,
        host: this.#url.hostname,
        port: this.#url.port,
        method,
        path,
        headers: {
          ...type,
          ...(payload !== undefined && { 'content-length': Buffer.byteLength(payload) }),
          ...headers,
        },
      },
      (reply) => {
        reply.setEncoding('utf8')
        let text = ''
        reply.on('data', (chunk) => {
          text += chunk
        })
        reply.on('error', reject)
        reply.on('end', () =>
          resolve({ status: reply.statusCode as number, headers: reply.headers, body: text }),
        )
      },
    )
    outgoing.on('error', reject)
    outgoing.end(payload)
    return promise
  }

  /**
   * Announces a body, sends half of it and goes away once the server has the request's head. Rejects where it cannot
   * be known whether the server had it.
   */
  async abort({ method = 'POST', path, headers = {} }: Ask): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const outgoing = request({
      host: this.#url.hostname,
      port: this.#url.port,
      method,
      path,
      headers: {
        'content-type': 'application/json',
        'content-length': 100,
        expect: '100-continue',
        ...headers,
      },
    })
    // 100 Continue proves that the head has arrived: only then is it a request that must be counted.
    outgoing.on('continue', () => {
      outgoing.off('error', reject).on('error', () => {})
      outgoing.prependListener('close', resolve)
      outgoing.write('{"half":', () => outgoing.destroy())
    })
    outgoing.on('response', () => reject(new Error('It was answered before it could be aborted.')))
    outgoing.on('error', reject)
    outgoing.on('close', () => reject(new Error('The connection ended before the request was taken.')))
    outgoing.flushHeaders()
    await promise
  }

  close(): void {
    this.#agent.destroy()
  }
}

/** Runs `work` on each item, so many at once. */
export async function inParallel<T>(
  items: Iterable<T>,
  atOnce: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = Iterator.from(items)
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (const item of queue) await work(item)
    }),
  )
}

/** Numbers in [0, 1) that a run can be repeated with (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
