import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { CommandError } from '../../src/process/command.ts'
import { LOAD_PROCESSOR, pin, SERVER_PROCESSOR } from './pinning.ts'

const PEERS = join(import.meta.dirname, '..', 'peers')
const require = createRequire(import.meta.url)
const START_TIMEOUT_MS = 30_000

export interface Server {
  readonly pid: number
  readonly url: string
}

/** Processes of a run of the benchmarks; all of them end with `end()`. */
export class Processes {
  readonly #children: ChildProcess[] = []

  /** A file of `peers/`, which reports its port. */
  async peer(
    file: string,
    { args = [], execArgv = [], env = {}, processor = SERVER_PROCESSOR }: PeerOptions = {},
  ): Promise<Server> {
    const child = fork(join(PEERS, file), args, {
      cwd: PEERS,
      execArgv,
      env: { PATH: process.env.PATH, ...env },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    const told = once(child, 'message') as Promise<[{ port: number }]>
    const [{ port }] = await this.#started(child, file, told, processor)
    return { pid: child.pid as number, url: `http://127.0.0.1:${port}` }
  }

  /** Rollcall itself, as `npm start` runs it in its folder. */
  async rollcall(folder: string, env: NodeJS.ProcessEnv, execArgv: readonly string[] = []): Promise<Server> {
    const service = join(folder, 'src', 'server.ts')
    const launch: Launch = require(join(folder, 'scripts', 'launch.cjs'))
    const { pid, told } = await this.program(
      'Rollcall',
      process.execPath,
      [...launch.flagsOf(service), ...execArgv, service],
      {
        env: launch.environment({ PORT: '0', ...env }),
        ready: (line) => /^\{.*"msg":"listening"/.test(line) && (JSON.parse(line).url as string),
      },
    )
    return { pid, url: told }
  }

  /** Any program, on the servers' processor; started at the first line of output for which `ready` returns a value. */
  async program<T>(
    name: string,
    command: string,
    args: readonly string[],
    { env, ready }: ProgramOptions<T>,
  ): Promise<{ pid: number; told: T }> {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, ...env },
    })
    const told = new Promise<T>((resolve) => {
      for (const input of [child.stdout, child.stderr])
        createInterface({ input }).on('line', (line) => {
          const something = ready(line)
          if (something) resolve(something)
        })
    })
    return { told: await this.#started(child, name, told, SERVER_PROCESSOR), pid: child.pid as number }
  }

  /** The receiver of telemetry, on the load's processor: receiving is not measured. */
  sink(): Promise<Server> {
    return this.peer('sink.js', { processor: LOAD_PROCESSOR })
  }

  async loadGenerator(): Promise<LoadGenerator> {
    const child = fork(join(PEERS, 'load-generator.js'), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    this.#children.push(child)
    await once(child, 'spawn')
    pin(child.pid as number, LOAD_PROCESSOR)
    return new LoadGenerator(child)
  }

  async #started<T>(child: ChildProcess, name: string, ready: Promise<T>, processor: number): Promise<T> {
    this.#children.push(child)
    let errors = ''
    child.stderr?.on('data', (chunk) => {
      errors = `${errors}${chunk}`.slice(-2000)
    })
    const failed = once(child, 'exit').then(([code]) => {
      throw new CommandError(`${name} exited with ${code} at its start: ${errors.trim()}`)
    })
    const timer = Promise.withResolvers<never>()
    const timeout = setTimeout(
      () =>
        timer.reject(
          new CommandError(
            `${name} did not start within ${START_TIMEOUT_MS / 1000} s; try again on a quieter machine.`,
          ),
        ),
      START_TIMEOUT_MS,
    )
    try {
      const told = await Promise.race([ready, failed, timer.promise])
      pin(child.pid as number, processor)
      return told
    } finally {
      clearTimeout(timeout)
      failed.catch(() => {})
    }
  }

  /** Ends a server in order, and waits for its exit. */
  async stop({ pid }: Server): Promise<void> {
    const child = this.#children.find((each) => each.pid === pid) as ChildProcess
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    await exited
  }

  /** Kills the processes that still run. */
  async end(): Promise<void> {
    const running = this.#children
      .splice(0)
      .filter(
        ({ pid, exitCode, signalCode }) => pid !== undefined && exitCode === null && signalCode === null,
      )
    const ended = running.map((child) => once(child, 'exit'))
    for (const child of running) child.kill('SIGKILL')
    await Promise.all(ended)
  }
}

interface Launch {
  flagsOf(file: string): string[]
  environment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv
}

interface PeerOptions {
  args?: string[]
  execArgv?: string[]
  env?: NodeJS.ProcessEnv
  processor?: number
}

interface ProgramOptions<T> {
  readonly env: NodeJS.ProcessEnv
  readonly ready: (line: string) => T | false | undefined
}

export interface Visit {
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
}

/** The process that sends requests: see peers/load-generator.js. */
export class LoadGenerator {
  readonly #child: ChildProcess
  readonly #ended: Promise<never>

  constructor(child: ChildProcess) {
    this.#child = child
    this.#ended = once(child, 'exit').then(([code]) => {
      throw new CommandError(`The load generator exited with ${code}; its own output says why.`)
    })
    this.#ended.catch(() => {})
  }

  /** Resolves, in seconds, when `amount` requests have been answered with 2xx. */
  async send(visit: Visit, amount: number): Promise<number> {
    this.#child.send({ ...visit, amount })
    const answered = once(this.#child, 'message')
    const [{ seconds, ok, failed }] = await Promise.race([answered, this.#ended])
    if (failed > 0 || ok !== amount)
      throw new CommandError(`${visit.url} answered ${ok} of ${amount} requests with 2xx; see why with curl.`)
    return seconds
  }
}
