import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import { python } from './installed.ts'

/** Often enough for several points; what a stranger would have waited a minute for. */
const VARIABLES = { OTEL_METRIC_EXPORT_INTERVAL: '1000', OTEL_METRIC_EXPORT_TIMEOUT: '900' }

/** What the Python program says that it did. */
export interface BackOffice {
  orders: Record<string, number>
  carts: number
  baskets: number[]
  durations: number[]
  durationSum: number
  rounds: number
}

/** Runs back_office.py to its end. */
export async function runBackOffice(
  shopUrl: string,
  env: Readonly<Record<string, string>>,
): Promise<BackOffice> {
  const child = spawn(python, [join(import.meta.dirname, 'back_office.py'), shopUrl], {
    env: { ...VARIABLES, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = once(child, 'exit')
  const [printed, complaints] = await Promise.all([text(child.stdout), text(child.stderr)])
  const [code] = await exited
  if (code !== 0) throw new Error(`the back office ended with ${code}: ${complaints}`)
  return JSON.parse(printed)
}

/** shop.cjs, instrumented from outside. */
export async function startShop(t: Pick<Test, 'teardown'>, env: Readonly<Record<string, string>>) {
  const child = spawn(
    process.execPath,
    ['--require', '@opentelemetry/auto-instrumentations-node/register', 'shop.cjs'],
    {
      cwd: import.meta.dirname,
      env: {
        ...VARIABLES,
        // All but those that ask the clouds where this is.
        OTEL_NODE_RESOURCE_DETECTORS: 'env,host,os,process,serviceinstance',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  const exited = once(child, 'exit')
  let complaints = ''
  child.stderr.on('data', (chunk) => {
    complaints += chunk
  })
  t.teardown(async () => {
    if (child.exitCode === null) child.kill('SIGKILL')
    await exited
  })
  const listening = once(child.stdout, 'data').then(([chunk]) => String(chunk).trim())
  const ended = exited.then(([code]): never => {
    throw new Error(`the shop ended with ${code}: ${complaints}`)
  })
  const url = await Promise.race([listening, ended])
  ended.catch(() => {})
  return {
    url,
    /** Ends when the last of its telemetry is sent. */
    async end(): Promise<number | null> {
      child.kill('SIGTERM')
      return (await exited)[0]
    },
  }
}
