import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { builtCollector } from './collector-program.ts'
import { type Command, CommandError, runCommand, UsageError, type Values } from './command.ts'

const DEFAULT_CONFIG = 'otel-collector.yaml'

const OPTIONS = {
  config: {
    kind: 'texts',
    placeholder: 'FILE',
    meaning: `configuration instead of ${DEFAULT_CONFIG}; given again, the later file is laid over the earlier`,
  },
  validate: { kind: 'flag', meaning: 'only checks the configuration' },
  build: { kind: 'flag', meaning: 'only builds the program' },
} as const

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
  { config, validate, build }: Values<typeof OPTIONS>,
  signal: AbortSignal,
): Promise<number> {
  if (validate && build) throw new UsageError('--validate and --build exclude each other; give one of them.')
  const files = config.length > 0 ? config : [DEFAULT_CONFIG]
  // Said now, not after minutes of building.
  if (!build) checkFiles(files, { sends: !validate })
  const program = await builtCollector(signal)
  if (build) {
    process.stdout.write(`${program}\n`)
    return 0
  }
  const configs = files.flatMap((file) => ['--config', file])
  if (!validate) return runProgram(program, configs, signal)
  const code = await runProgram(program, ['validate', ...configs], signal)
  if (code === 0) process.stdout.write(`The Collector accepts ${files.join(' with ')}.\n`)
  return code
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
function runProgram(program: string, args: string[], signal: AbortSignal): Promise<number> {
  const child = spawn(program, args, { stdio: 'inherit' })
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
