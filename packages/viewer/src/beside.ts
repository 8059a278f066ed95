import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { extname, join } from 'node:path'
import { findListener } from './find-listener.ts'
import { readSettings } from './settings.ts'

/** TypeScript in the repository, JavaScript in the packed package. */
const PROGRAM = join(import.meta.dirname, `main${extname(import.meta.filename)}`)
/** The service starts without the viewer if that takes longer. */
const START_TIMEOUT_MS = 10_000
/** A viewer that fails within this time after a restart would only fail again. */
const WORTH_RESTARTING_MS = 10_000
/** The viewer ended in order, or was told to end: exit codes of 0, SIGINT and SIGTERM. */
const WANTED = [0, 130, 143]

const WAITS_ON_DISK = 'Telemetry waits on disk until "npm run viewer" in another terminal takes it.'

const VARIABLE_PARTS = ['METRICS', 'TRACES', 'LOGS']

/** The receiver of a service without an OTLP endpoint in its settings. */
export interface Receiver {
  readonly url: string
  /** Another receiver was there already, such as a Collector. */
  readonly isViewer: boolean
  readonly wasThere: boolean
}

export interface BesideOptions {
  /** Folder of its dashboards. */
  readonly dashboards?: string
}

/**
 * Starts the viewer beside a service without another receiver, unless a viewer or another receiver has the port already.
 * If something else has it, the viewer gets another port. Undefined if telemetry goes elsewhere or nowhere.
 *
 * The viewer is a separate process and ignores the signals that a terminal sends to all. It ends when the channel to it
 * closes, with the end of this process, so the last export still arrives. A viewer that fails is started again.
 * Throws SettingError for a wrong VIEWER_* variable.
 */
export async function startViewerBeside(
  env: NodeJS.ProcessEnv,
  { dashboards }: BesideOptions = {},
): Promise<Receiver | undefined> {
  const { host, port } = readSettings(env)
  if (!sendsToDefault(env)) return undefined
  const found = await findListener(host, port)
  if (found !== undefined && found.kind !== 'other')
    return { url: found.url, isViewer: found.kind === 'viewer', wasThere: true }
  if (found !== undefined)
    say(`Port ${port} on ${host} is taken by a program that takes no telemetry: the viewer gets another one.`)
  const more = dashboards === undefined ? [] : ['--dashboards', dashboards]
  const url = await start(found === undefined ? port : 0, more)
  if (url !== undefined) return { url, isViewer: true, wasThere: false }
  // Another service may have started its viewer meanwhile.
  const quicker = await findListener(host, port)
  return quicker?.kind === 'viewer' ? { url: quicker.url, isViewer: true, wasThere: true } : undefined
}

async function start(port: number, more: readonly string[], isAgain = false): Promise<string | undefined> {
  const child = fork(PROGRAM, ['--port', String(port), ...more], {
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
  if (url !== undefined) restartAtItsEnd(child, () => start(Number(new URL(url).port), more, true), isAgain)
  return url
}

function restartAtItsEnd(
  child: ChildProcess,
  restart: () => Promise<string | undefined>,
  isAgain: boolean,
): void {
  const since = performance.now()
  child.once('exit', (code, signal) => {
    const isWanted = code !== null && WANTED.includes(code)
    const isHopeless = isAgain && performance.now() - since < WORTH_RESTARTING_MS
    const how = isWanted ? 'has ended' : `failed (${signal ?? `code ${code}`})`
    if (isWanted || isHopeless) say(`The viewer ${how}. ${WAITS_ON_DISK}`)
    else {
      say(`The viewer ${how} and is started again; it begins empty.`)
      void restart()
        .catch(() => undefined)
        .then((url) => {
          if (url === undefined) say(`It could not be started again. ${WAITS_ON_DISK}`)
        })
    }
  })
}

function say(sentence: string): void {
  process.stderr.write(`  ${sentence}\n`)
}

function sendsToDefault(env: NodeJS.ProcessEnv): boolean {
  const isSet = (name: string) => (env[name]?.trim() ?? '') !== ''
  if (env.OTEL_SDK_DISABLED?.trim().toLowerCase() === 'true') return false
  const endpoints = ['', ...VARIABLE_PARTS.map((part) => `_${part}`)].map(
    (part) => `OTEL_EXPORTER_OTLP${part}_ENDPOINT`,
  )
  if (endpoints.some(isSet)) return false
  const exporters = VARIABLE_PARTS.map((part) => `OTEL_${part}_EXPORTER`)
  return exporters.some((name) => !isSet(name) || env[name]?.trim().toLowerCase() === 'otlp')
}
