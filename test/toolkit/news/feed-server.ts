import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Teardown } from '../../support/harness.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

export interface FeedServer {
  readonly url: string
  /** Path of each request, in their order. */
  readonly asked: string[]
  /** Answers a path from now on. */
  on(path: string, answer: Answer): string
  /** Answers a path with this document from now on; returns its address. */
  serve(path: string, body: string | Buffer, headers?: Record<string, string>): string
}

/** A host of feeds, on loopback. */
export async function openFeedServer(t: Teardown): Promise<FeedServer> {
  const answers = new Map<string, Answer>()
  const asked: string[] = []
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    asked.push(path)
    const answer = answers.get(path)
    if (answer) answer(request, response)
    else response.writeHead(404).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const on = (path: string, answer: Answer) => {
    answers.set(path, answer)
    return `${url}${path}`
  }
  return {
    url,
    asked,
    on,
    serve: (path, body, headers = {}) =>
      on(path, (_request, response) => void response.writeHead(200, headers).end(body)),
  }
}

/** An RSS document with these items. */
export function rss(items: string, title = 'A feed'): string {
  return `<?xml version="1.0"?><rss version="2.0"><channel><title>${title}</title><link>https://example.com/</link><description>d</description>${items}</channel></rss>`
}

export const ITEM =
  '<item><title>First</title><link>https://example.com/1</link><description>What happened</description><pubDate>Sat, 28 Nov 2026 10:00:00 GMT</pubDate></item>'
