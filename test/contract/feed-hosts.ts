import { CLIENT_STATUSES } from '../../src/telemetry/attribute-values.ts'
import type { Teardown } from '../support/harness.ts'
import { ITEM, openFeedServer, rss } from '../toolkit/news/feed-server.ts'

/** Addresses of feeds whose hosts answer with each status, and fail in each way. */
export async function openFeedHosts(t: Teardown): Promise<string[]> {
  const server = await openFeedServer(t)
  const statuses = CLIENT_STATUSES.map((status) =>
    server.on(`/${status}`, (_, response) => response.writeHead(status).end(status === 200 && rss(ITEM))),
  )
  return [
    ...statuses,
    server.on('/unreachable', (request) => request.socket.resetAndDestroy()),
    server.on('/timeout', () => {}),
    server.serve('/too-large', Buffer.alloc(2 * 1024 * 1024)),
    server.serve('/unreadable', 'x', { 'content-encoding': 'gzip' }),
    'http://10.0.0.1/no-public-address',
    'http://10.0.0.1:8080/port-refused',
  ]
}
