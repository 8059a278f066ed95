import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { builtCollector, NoFittingGo } from '../../tools/collector-program.ts'
import { type Teardown, temporaryFolder } from '../support/harness.ts'

export const ROOT = join(import.meta.dirname, '..', '..')

/** Repeated quick enough for a test, and in JSON unless told, which a test that fails can show. */
function standInOverlay(spanMetricsEvery: string, encoding: 'json' | 'proto'): string {
  return `
exporters:
  otlp_http:
    encoding: ${encoding}
    retry_on_failure:
      initial_interval: 100ms
      max_interval: 500ms
connectors:
  span_metrics:
    metrics_flush_interval: ${spanMetricsEvery}
`
}

const LAST_WORDS = 65_536

// Of one test; a file may take as long as a build.
const TIMEOUT_MS = 120_000

/** The Collector's program, built where it is missing, and the options of the tests that need it. */
export async function findProgram() {
  try {
    return { program: await builtCollector(), options: { skip: false, timeout: TIMEOUT_MS } }
  } catch (error) {
    // A build that fails is a failure; only a machine without Go is an excuse.
    if (error instanceof NoFittingGo) return { program: '', options: { skip: error.message } }
    throw error
  }
}

export interface CollectorPlace {
  /** Where the service sends to. */
  readonly url: string
  readonly healthUrl: string
  readonly env: Readonly<Record<string, string>>
}

/** Free ports and a folder for the queue, for one Collector after the other; `env` is what its files read besides. */
export async function collectorPlace(
  t: Teardown,
  intakeUrl: string,
  env: Readonly<Record<string, string>> = {},
): Promise<CollectorPlace> {
  const [otlp, health] = await freePorts(2)
  return {
    url: `http://127.0.0.1:${otlp}`,
    healthUrl: `http://127.0.0.1:${health}`,
    env: {
      PATH: process.env.PATH ?? '',
      DD_API_KEY: 'test-key',
      DD_OTLP_ENDPOINT: intakeUrl,
      DD_METRICS_ENDPOINT: intakeUrl,
      DD_TRACES_ENDPOINT: intakeUrl,
      DD_LOGS_ENDPOINT: intakeUrl,
      // Otherwise it asks the clouds which host this is, and waits for them.
      DD_HOSTNAME: 'a-host',
      OTLP_LISTEN: `127.0.0.1:${otlp}`,
      COLLECTOR_HEALTH: `127.0.0.1:${health}`,
      COLLECTOR_QUEUE_DIR: join(temporaryFolder(t), 'queue'),
      ...env,
    },
  }
}

interface CollectorOptions {
  spanMetricsEvery?: string
  /** How it sends to the stand-in. */
  encoding?: 'json' | 'proto'
  /** Configurations, the later laid over the earlier. */
  files?: readonly string[]
  /** What the test lays over them, as YAML; '' for nothing. */
  overlay?: string
  flags?: readonly string[]
}

/** The real Collector, on otel-collector.yaml if not told; it has started when this returns, and ends with the test. */
export async function startCollector(
  t: Teardown,
  program: string,
  place: CollectorPlace,
  {
    spanMetricsEvery = '10m',
    encoding = 'json',
    files = ['otel-collector.yaml'],
    overlay = standInOverlay(spanMetricsEvery, encoding),
    flags = [],
  }: CollectorOptions = {},
) {
  const overlays: string[] = []
  if (overlay !== '') {
    overlays.push(join(temporaryFolder(t), 'overlay.yaml'))
    writeFileSync(overlays[0] as string, overlay)
  }
  const args = [...[...files, ...overlays].flatMap((file) => ['--config', file]), ...flags]
  const child = spawn(program, args, { cwd: ROOT, env: place.env, stdio: ['ignore', 'ignore', 'pipe'] })
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  let errors = ''
  child.stderr.on('data', (chunk) => {
    // One that is refused for an hour says so at each attempt.
    errors = (errors + chunk).slice(-LAST_WORDS)
  })
  t.teardown(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    await exited
  })
  await healthy(place, child, () => errors)
  return {
    /** Exit code and signal, once it has ended. */
    async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<[number | null, NodeJS.Signals | null]> {
      child.kill(signal)
      return exited
    },
  }
}

export async function healthy(
  place: CollectorPlace,
  child: ChildProcess,
  errors: () => string,
): Promise<void> {
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`the Collector ended with ${child.exitCode ?? child.signalCode}: ${errors()}`)
    const isUp = await fetch(place.healthUrl).then(
      ({ ok }) => ok,
      () => false,
    )
    if (isUp) return
    await pause(50)
  }
}

/** Waits for what must come; a test that waits in vain is ended by its time-out. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await pause(50)
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

/** Held together until all are known, so that no two are the same. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
