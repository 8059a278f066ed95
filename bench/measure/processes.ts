import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { CommandError } from '../../src/cli/command.ts'
import { LOAD_PROCESSOR, pin, SERVER_PROCESSOR } from './pinning.ts'

const PEERS = join(import.meta.dirname, '..', 'peers')
const SERVICE = join(import.meta.dirname, '..', '..', 'src', 'server.ts')
const START_TIMEOUT_MS = 30_000

export interface Server {
  readonly pid: number
  readonly url: string
}

/** The processes of one run of the benchmarks; all of them end with `end()`. */
export class Processes {
  readonly #children: ChildProcess[] = []

  /** A file of `peers/`, which tells its port. */
  async peer(file: string, { args = [], execArgv = [], env = {} }: PeerOptions = {}): Promise<Server> {
    const child = fork(join(PEERS, file), args, {
      cwd: PEERS,
      execArgv,
      env: { PATH: process.env.PATH, ...env },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    const { port } = (await this.#started(
      child,
      file,
      once(child, 'message').then(([message]) => message),
    )) as {
      port: number
    }
    pin(child.pid as number, SERVER_PROCESSOR)
    return { pid: child.pid as number, url: `http://127.0.0.1:${port}` }
  }

  /** Rollcall itself, as `npm start` runs it. */
  async rollcall(env: NodeJS.ProcessEnv): Promise<Server> {
    const child = spawn(process.execPath, [SERVICE], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, PORT: '0', ...env },
    })
    const lines = createInterface({ input: child.stdout })
    const listening = new Promise<string>((resolve) =>
      lines.on('line', (line) => {
        const { msg, url } = JSON.parse(line)
        if (msg === 'listening') resolve(url)
      }),
    )
    const url = (await this.#started(child, 'Rollcall', listening)) as string
    pin(child.pid as number, SERVER_PROCESSOR)
    return { pid: child.pid as number, url }
  }

  /** Where telemetry goes, on the load's processor: receiving is not what is measured. */
  async sink(): Promise<Server> {
    const server = await this.peer('sink.js')
    pin(server.pid, LOAD_PROCESSOR)
    return server
  }

  async loadGenerator(): Promise<LoadGenerator> {
    const child = fork(join(PEERS, 'load-generator.js'), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    this.#children.push(child)
    await once(child, 'spawn')
    pin(child.pid as number, LOAD_PROCESSOR)
    return new LoadGenerator(child)
  }

  async #started(child: ChildProcess, name: string, ready: Promise<unknown>): Promise<unknown> {
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
      return await Promise.race([ready, failed, timer.promise])
    } finally {
      clearTimeout(timeout)
      failed.catch(() => {})
    }
  }

  async end(): Promise<void> {
    const running = this.#children.filter(
      ({ exitCode, signalCode }) => exitCode === null && signalCode === null,
    )
    const ended = running.map((child) => once(child, 'exit'))
    for (const child of running) child.kill('SIGKILL')
    await Promise.all(ended)
  }
}

interface PeerOptions {
  args?: string[]
  execArgv?: string[]
  env?: NodeJS.ProcessEnv
}

export interface Visit {
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
}

export class LoadGenerator {
  readonly #child: ChildProcess

  constructor(child: ChildProcess) {
    this.#child = child
  }

  /** Resolves when so many requests are answered, all of them well; seconds that it took. */
  async send(visit: Visit, amount: number): Promise<number> {
    this.#child.send({ ...visit, amount })
    const [{ seconds, ok, failed }] = await once(this.#child, 'message')
    if (failed > 0 || ok !== amount)
      throw new CommandError(`${visit.url} answered ${ok} of ${amount} requests with 2xx; see why with curl.`)
    return seconds
  }
}
