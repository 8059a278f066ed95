import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type LoadGenerator, Processes, type Server } from './measure/processes.ts'

/** The measured checkout, unless another one is named. */
export const HERE = join(import.meta.dirname, '..')
const DEMO = { email: 'demo@seed.rollcall.example', password: 'correct horse battery staple' }

/** How much of Rollcall's telemetry is on. `everything` is the same as `npm start` beside a Collector. */
export type Instrumented = 'everything' | 'metrics' | 'nothing'

const TELEMETRY: Readonly<Record<Instrumented, NodeJS.ProcessEnv>> = {
  everything: {},
  metrics: { OTEL_TRACES_EXPORTER: 'none', OTEL_LOGS_EXPORTER: 'none' },
  nothing: { OTEL_SDK_DISABLED: 'true' },
}

/** A folder with databases, and the processes over them; `close()` leaves nothing behind. */
export class Stage {
  /** The measured servers; those of one act are alive at once. */
  readonly processes = new Processes()
  readonly load: LoadGenerator
  readonly sink: Server
  readonly #backstage: Processes
  readonly folder = mkdtempSync(join(tmpdir(), 'rollcall-bench-'))
  #services = 0
  #databases = 0

  private constructor(load: LoadGenerator, sink: Server, backstage: Processes) {
    this.load = load
    this.sink = sink
    this.#backstage = backstage
  }

  static async open(): Promise<Stage> {
    const backstage = new Processes()
    return new Stage(await backstage.loadGenerator(), await backstage.sink(), backstage)
  }

  /** Ends the servers that it started: idle ones would take a part of the processor from the next act. */
  async act<T>(measure: () => Promise<T>): Promise<T> {
    try {
      return await measure()
    } finally {
      await this.processes.end()
    }
  }

  /** The path of a database with this many seeded members; another one at each call. */
  async database(
    users: number,
    {
      checkout = HERE,
      seeding = ['--friends', '2'],
    }: { checkout?: string; seeding?: readonly string[] } = {},
  ): Promise<string> {
    const path = join(this.folder, `${this.#databases++}.db`)
    await seed(checkout, path, users, seeding)
    return path
  }

  /** The rate of seeding an empty database, as the command reports it. */
  async seedAnew(users: number, checkout = HERE): Promise<{ path: string; usersASecond: number }> {
    const path = join(this.folder, `${this.#databases++}.db`)
    await seed(checkout, path, 0)
    const rate = /([\d,]+) a second/.exec(await seed(checkout, path, users))?.[1]
    return { path, usersASecond: Number(rate?.replaceAll(',', '')) }
  }

  /** The rate of seeding votes into a database with seeded members, as the command reports it. */
  async seedVotes(path: string, users: number, polls: number): Promise<number> {
    await seed(HERE, path, users, ['--polls', String(polls)])
    const told = await seed(HERE, path, users, ['--votes', String(users * polls)])
    return Number(
      /^adding votes: .*?([\d,]+) a second\n(?!adding votes)/m.exec(told)?.[1]?.replaceAll(',', ''),
    )
  }

  /** A peer's environment: the database, and the receiver of telemetry. One of ten traces is kept. */
  peerEnv(database: string): NodeJS.ProcessEnv {
    return {
      BENCH_DATABASE: database,
      OTEL_EXPORTER_OTLP_ENDPOINT: this.sink.url,
      OTEL_SERVICE_NAME: 'bench',
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.1',
      DD_TRACE_AGENT_URL: this.sink.url,
      DD_TRACE_SAMPLE_RATE: '0.1',
    }
  }

  rollcall(
    database: string,
    instrumented: Instrumented,
    { execArgv, checkout = HERE }: { execArgv?: readonly string[]; checkout?: string } = {},
  ): Promise<Server> {
    this.#services += 1
    const env = {
      DATABASE_URL: `sqlite:${database}`,
      TELEMETRY_DIR: join(this.folder, `telemetry-${this.#services}`),
      OTEL_EXPORTER_OTLP_ENDPOINT: this.sink.url,
      LOGIN_LIMIT_PER_MINUTE: '100000',
      ...TELEMETRY[instrumented],
    }
    return this.processes.rollcall(checkout, env, execArgv)
  }

  /** Headers of a logged-in member; valid in each service over the same database. */
  async session({ url }: Server): Promise<Record<string, string>> {
    const reply = await fetch(`${url}/v1/sessions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(DEMO),
    })
    const { token } = (await reply.json()) as { token: string }
    return { authorization: `Bearer ${token}` }
  }

  /** The same of a browser, for the pages for people. */
  async browserSession({ url }: Server): Promise<Record<string, string>> {
    const reply = await fetch(`${url}/app/log-in`, {
      method: 'POST',
      headers: { 'sec-fetch-site': 'same-origin' },
      body: new URLSearchParams(DEMO),
      redirect: 'manual',
    })
    const [cookie = ''] = reply.headers.getSetCookie()
    return { cookie: cookie.split(';', 1)[0] as string, accept: 'text/html' }
  }

  async close(): Promise<void> {
    await this.processes.end()
    await this.#backstage.end()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

async function seed(
  checkout: string,
  path: string,
  users: number,
  more: readonly string[] = [],
): Promise<string> {
  // The checkout's package.json says where its command is.
  const { scripts } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8'))
  const args = [
    join(checkout, scripts.seed.split(' ').at(-1)),
    '--users',
    String(users),
    '--password',
    DEMO.password,
    ...more,
  ]
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, {
    env: { PATH: process.env.PATH, DATABASE_URL: `sqlite:${path}` },
  })
  return stdout + stderr
}
