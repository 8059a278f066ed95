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

/** How the first line of a file begins that is no configuration by itself, and what it goes with. */
const OVERLAY = /^# Laid over (\S+\.yaml)/

/** What collector/host.yaml takes its receivers from, and what it has them be where there is Docker. */
const RECEIVERS_VARIABLE = 'HOST_RECEIVERS'
const RECEIVERS_WITH_DOCKER = '[host_metrics, http_check, docker_stats]'
const DEFAULT_DOCKER_HOST = 'unix:///var/run/docker.sock'

const OPTIONS = {
  config: texts(
    'FILE',
    `configuration instead of ${DEFAULT_CONFIG}; given again, the later file is laid over the earlier. A file that says it is laid over another brings that one along`,
  ),
  'feature-gates': text('GATES', 'gates of the Collector to open, or with a minus to close'),
  validate: flag('only checks the configuration'),
  build: flag('only builds the program'),
}

const collector: Command<typeof OPTIONS> = {
  name: 'npm run collector',
  summary: [
    'Runs the OpenTelemetry Collector, and ends as it ends. The program is built first where it is missing (needs Go).',
    'SIGINT and SIGTERM stop it, and what waits in its queue on disk is sent at the next start; SIGHUP makes it read its',
    'configuration again. The variables that it reads stand at the top of the configuration file.',
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
  // Said now, not after minutes of building.
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
 * A Collector that is to ask a Docker daemon ends at once where there is none, and nothing would arrive of the service
 * either. So it is told to ask only when one answers; who sets the variable decides alone.
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

/** Its exit code, or 128 and the number of the signal that killed it. */
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
  // Who interrupts twice ends us at once; what is in the queue on disk survives even this.
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
