import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Progress } from '../../tools/progress.ts'
import {
  type CollectorPlace,
  collectorPlace,
  freePorts,
  startCollector,
} from '../collector/real-collector.ts'
import { Client, seededRandom } from '../proof/client.ts'
import { DriverLedger, type Memory } from '../proof/driver-ledger.ts'
import {
  ADMIN_EMAIL,
  changingKinds,
  type Kind,
  peopleKinds,
  prepareMembers,
  steadyKinds,
} from '../proof/kinds.ts'
import {
  changingVotePages,
  changingVotes,
  pollKinds,
  pollPageKinds,
  preparePolls,
} from '../proof/poll-kinds.ts'
import { type Teardown, temporaryFolder } from '../support/harness.ts'
import { startIntakeProcess } from '../support/intake/start-process.ts'
import { type LogLine, startService } from '../support/service.ts'
import { type Comparison, compare } from './comparison.ts'
import { Load } from './load.ts'
import { add, pageOf, REQUEST_TAGS, RequestLedger, sortOf, sum } from './request-ledger.ts'
import { StandIn } from './stand-in.ts'

/** Requests a second of every drill, unless it says otherwise: two cores carry it with all that runs beside it. */
export const RATE = 250

const WEIGH_EVERY_MS = 10_000
const CONNECTIONS = 16
const PROGRESS_LINE_MS = 30_000

/** The longest pause between two attempts of the Collector's exporter is 30 s, and half as much again by chance. */
const QUIET_MS = 50_000
/** What could still come when all is there: a second point of something. */
const AFTERWARDS_MS = 1500

/** What has not come by then never will: twice the Collector's longest pause, and a worker's start on a busy machine. */
const COMES_MS = 2 * QUIET_MS

/** As often a service is started to send what waits; what waits after that waits because nobody takes it. */
const STARTS_TO_SEND_MAX = 5

export interface StageOptions {
  /** The Collector's program. */
  readonly program: string
  readonly signal: AbortSignal
  readonly exportEveryMs?: number
  readonly withJourneys?: boolean
}

type Service = Awaited<ReturnType<typeof startService>> & { readonly start: Start }
type Collector = Awaited<ReturnType<typeof startCollector>>

/** How a service is started. */
interface Start {
  readonly name?: string
  readonly env?: Readonly<Record<string, string>>
  readonly workers?: number
}

export interface Weighing extends Memory {
  /** Seconds since the stage was opened. */
  readonly at: number
}

/**
 * Everything that a drill plays with: the stand-in for the intake, the Collector in front of it and services in front of
 * that, each a process of its own as users start it, with both ledgers. `close` leaves no process and no folder behind.
 */
export class Stage implements Teardown {
  readonly standIn: StandIn
  readonly place: CollectorPlace
  readonly driver: DriverLedger
  readonly ledger: RequestLedger
  readonly weighings: Weighing[] = []
  /** Warnings and errors of the services' logs, and how often each came. */
  readonly warnings = new Map<string, number>()
  /** Process ids of the workers that serve, by slot. */
  readonly workers = new Map<number, number>()
  /** How often services were started again at the end, to send what waited on disk. */
  startsToSend = 0
  readonly signal: AbortSignal
  readonly exportEveryMs: number
  readonly #program: string
  readonly #folder: string
  readonly #ends: (() => unknown)[]
  readonly #openedAt = performance.now()
  readonly #services = new Set<Service>()
  /** By the name of the service. */
  readonly #ports = new Map<string, number>()
  readonly #random = seededRandom(20_261_122)
  #collector: Collector | undefined
  #kinds: Record<string, Kind> = {}
  #progress: Progress | undefined
  /** A service said that something waits on disk for its next start. */
  #leftOnDisk = false

  private constructor(
    options: StageOptions,
    parts: { standIn: StandIn; place: CollectorPlace; ends: (() => unknown)[] },
  ) {
    this.signal = options.signal
    this.exportEveryMs = options.exportEveryMs ?? 1000
    this.#program = options.program
    this.#ends = parts.ends
    this.standIn = parts.standIn
    this.place = parts.place
    this.driver = new DriverLedger(this)
    this.ledger = new RequestLedger({ withJourneys: options.withJourneys ?? false })
    this.#folder = temporaryFolder(this)
  }

  static async open(options: StageOptions): Promise<Stage> {
    const ends: (() => unknown)[] = []
    const scope: Teardown = { teardown: (end) => ends.push(end) }
    try {
      const { url } = await startIntakeProcess(scope)
      const place = await collectorPlace(scope, url)
      return new Stage(options, { standIn: new StandIn(url), place, ends })
    } catch (error) {
      await endAll(ends)
      throw error
    }
  }

  teardown(end: () => unknown): void {
    this.#ends.push(end)
  }

  async close(): Promise<void> {
    this.#progress?.end()
    await endAll(this.#ends)
  }

  /** Without waiting: for a process that ends at once. */
  closeNow(): void {
    for (const end of this.#ends.reverse())
      try {
        void end()
      } catch {}
  }

  async startCollector(overlay = ''): Promise<void> {
    this.#collector = await startCollector(this, this.#program, this.place, { overlay })
  }

  async endCollector(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await this.#collector?.end(signal)
    this.#collector = undefined
  }

  /** On one port, database and telemetry folder at each start, as one installation; `name` makes another one. */
  async startService(start: Start = {}): Promise<Service> {
    const { name = 'service', env = {}, workers } = start
    const port = this.#ports.get(name) ?? (await freePorts(1))[0]
    this.#ports.set(name, port as number)
    const started = await startService(this, {
      preload: this.driver.preload,
      onLine: (line) => this.#heed(line),
      ...(workers !== undefined && { workers }),
      env: {
        ...this.driver.env,
        PORT: String(port),
        DATABASE_URL: `sqlite:${join(this.#folder, 'rollcall.db')}`,
        TELEMETRY_DIR: join(this.#folder, 'telemetry'),
        ADMIN_EMAIL,
        OTEL_EXPORTER_OTLP_ENDPOINT: this.place.url,
        OTEL_METRICS_EXPORTER: 'otlp',
        OTEL_TRACES_EXPORTER: 'otlp',
        OTEL_LOGS_EXPORTER: 'otlp',
        OTEL_METRIC_EXPORT_INTERVAL: String(this.exportEveryMs),
        ...env,
      },
    })
    const service = { ...started, start }
    this.#services.add(service)
    return service
  }

  /** SIGTERM; resolves when it has ended, and throws when that was not in order. */
  async stopService(service: Service): Promise<void> {
    service.kill('SIGTERM')
    await this.#ended(service, '0,')
  }

  async killService(service: Service): Promise<void> {
    service.kill('SIGKILL')
    await this.#ended(service, ',SIGKILL')
  }

  async #ended(service: Service, expected: string): Promise<void> {
    const outcome = (await service.exited).join()
    this.#services.delete(service)
    if (outcome !== expected) throw new Error(`the service ended with ${outcome}: ${service.errors()}`)
  }

  #heed({ level, msg, slot, pid }: LogLine): void {
    if (['warn', 'error', 'fatal'].includes(level)) add(this.warnings, msg, 1)
    if (msg.startsWith('telemetry that was not sent waits on disk')) this.#leftOnDisk = true
    if (msg === 'worker started') this.workers.set(Number(slot), Number(pid))
  }

  /** Members, polls and their requests; each is counted like all others. */
  async prepare(service: Service): Promise<void> {
    const client = this.client(service)
    const done = (kind: Kind, status: number) => {
      this.ledger.sent += 1
      this.ledger.answered('preparation', kind, status)
    }
    const members = await prepareMembers(client, ['Ada', 'Grace', 'Edsger'], done)
    const polls = await preparePolls(client, members, done)
    const kinds = {
      ...steadyKinds(members),
      ...peopleKinds(members),
      ...pollKinds(members, polls),
      ...pollPageKinds(members, polls),
      ...changingKinds(members),
      ...changingVotes(members, polls),
      ...changingVotePages(members, polls),
    }
    // A process that is ending says that it is not ready: it is asked on connections that it still serves.
    this.#kinds = { ...kinds, ready: { ...(kinds.ready as Kind), statuses: [200, 503] } }
  }

  client(service: Service): Client {
    const client = new Client(service.url, CONNECTIONS)
    this.teardown(() => client.close())
    return client
  }

  /** Shows how far it is; load advances it by each request. */
  expect(label: string, units: number): void {
    this.#progress = new Progress(label, units, process.stderr, { lineMs: PROGRESS_LINE_MS })
  }

  advance(units: number): void {
    this.#progress?.advance(units)
  }

  load(services: readonly Service[], rate = RATE): Load {
    return new Load({
      clients: services.map((service) => this.client(service)),
      kinds: this.#kinds,
      ledger: this.ledger,
      rate,
      random: this.#random,
      onSent: (requests) => this.advance(requests),
    })
  }

  /** Under load while `work` is done; weighs the first service now and then. */
  async under<T>(load: Load, weighed: Service | undefined, work: () => Promise<T>): Promise<T> {
    const scale = weighed && setInterval(() => void this.weigh(weighed), WEIGH_EVERY_MS)
    load.start()
    try {
      return await work()
    } finally {
      clearInterval(scale)
      await load.stop()
    }
  }

  async weigh(service: Service): Promise<void> {
    const memory = await this.driver.weigh(service.pid).catch(() => undefined)
    if (memory) this.weighings.push({ at: (performance.now() - this.#openedAt) / 1000, ...memory })
  }

  async pause(milliseconds: number): Promise<void> {
    await pause(milliseconds, undefined, { signal: this.signal })
  }

  /** A random part of it, between a tenth and the whole: what happens then finds the pipeline in any state. */
  upTo(milliseconds: number): number {
    return milliseconds * (0.1 + 0.9 * this.#random())
  }

  async until(isSo: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await isSo())) await this.pause(50)
  }

  /** As {@link until}, but not for ever: what does not come is for the goals to tell. Whether it came. */
  async comes(isSo: () => boolean | Promise<boolean>, withinMs = COMES_MS): Promise<boolean> {
    const deadline = performance.now() + withinMs
    while (!(await isSo())) {
      if (performance.now() > deadline) return false
      await this.pause(50)
    }
    return true
  }

  /** Each metric that the ledgers know, tag set by tag set. */
  async compare(): Promise<Comparison[]> {
    const { standIn, ledger, driver } = this
    const unknownPages = new Map<string, number>()
    for (const [tags, count] of ledger.unknown) add(unknownPages, pageOf(tags), count)
    const unknownViews = new Map([...unknownPages].filter(([page]) => page !== 'page:none'))
    const statements = new Map([...driver.byPage()].map(([page, count]) => [`page:${page}`, count]))
    return [
      compare('web.page_views', ledger.views, await standIn.sum('web.page_views', ['page']), {
        unknown: unknownViews,
        groupOf: (tags) => tags,
      }),
      compare(
        'web.page_views_total',
        new Map([['', sum(ledger.views)]]),
        await standIn.sum('web.page_views_total', []),
        {
          unknown: new Map([['', sum(unknownViews)]]),
          groupOf: () => '',
        },
      ),
      compare(
        'http.server.request.duration',
        ledger.requests,
        await standIn.count('http.server.request.duration', REQUEST_TAGS),
        { unknown: ledger.unknown, groupOf: sortOf },
      ),
      compare('database.query.time', statements, await standIn.count('database.query.time', ['page'])),
      compare(
        'db.client.operation.duration',
        statements,
        await standIn.count('db.client.operation.duration', ['page']),
      ),
    ]
  }

  /**
   * Ends all services. What one could not send within its grace, on a busy machine, waits for its next start: it is
   * started and ended again until nothing waits, or for some times: then the comparison tells what is missing.
   */
  async #stopAll(): Promise<void> {
    for (;;) {
      this.#leftOnDisk = false
      const starts = [...this.#services].map(({ start }) => start)
      await Promise.all([...this.#services].map((service) => this.stopService(service)))
      if (!this.#leftOnDisk || this.startsToSend >= STARTS_TO_SEND_MAX) return
      this.startsToSend += 1
      for (const start of starts) await this.startService(start)
      await this.pause(this.exportEveryMs)
    }
  }

  /** Ends all services and waits until everything has arrived, or nothing more comes. */
  async settle(quietMs = QUIET_MS): Promise<Comparison[]> {
    await this.#stopAll()
    let received = -1
    let changedAt = performance.now()
    for (;;) {
      const comparisons = await this.compare()
      const isExact = comparisons.every(({ difference }) => difference === 0)
      const now = (await this.standIn.stored()).metrics.received
      if (now !== received) changedAt = performance.now()
      received = now
      if (performance.now() - changedAt > (isExact ? AFTERWARDS_MS : quietMs)) return comparisons
      await this.pause(200)
    }
  }
}

/** The latest first; one that fails keeps none of the others from ending. */
async function endAll(ends: (() => unknown)[]): Promise<void> {
  for (let end = ends.pop(); end; end = ends.pop())
    try {
      await end()
    } catch {}
}
