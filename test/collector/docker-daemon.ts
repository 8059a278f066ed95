import { createServer } from 'node:http'
import { join } from 'node:path'
import type { Test } from 'tap'
import { temporaryFolder } from '../support/harness.ts'

const ID = 'c'.repeat(64)
const CREATED = '2026-01-01T00:00:00Z'

const CONTAINER = {
  Id: ID,
  Name: '/database',
  Created: CREATED,
  Image: 'sha256:1',
  RestartCount: 0,
  State: { Status: 'running', Running: true, Paused: false, StartedAt: CREATED },
  HostConfig: {},
  Config: { Image: 'postgres:18', Hostname: 'db', Env: [], Labels: {}, Cmd: ['postgres'] },
}

/** As far as the receiver asks: one container, whose counters grow by 1,000 with each reading. */
export async function startDockerDaemon(t: Test) {
  const socket = join(temporaryFolder(t), 'docker.sock')
  let readings = 0
  const stats = () => {
    readings += 1
    const cpu = {
      cpu_usage: { total_usage: readings * 1000, percpu_usage: [0] },
      system_cpu_usage: 1,
      online_cpus: 1,
    }
    return {
      read: new Date().toISOString(),
      cpu_stats: cpu,
      precpu_stats: cpu,
      memory_stats: { usage: 4096, limit: 8192, stats: {} },
      networks: { eth0: { rx_bytes: readings * 1000, tx_bytes: readings * 1000 } },
      blkio_stats: {
        io_service_bytes_recursive: [{ major: 8, minor: 0, op: 'read', value: readings * 1000 }],
      },
      pids_stats: { current: 3 },
    }
  }
  const server = createServer((request, response) => {
    const path = (request.url ?? '').replace(/^\/v[\d.]+/, '').replace(/\?.*$/, '')
    const answers: Record<string, () => unknown> = {
      '/_ping': () => 'OK',
      '/containers/json': () => [{ Id: ID, Names: ['/database'], Image: 'postgres:18', State: 'running' }],
      [`/containers/${ID}/json`]: () => CONTAINER,
      [`/containers/${ID}/stats`]: stats,
    }
    response.setHeader('api-version', '1.44')
    response.setHeader('content-type', 'application/json')
    // A stream that goes on for as long as somebody listens.
    if (path === '/events') response.flushHeaders()
    else if (answers[path]) response.end(JSON.stringify(answers[path]()))
    else response.writeHead(404).end('{"message":"not modelled"}')
  })
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  const stop = () => {
    server.closeAllConnections()
    server.close()
  }
  t.teardown(stop)
  return { endpoint: `unix://${socket}`, stop, readings: () => readings }
}
