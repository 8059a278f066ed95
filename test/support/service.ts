import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { getCompileCacheDir } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { type Teardown, temporaryFolder } from './harness.ts'

export interface ServiceOptions {
  env?: NodeJS.ProcessEnv
  /** Loaded before the service, such as a ledger that looks over the driver's shoulder. */
  preload?: string
  /** So many processes that serve, and one that starts them. */
  workers?: number
  /** Takes the lines of the log, which are kept otherwise. */
  onLine?: (line: LogLine) => void
}

export interface LogLine {
  level: string
  msg: string
  trace_id?: string
  [key: string]: unknown
}

/** The real service as a process of its own, on a free port and a database file of its own unless told. */
export async function startService(t: Teardown, { env, preload, workers, onLine }: ServiceOptions = {}) {
  const argv = [
    ...(preload ? ['--import', preload] : []),
    join(import.meta.dirname, '..', '..', 'src', 'server.ts'),
    ...(workers === undefined ? [] : ['--workers', String(workers)]),
  ]
  const child = spawn(process.execPath, argv, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      NODE_COMPILE_CACHE: getCompileCacheDir(),
      PORT: '0',
      DATABASE_URL: `sqlite:${join(temporaryFolder(t), 'rollcall.db')}`,
      TELEMETRY_DIR: join(temporaryFolder(t), 'telemetry'),
      OTEL_METRICS_EXPORTER: 'none',
      OTEL_TRACES_EXPORTER: 'none',
      OTEL_LOGS_EXPORTER: 'none',
      ...UNLIMITED_ENV,
      ...env,
    },
  })
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  t.teardown(() => stop(child, exited))

  const lines: LogLine[] = []
  let errors = ''
  child.stderr?.on('data', (chunk) => {
    errors += chunk
  })
  const listening = Promise.withResolvers<string>()
  const outputEnded = new Promise((resolve) => child.stdout?.once('end', resolve))
  createInterface({ input: child.stdout as Readable }).on('line', (text) => {
    const line: LogLine = JSON.parse(text)
    if (onLine) onLine(line)
    else lines.push(line)
    if (line.msg === 'listening') listening.resolve(String(line.url))
  })
  const failed = exited.then(([code]) =>
    Promise.reject(new Error(`the service exited with ${code}: ${errors}`)),
  )
  const url = await Promise.race([listening.promise, failed])
  failed.catch(() => {})
  return {
    url,
    lines,
    /** The first line with this message that is logged after `from` lines. */
    async logged(message: string, from = 0): Promise<LogLine> {
      for (;;) {
        const line = lines.slice(from).find(({ msg }) => msg === message)
        if (line) return line
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    },
    pid: child.pid as number,
    errors: () => errors,
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    /** Exit code and signal. */
    exited,
    /** When the last process has ended that could write the log. */
    outputEnded,
  }
}

/** Limits that only the tests of limits should meet. */
const UNLIMITED_ENV = {
  SIGNUP_LIMIT_PER_MINUTE: '1000000',
  LOGIN_LIMIT_PER_MINUTE: '1000000',
  ACCOUNT_LIMIT_PER_MINUTE: '100000',
  FEED_CHANGES_PER_MINUTE: '1000000',
  EVENT_LOOP_DELAY_MAX_MS: '0',
}

async function stop(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
  await exited
}
