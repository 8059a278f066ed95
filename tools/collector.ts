import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import {
  type Command,
  CommandError,
  flag,
  runCommand,
  text,
  texts,
  UsageError,
  type Values,
} from '../src/process/command.ts'
import { builtCollector } from './collector-program.ts'
import { dockerAnswers } from './docker-daemon.ts'

const DEFAULT_CONFIG = 'otel-collector.yaml'

/** First line of a file that is no configuration by itself; it names the file below it. */
const OVERLAY = /^# Laid over (\S+\.yaml)/

/** The variable of the receivers in collector/host.yaml, and its value where Docker runs. */
const RECEIVERS_VARIABLE = 'HOST_RECEIVERS'
const RECEIVERS_WITH_DOCKER = '[host_metrics, http_check, docker_stats]'
const DEFAULT_DOCKER_HOST = 'unix:///var/run/docker.sock'

const OPTIONS = {
  config: texts(
    'FILE',
    `configuration instead of ${DEFAULT_CONFIG}; given again, a later file is laid over the earlier ones. A file that names the file below it brings that one along`,
  ),
  'feature-gates': text('GATES', 'gates of the Collector to open, or with a minus to close'),
  validate: flag('checks the configuration only'),
  build: flag('builds the program only'),
}

const collector: Command<typeof OPTIONS> = {
  name: 'npm run collector',
  summary: [
    'Runs the OpenTelemetry Collector, and exits with its code. A missing program is built first (needs Go).',
    'SIGINT and SIGTERM stop it, and its queue on disk is sent at the next start; SIGHUP makes it read its',
    'configuration again. Its variables stand at the top of the configuration file.',
  ].join('\n'),
  options: OPTIONS,
  run,
}

await runCommand(collector)

async function run(
  { config, validate, build, 'feature-gates': gates }: Values<typeof OPTIONS>,
  signal: AbortSignal,
): Promise<number> {
  if (validate && build) throw new UsageError('--validate and --build exclude each other; give one of them.')
  const files = config.length > 0 ? withBases(config) : [DEFAULT_CONFIG]
  // Checked now, not after minutes of building.
  if (!build) checkFiles(files, { sends: !validate })
  const program = await builtCollector(signal)
  if (build) {
    process.stdout.write(`${program}\n`)
    return 0
  }
  const args = files.flatMap((file) => ['--config', file])
  if (gates !== undefined) args.push(`--feature-gates=${gates}`)
  const env = { ...process.env, ...(await dockerVariables(files)) }
  if (!validate) return runProgram(program, args, env, signal)
  const code = await runProgram(program, ['validate', ...args], env, signal)
  if (code === 0) process.stdout.write(`The Collector accepts ${files.join(' with ')}.\n`)
  return code
}

function withBases(files: readonly string[]): string[] {
  const bases = files.flatMap((file) => OVERLAY.exec(readText(file))?.[1] ?? [])
  return [...new Set([...bases, ...files])]
}

/**
 * A Collector that asks a Docker daemon ends at once if there is none, and would then forward nothing of the service
 * either. So it asks only a daemon that answers. A variable that is set decides alone.
 */
async function dockerVariables(files: readonly string[]): Promise<Record<string, string>> {
  const asks = files.some((file) => readText(file).includes(`\${env:${RECEIVERS_VARIABLE}`))
  if (!asks || process.env[RECEIVERS_VARIABLE] !== undefined) return {}
  const endpoint = process.env.DOCKER_HOST || DEFAULT_DOCKER_HOST
  if (await dockerAnswers(endpoint)) return { [RECEIVERS_VARIABLE]: RECEIVERS_WITH_DOCKER }
  process.stderr.write(`No Docker daemon answers at ${endpoint}: containers are not measured.\n`)
  return {}
}

function checkFiles(files: readonly string[], { sends }: { sends: boolean }): void {
  for (const file of files) {
    const wantsKey = /\$\{env:DD_API_KEY\}/.test(readText(file))
    if (wantsKey && sends && !process.env.DD_API_KEY)
      throw new CommandError(
        `${file} sends to Datadog and DD_API_KEY is not set; set it to an API key of your organisation.`,
      )
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new CommandError(`The file ${file} cannot be read (${code}); give --config another one.`)
  }
}

/** The Collector's exit code, or 128 and the number of the signal that killed it. */
function runProgram(
  program: string,
  args: string[],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<number> {
  const child = spawn(program, args, { stdio: 'inherit', env })
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const stop = () => child.kill('SIGTERM')
  const reload = () => child.kill('SIGHUP')
  // A second interrupt ends us at once; the queue on disk survives even this.
  const kill = () => child.kill('SIGKILL')
  signal.addEventListener('abort', stop)
  process.on('SIGHUP', reload)
  process.on('exit', kill)
  child.on('error', reject)
  child.on('exit', (code, killedBy) => {
    process.off('exit', kill)
    process.off('SIGHUP', reload)
    resolve(code ?? 128 + (killedBy ? constants.signals[killedBy] : 0))
  })
  if (signal.aborted) stop()
  return promise
}
