import { request } from 'node:http'

const ANSWER_MAX_MS = 2000

/**
 * Whether a Docker daemon answers at the endpoint (API, "Ping"). `endpoint` has the forms of DOCKER_HOST,
 * `unix:///path` or `tcp://host:port`; other kinds give false, because the Collector does not speak them either.
 */
export async function dockerAnswers(endpoint: string): Promise<boolean> {
  const target = targetOf(endpoint)
  if (target === undefined) return false
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const ping = request({ ...target, path: '/_ping', timeout: ANSWER_MAX_MS, agent: false })
  ping.on('response', (response) => {
    response.resume()
    resolve(response.statusCode === 200)
  })
  ping.on('timeout', () => ping.destroy())
  ping.on('error', () => {})
  ping.on('close', () => resolve(false))
  ping.end()
  return promise
}

function targetOf(endpoint: string): { socketPath: string } | { host: string; port: string } | undefined {
  const socketPath = /^unix:\/\/(\/.+)$/.exec(endpoint)?.[1]
  if (socketPath !== undefined) return { socketPath }
  const [, host, port] = /^tcp:\/\/\[?([^/]+?)\]?:(\d+)$/.exec(endpoint) ?? []
  return host !== undefined && port !== undefined ? { host, port } : undefined
}
