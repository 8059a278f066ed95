import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { CommandError } from '../src/process/command.ts'
import { formatCount, formatDuration, Progress } from './progress.ts'

const ROOT = join(import.meta.dirname, '..')
const SOURCES = join(ROOT, 'collector')
const BUILT = join(ROOT, 'data', 'collector')
const FETCHED_LINE_MS = 2000
const LAST_WORDS = 20

// `readonly` and the empty GOWORK: exactly the modules of go.mod, each checked against go.sum.
const BUILD_FLAGS = ['-mod=readonly', '-trimpath', '-buildvcs=false', '-ldflags=-s -w']
const BUILD_ENV = { CGO_ENABLED: '0', GOWORK: 'off' }

/** No Go is installed, or only one that is older than collector/go.mod requires. */
export class NoFittingGo extends CommandError {
  override readonly name = 'NoFittingGo'
}

/**
 * The path of the Collector's program, built first if it is missing: minutes on an empty cache, seconds otherwise.
 * Reports its progress on stderr. The file's name carries a hash of the sources, so a changed program is built anew.
 */
export async function builtCollector(signal?: AbortSignal): Promise<string> {
  const program = join(BUILT, `otelcol-${sourceHash()}${process.platform === 'win32' ? '.exe' : ''}`)
  if (existsSync(program)) return program
  await checkGo()
  const startedAt = performance.now()
  say(`Building the Collector into ${relative(ROOT, program)}; this happens once, and takes minutes.`)
  const stale = await listStalePackages(signal)
  // Two builds at once do not see each other's halves.
  const partial = `${program}.${process.pid}.partial`
  // The database may lie in the same folder later, so only its owner may enter it.
  mkdirSync(BUILT, { recursive: true, mode: 0o700 })
  try {
    await compile(partial, stale, signal)
    renameSync(partial, program)
  } finally {
    rmSync(partial, { force: true })
  }
  removeOthers(program)
  const megabytes = Math.round(statSync(program).size / 1e6)
  say(
    `Built in ${formatDuration(performance.now() - startedAt)}: ${relative(ROOT, program)}, ${megabytes} MB.`,
  )
  return program
}

function sourceHash(): string {
  const hash = createHash('sha256')
  const names = readdirSync(SOURCES).filter((name) => /\.go$|^go\.(mod|sum)$/.test(name))
  for (const name of names.sort()) hash.update(`${name}\0`).update(readFileSync(join(SOURCES, name)))
  return hash.digest('hex').slice(0, 12)
}

async function checkGo(): Promise<void> {
  const needed = /^go (\d+)\.(\d+)/m.exec(readFileSync(join(SOURCES, 'go.mod'), 'utf8')) as RegExpExecArray
  const found = await goVersion()
  if (found !== undefined && isAtLeast(found, needed)) return
  throw new NoFittingGo(
    `Building the Collector needs Go ${needed[1]}.${needed[2]} or newer and found ${found ?? 'none'}: install it from https://go.dev/dl, or run otel-collector.yaml with the official distribution instead, otelcol-contrib ${collectorVersion()}.`,
  )
}

async function goVersion(): Promise<string | undefined> {
  // Among the sources, a Go that can fetch the release of go.mod does so now. A Go that cannot read go.mod fails there,
  // and tells its version elsewhere.
  for (const cwd of [SOURCES, ROOT])
    try {
      const { stdout } = await promisify(execFile)('go', ['env', 'GOVERSION'], { cwd, env: goEnv() })
      return stdout.trim()
    } catch {}
  return undefined
}

function isAtLeast(version: string, needed: RegExpExecArray): boolean {
  const [, major, minor] = (/^go(\d+)\.(\d+)/.exec(version) ?? []).map(Number)
  if (major === undefined || minor === undefined) return false
  return major > Number(needed[1]) || (major === Number(needed[1]) && minor >= Number(needed[2]))
}

function collectorVersion(): string {
  return /go\.opentelemetry\.io\/collector\/otelcol (v\S+)/.exec(
    readFileSync(join(SOURCES, 'go.mod'), 'utf8'),
  )?.[1] as string
}

/** Fetches the missing modules, and lists the packages to compile. */
async function listStalePackages(signal: AbortSignal | undefined): Promise<Set<string>> {
  const stale = new Set<string>()
  const format = '{{if .Stale}}{{.ImportPath}}{{end}}'
  let fetched = 0
  let saidAt = performance.now()
  await runGo(['list', '-deps', ...BUILD_FLAGS, '-f', format, '.'], signal, {
    stdout: (line) => stale.add(line),
    stderr: (line) => {
      if (!line.startsWith('go: downloading ')) return
      fetched += 1
      if (performance.now() - saidAt < FETCHED_LINE_MS) return
      saidAt = performance.now()
      say(`fetching modules: ${formatCount(fetched)} so far`)
    },
  })
  return stale
}

async function compile(
  output: string,
  stale: ReadonlySet<string>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const progress = new Progress('compiling packages', stale.size)
  await runGo(['build', '-v', ...BUILD_FLAGS, '-o', output, '.'], signal, {
    stderr: (line) => {
      if (stale.has(line)) progress.advance(1)
    },
  })
  // The rest: packages found in the cache, and the linking.
  progress.advance(stale.size)
  progress.end()
}

/** Go writes progress and errors to the same channel: the last lines are kept for a failure. */
async function runGo(
  args: string[],
  signal: AbortSignal | undefined,
  on: { stdout?: (line: string) => void; stderr: (line: string) => void },
): Promise<void> {
  // An interrupted Go ends its compilers; a terminated one leaves them behind.
  const stop = signal ? { signal, killSignal: 'SIGINT' as const } : {}
  const child = spawn('go', args, { cwd: SOURCES, env: goEnv(), stdio: ['ignore', 'pipe', 'pipe'], ...stop })
  const lastWords: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) => on.stdout?.(line))
  createInterface({ input: child.stderr }).on('line', (line) => {
    on.stderr(line)
    lastWords.push(line)
    if (lastWords.length > LAST_WORDS) lastWords.shift()
  })
  const { promise, resolve, reject } = Promise.withResolvers<number | null>()
  child.on('error', reject)
  child.on('close', resolve)
  if ((await promise) === 0) return
  say(lastWords.join('\n'))
  throw new CommandError(
    'Go could not build the Collector, as it says above; check that its module proxy can be reached and that 4 GB of memory are free (GOMAXPROCS=1 needs less), then try again.',
  )
}

function goEnv(): NodeJS.ProcessEnv {
  return { ...process.env, ...BUILD_ENV }
}

/** Each program is more than 100 MB, and only this one fits the sources. */
function removeOthers(program: string): void {
  for (const name of readdirSync(BUILT))
    if (/^otelcol-[0-9a-f]+(\.exe)?$/.test(name) && name !== basename(program))
      rmSync(join(BUILT, name), { force: true })
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}
