import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/**
 * The control: answers with as many bytes as the path gives, made beforehand, and does nothing else. Its client waits
 * for the connection, the operating system and both event loops, under the same conditions as the service's.
 */
const bodies = new Map<string, Buffer>()

function bodyFor(path: string): Buffer {
  const body = bodies.get(path) ?? Buffer.alloc(Number(path.slice(1)), 'x')
  bodies.set(path, body)
  return body
}

const server = createServer((request, response) => {
  const body = bodyFor(request.url!)
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length }).end(body)
})
// Longer than any pause between two pages: a connection that ends while it is used again would be an error.
server.keepAliveTimeout = 600_000
server.listen(0, '127.0.0.1', () => process.send!((server.address() as AddressInfo).port))
process.on('disconnect', () => process.exit())
