import { connect } from 'node:net'

/** The name of a viewer in its status. */
export const VIEWER_NAME = 'rollcall viewer'

const PATHS = ['/v1/metrics', '/v1/traces', '/v1/logs']
const ANSWER_TIMEOUT_MS = 2000
/** Statuses that no receiver of OTLP/HTTP gives on its three paths. */
const KNOWS_NO_OTLP = [404, 405, 501]

export interface Listener {
  readonly url: string
  readonly kind: 'viewer' | 'receiver' | 'other'
}

/** The listener at a port: a viewer, another receiver of OTLP, or another program. Port 0 is always free. */
export async function findListener(host: string, port: number): Promise<Listener | undefined> {
  if (port === 0 || !(await isTaken(host, port))) return undefined
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}`
  if (await isViewer(url)) return { url, kind: 'viewer' }
  const answers = await Promise.all(PATHS.map((path) => takesTelemetry(url + path)))
  return { url, kind: answers.includes(true) ? 'receiver' : 'other' }
}

async function isTaken(host: string, port: number): Promise<boolean> {
  const socket = connect(port, host)
  const { promise, resolve } = Promise.withResolvers<boolean>()
  socket.on('connect', () => resolve(true)).on('error', () => resolve(false))
  const answered = await promise
  socket.destroy()
  return answered
}

async function isViewer(url: string): Promise<boolean> {
  try {
    const status = await (await ask(`${url}/api/status`)).json()
    return typeof status === 'object' && (status as { name?: unknown } | null)?.name === VIEWER_NAME
  } catch {
    return false
  }
}

/** By an empty export, which every receiver accepts. A slow listener counts as a receiver: it may be busy. */
async function takesTelemetry(url: string): Promise<boolean> {
  try {
    const headers = { 'content-type': 'application/json' }
    const response = await ask(url, { method: 'POST', headers, body: '{}' })
    await response.body?.cancel()
    const isJson = response.headers.get('content-type')?.startsWith('application/json') ?? false
    // A page for people may redirect to a log-in.
    if (response.status >= 300 && response.status < 400) return false
    return response.ok ? isJson : !KNOWS_NO_OTLP.includes(response.status)
  } catch (error) {
    return (error as Error).name === 'TimeoutError'
  }
}

function ask(url: string, request: RequestInit = {}): Promise<Response> {
  return fetch(url, { ...request, redirect: 'manual', signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) })
}
