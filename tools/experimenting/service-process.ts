import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { CommandError } from '../../src/process/command.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** A script of this project as a process of its own, with only these variables. */
function start(script: string, args: readonly string[], env: Record<string, string>): ChildProcess {
  const child = spawn(process.execPath, [script, ...args], {
    cwd: ROOT,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: DETACHED,
  })
  dieWithUs(child)
  return child
}

/**
 * A terminal sends Ctrl-C to all of its processes at once. Only the experiment may hear it, and end the others in
 * order; otherwise it would first see a service that does not answer.
 */
const DETACHED = true

function dieWithUs(child: ChildProcess): void {
  const kill = () => child.kill('SIGKILL')
  // Runs before the removal of the folder that it writes to.
  process.prependListener('exit', kill)
  child.on('exit', () => process.off('exit', kill))
}

/** Seeds a database's table to exactly this size, with `npm run seed`'s own program. */
export async function seed(
  databaseUrl: string,
  { rows, friends, password }: { rows: number; friends: number; password: string },
  signal: AbortSignal,
): Promise<void> {
  const args = ['--users', String(rows), '--friends', String(friends), '--password', password]
  const child = start('tools/seed.ts', args, { DATABASE_URL: databaseUrl })
  let errors = ''
  child.stderr?.on('data', (chunk) => {
    errors += chunk
  })
  const stop = () => child.kill('SIGINT')
  signal.addEventListener('abort', stop)
  const [code] = await once(child, 'close')
  signal.removeEventListener('abort', stop)
  signal.throwIfAborted()
  if (code !== 0) throw new CommandError(`Seeding ended with ${code}: ${errors.trim()}`)
}

export interface ServiceProcess {
  readonly url: string
  /** Ends it as a supervisor would, and waits for its exit. */
  stop(): Promise<void>
}

/** The real service over a database, on a free port, its telemetry sent to the endpoint: every request traced. */
export async function startTracedService(
  databaseUrl: string,
  telemetryDir: string,
  endpoint: string,
): Promise<ServiceProcess> {
  const child = start('src/server.ts', [], {
    PORT: '0',
    DATABASE_URL: databaseUrl,
    TELEMETRY_DIR: telemetryDir,
    // Each request is found by the trace id that it was sent with.
    TRUST_PROXY: '127.0.0.1',
    // Its first second is all start-up, which the overload protection takes for overload.
    EVENT_LOOP_DELAY_MAX_MS: '0',
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
    OTEL_METRIC_EXPORT_INTERVAL: '1000',
    OTEL_TRACES_SAMPLER: 'always_on',
    OTEL_BSP_SCHEDULE_DELAY: '1000',
    OTEL_BSP_MAX_QUEUE_SIZE: '1000000',
    OTEL_LOGS_EXPORTER: 'none',
  })
  const exited = once(child, 'exit')
  let errors = ''
  child.stderr?.on('data', (chunk) => {
    errors += chunk
  })
  const listening = Promise.withResolvers<string>()
  createInterface({ input: child.stdout! }).on('line', (text) => {
    const line = JSON.parse(text)
    if (line.msg === 'listening') listening.resolve(line.url)
  })
  const failed = exited.then(([code]) => {
    throw new CommandError(`The service ended with ${code}: ${errors.trim()}`)
  })
  failed.catch(() => {})
  const url = await Promise.race([listening.promise, failed])
  return {
    url,
    async stop() {
      child.kill('SIGTERM')
      await exited
    },
  }
}

/** A server that only answers, for comparison: http://…/N answers with N bytes. */
export async function startBareServer(): Promise<ServiceProcess> {
  const child = fork(new URL('./bare-server.ts', import.meta.url), { detached: DETACHED })
  dieWithUs(child)
  const exited = once(child, 'exit')
  const [port] = await once(child, 'message')
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      child.kill()
      await exited
    },
  }
}
