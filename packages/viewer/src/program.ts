import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { readSettings, SETTINGS, SettingError, type ViewerSettings } from './settings.ts'
import { Viewer } from './viewer.ts'

export interface Program {
  /** The command as typed, without its options. */
  readonly name: string
  /** Folder of the dashboards without the option. */
  readonly dashboards?: string
}

const { port, minutes, memory } = SETTINGS

const OPTIONS: Record<string, { placeholder: string; meaning: string }> = {
  host: { placeholder: 'HOST', meaning: 'address or name to listen on (127.0.0.1)' },
  port: { placeholder: 'N', meaning: `port to listen on (${port.default}); 0 takes a free one` },
  minutes: { placeholder: 'N', meaning: `time for which it keeps received data (${minutes.default})` },
  memory: {
    placeholder: 'MIB',
    meaning: `most memory for kept data (${memory.default}); the oldest make room`,
  },
  dashboards: {
    placeholder: 'DIR',
    meaning: 'folder of dashboards, each a .json file as Datadog exports it',
  },
}

const SUMMARY = `Receives metrics, traces and logs over OTLP/HTTP from any OpenTelemetry SDK and shows them in the browser, with
Datadog's query syntax. Keeps them in memory for a while, and nothing on disk. docs/viewer.md has the rest.`

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const

/** A failure that the caller can mend, in one sentence. */
class ProgramError extends Error {}
/** A mistake in the options. */
class UsageError extends Error {}

/**
 * The viewer as a program: prints its address once it listens, and ends with 0, 1 (failure), 2 (wrong options), or 130 and
 * 143 (interrupted). A forked viewer sends its address to its parent, and ends with it.
 */
export async function runViewer(program: Program, args = process.argv.slice(2)): Promise<void> {
  // V8 lets its heap double before it collects. Here most of that is the garbage of requests: with 6,000 spans a second
  // and 96 MiB of them kept, the process takes 267 MiB with this flag and 400 without.
  setFlagsFromString('--heap-growing-percent=20')
  const end = new AbortController()
  // Not `once`: npm passes on the interrupt that the terminal has sent already.
  for (const [signal, code] of Object.entries(EXIT_CODES))
    process.on(signal, () => {
      process.exitCode = code
      end.abort()
    })
  try {
    const given = readOptions(program, args)
    if (given === 'help') process.stdout.write(help(program))
    else
      await serve(
        { ...readSettings(process.env), ...given },
        given.dashboards ?? program.dashboards,
        end.signal,
      )
  } catch (error) {
    if (end.signal.aborted) return
    process.stderr.write(`${sentenceOf(error)}\n`)
    process.exitCode = error instanceof UsageError ? 2 : 1
  }
}

async function serve(
  settings: ViewerSettings,
  dashboardsDirectory: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const viewer = await Viewer.start({
    host: settings.host,
    port: settings.port,
    minutes: settings.minutes,
    memoryMib: settings.memory,
    ...(dashboardsDirectory !== undefined && { dashboardsDirectory }),
  }).catch((error: NodeJS.ErrnoException) => {
    throw failure(error, settings)
  })
  process.stdout.write(`${viewer.url}\n`)
  process.send?.(viewer.url)
  if (!signal.aborted) await Promise.race([once(signal, 'abort'), once(process, 'disconnect')])
  await viewer.close()
  // The channel to the parent would keep the process alive.
  if (process.connected) process.disconnect?.()
}

type Given = Partial<ViewerSettings> & { dashboards?: string }

function readOptions({ name }: Program, args: string[]): Given | 'help' {
  const see = `; see ${name} --help.`
  const options = Object.fromEntries(
    Object.keys(OPTIONS).map((option) => [option, { type: 'string' as const }]),
  )
  const { tokens } = parseArgs({
    args,
    options: { ...options, help: { type: 'boolean', short: 'h' } },
    strict: false,
    tokens: true,
  })
  const given: Record<string, string | number> = {}
  let isHelp = false
  for (const token of tokens) {
    if (token.kind === 'positional') throw new UsageError(`'${token.value}' is not expected${see}`)
    if (token.kind === 'option-terminator') continue
    const { name: option, rawName, value } = token
    if (option === 'help') {
      if (value !== undefined) throw new UsageError(`--help takes no value${see}`)
      isHelp = true
    } else if (!(option in OPTIONS)) throw new UsageError(`${rawName} is not known${see}`)
    else if (value === undefined) throw new UsageError(`${rawName} needs a value${see}`)
    else given[option] = option in SETTINGS ? readValue(option as keyof ViewerSettings, value) : value
  }
  return isHelp ? 'help' : (given as Given)
}

function readValue(option: keyof ViewerSettings, text: string): string | number {
  const { allowed } = SETTINGS[option]
  const value = allowed.parse(text)
  if (value === undefined) throw new UsageError(`--${option} is "${text}"; give ${allowed.expected}.`)
  return value
}

function help({ name }: Program): string {
  const rows = Object.entries(OPTIONS).map(([option, { placeholder, meaning }]): [string, string] => [
    `--${option} ${placeholder}`,
    meaning,
  ])
  const usage = rows.map(([flag]) => `[${flag}]`)
  rows.push(['--help', 'this text'])
  const width = Math.max(...rows.map(([flag]) => flag.length))
  return [
    [name, ...usage].join(' '),
    '',
    SUMMARY,
    '',
    ...rows.map(([flag, meaning]) => `  ${flag.padEnd(width)}  ${meaning}`),
    '',
  ].join('\n')
}

function failure(error: NodeJS.ErrnoException, { host, port }: ViewerSettings): Error {
  switch (error.code) {
    case 'EADDRINUSE':
      return new ProgramError(
        `Port ${port} on ${host} is taken; end the program there, or give --port (or VIEWER_PORT) another one (0 takes a free one).`,
      )
    case 'EACCES':
      return new ProgramError(`Port ${port} needs more rights; give --port (or VIEWER_PORT) one above 1023.`)
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new ProgramError(
        `${host} is no address of this machine; give --host (or VIEWER_HOST) one that is, such as 127.0.0.1.`,
      )
    default:
      return error
  }
}

function sentenceOf(error: unknown): string {
  const isOurs = error instanceof ProgramError || error instanceof UsageError || error instanceof SettingError
  const message = error instanceof Error ? error.message : String(error)
  return isOurs ? message : `It failed in an unforeseen way (${message}); report this with the command line.`
}
