import { fork } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('../cli/viewer.ts', import.meta.url))
/** The service starts without it when it takes longer. */
const START_TIMEOUT_MS = 10_000

const SIGNALS = ['METRICS', 'TRACES', 'LOGS']

/**
 * Starts the viewer beside a service that has nowhere else to send to, and gives its address; undefined where telemetry
 * goes elsewhere or nowhere, or something listens at its port already, which then receives.
 *
 * A process of its own, and it outlives every signal that a terminal sends to all: it ends when the channel to it closes,
 * which is when this process is gone, so whatever is sent last still arrives.
 */
export async function startViewerBeside(
  env: NodeJS.ProcessEnv,
  { host, port }: { host: string; port: number },
): Promise<string | undefined> {
  if (!sendsToDefault(env) || (await isTaken(host, port))) return undefined
  const child = fork(PROGRAM, [], {
    detached: true,
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const ended = once(child, 'exit').then(() => undefined)
  const started = once(child, 'message').then(([message]) => String(message))
  const late = new Promise<undefined>((resolve) => setTimeout(resolve, START_TIMEOUT_MS, undefined).unref())
  const url = await Promise.race([started, ended, late])
  child.unref()
  child.channel?.unref()
  return url
}

function sendsToDefault(env: NodeJS.ProcessEnv): boolean {
  const isSet = (name: string) => (env[name]?.trim() ?? '') !== ''
  if (env.OTEL_SDK_DISABLED?.trim().toLowerCase() === 'true') return false
  if (
    ['', ...SIGNALS.map((signal) => `_${signal}`)].some((part) => isSet(`OTEL_EXPORTER_OTLP${part}_ENDPOINT`))
  )
    return false
  return SIGNALS.some(
    (signal) =>
      !isSet(`OTEL_${signal}_EXPORTER`) || env[`OTEL_${signal}_EXPORTER`]?.trim().toLowerCase() === 'otlp',
  )
}

/** 0 never is. */
async function isTaken(host: string, port: number): Promise<boolean> {
  if (port === 0) return false
  const socket = connect(port, host)
  const { promise, resolve } = Promise.withResolvers<boolean>()
  socket.on('connect', () => resolve(true)).on('error', () => resolve(false))
  const answered = await promise
  socket.destroy()
  return answered
}
