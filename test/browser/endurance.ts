import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Page } from 'playwright-core'
import { NOT_SENT } from '../../tools/loading/results.ts'
import type { Teardown } from '../support/harness.ts'
import { startService } from '../support/service.ts'
import { runScript } from '../tools/run-command.ts'
import type { ViewerClient } from '../viewer/viewer-client.ts'
import { startViewer } from '../viewer/viewer-process.ts'
import { openBrowser, openPage } from './browser.ts'

const DASHBOARDS = readdirSync(join(import.meta.dirname, '..', '..', 'datadog', 'dashboards'))
  .sort()
  .map((file) => file.slice(0, -'.json'.length))

const LOOKED_AT_EVERY_MS = 2000
/** Each dashboard is looked at for so long before the next one. */
const SHOWN_MS = 15_000
/** What services and their last exports may take to end. */
const LAST_EXPORTS_MS = 60_000
/** Before it begins, at a tenth of the rate: what was never run is many times slower. */
const WARM_UP_SECONDS = 5

export interface EnduranceOptions {
  readonly seconds: number
  /** Requests a second, of all services together. */
  readonly rate: number
  /** Processes that serve, each with a database and an instance id of its own. */
  readonly services: number
  readonly memoryMib: number
  readonly signal: AbortSignal
  readonly onSecond?: (seconds: number) => void
}

export interface EnduranceReport {
  readonly seconds: number
  readonly load: {
    readonly wantedPerSecond: number
    readonly sentPerSecond: number
    readonly requests: number
    /** Of the pages that nothing but the load visits: what was sent, and what was answered without a fault. With the warm-up. */
    readonly sentViews: number
    readonly answeredViews: number
    readonly errors: Readonly<Record<string, number>>
    /** Of all services, the worst. */
    readonly p50Ms: number
    readonly p99Ms: number
    readonly lateP99Ms: number
  }
  readonly memory: {
    readonly budgetMib: number
    /** What the viewer says that it keeps, at most. */
    readonly heldMaxMib: number
    readonly heapMaxMib: number
    readonly rssMaxMib: number
    readonly rssEndMib: number
    /** What the process may take, as its status tells. */
    readonly rssBoundMib: number
  }
  readonly viewer: {
    readonly spansReceived: number
    readonly pointsReceived: number
    readonly evictedSpans: number
    readonly evictedPoints: number
    readonly refused: number
    readonly overwritten: number
    readonly requests: Readonly<Record<string, number>>
    readonly loopDelayMs: { readonly p50: number; readonly p99: number; readonly max: number }
    /** Of the pages that only the load visits. */
    readonly pageViews: number
    /** Spans, log records and points that the services could not send, by signal and reason. */
    readonly notSent: Readonly<Record<string, number>>
  }
  readonly page: {
    readonly queries: number
    readonly failedQueries: number
    readonly queryP50Ms: number
    readonly queryP95Ms: number
    readonly queryMaxMs: number
    readonly longTasks: number
    readonly longestTaskMs: number
    /** From a key press to the frame after it. */
    readonly keyP50Ms: number
    readonly keyMaxMs: number
    readonly faults: readonly string[]
  }
}

/** What the page has to remember by itself: long tasks, and how long its queries took. */
const WATCH = `(() => {
  globalThis.watched = { tasks: [], queries: [], failed: 0 }
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) watched.tasks.push(duration)
  }).observe({ type: 'longtask', buffered: true })
  performance.setResourceTimingBufferSize(1_000_000)
  new PerformanceObserver((list) => {
    for (const { name, duration, responseStatus } of list.getEntries()) {
      if (!name.includes('/api/query')) continue
      watched.queries.push(duration)
      if (responseStatus !== 200) watched.failed += 1
    }
  }).observe({ type: 'resource', buffered: true })
})()`

/** Asked of the page in the middle of its work: how long a key press has to wait until the next frame is there. */
const KEY_TO_FRAME = `new Promise((resolve) => {
  const begin = performance.now()
  dispatchEvent(new KeyboardEvent('keydown', { key: 'Shift' }))
  requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - begin)))
})`

interface Watched {
  tasks: number[]
  queries: number[]
  failed: number
}

/**
 * The real services with every request traced, at a fixed rate, through the real viewer, while a browser looks at one
 * dashboard after the other and says how long everything took.
 */
export async function endure(t: Teardown, options: EnduranceOptions): Promise<EnduranceReport> {
  const { seconds, memoryMib, signal } = options
  const { client } = await startViewer(t, ['--memory', String(memoryMib)])
  const services = await Promise.all(Array.from({ length: options.services }, () => startMeasured(t, client)))
  const browser = await openBrowser(t)
  const { page, faults } = await openPage(browser, client.url, `/?dashboard=${DASHBOARDS[0]}&span=15m`)
  const rate = Math.round(options.rate / options.services)
  const warmUps = await Promise.all(
    services.map(({ url }) => applyLoad(url, Math.ceil(rate / 10), WARM_UP_SECONDS)),
  )
  const end = performance.now() + seconds * 1000
  const isOver = () => performance.now() >= end || signal.aborted

  const loading = Promise.all(services.map(({ url }) => applyLoad(url, rate, seconds)))
  const [statuses, looks] = await Promise.all([
    watchStatus(client, isOver, options.onSecond ?? (() => {})),
    lookAround(page, client.url, isOver),
  ])
  const loads = await loading
  for (const service of services) service.kill('SIGTERM')
  await Promise.race([
    Promise.all(services.map(({ exited }) => exited)),
    delay(LAST_EXPORTS_MS, undefined, { ref: false }),
  ])
  const last = await client.status()
  statuses.push(last)
  return {
    seconds,
    load: loadOf(loads, warmUps, rate * options.services, seconds),
    memory: memoryOf(statuses, memoryMib),
    viewer: await viewerOf(client, last),
    page: { ...pageOf(looks), faults: [...new Set(faults)] },
  }
}

async function startMeasured(t: Teardown, { url }: ViewerClient) {
  return startService(t, {
    // Its log would be most of what this process does.
    onLine: () => {},
    env: {
      OTEL_METRICS_EXPORTER: 'otlp',
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_LOGS_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_ENDPOINT: url,
      OTEL_TRACES_SAMPLER_ARG: '1',
      // Three thousand spans a second fill the usual 2,048 whenever this machine gives the time to somebody else.
      OTEL_BSP_MAX_QUEUE_SIZE: '16384',
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '2048',
    },
  })
}

// biome-ignore lint/suspicious/noExplicitAny: the report of `npm run load`, as it prints it
type Load = any

async function applyLoad(url: string, rate: number, seconds: number): Promise<Load> {
  const args = ['--url', url, '--rate', String(rate), '--duration', String(seconds), '--json']
  const { stdout, stderr } = await runScript('load', args)
  if (stdout === '') throw new Error(`the load did not run: ${stderr}`)
  return JSON.parse(stdout)
}

// biome-ignore lint/suspicious/noExplicitAny: what GET /api/status answers
type Status = any

async function watchStatus(
  client: ViewerClient,
  isOver: () => boolean,
  onSecond: (seconds: number) => void,
): Promise<Status[]> {
  const begin = performance.now()
  const statuses: Status[] = []
  while (!isOver()) {
    statuses.push(await client.status())
    await delay(LOOKED_AT_EVERY_MS)
    onSecond(Math.floor((performance.now() - begin) / 1000))
  }
  return statuses
}

/** One dashboard after the other, each live; then the explorer, where one draws a heat map. */
async function lookAround(page: Page, url: string, isOver: () => boolean) {
  const looks: (Watched & { keys: number[] })[] = []
  const heatMap = `/explorer?span=15m&kind=heatmap&q=${encodeURIComponent('histogram:database.query.time{*}')}`
  const paths = [...DASHBOARDS.map((name) => `/?dashboard=${name}&span=15m`), heatMap]
  await page.addInitScript(WATCH)
  for (let index = 0; !isOver(); index += 1) {
    await page.goto(url + paths[index % paths.length])
    const keys: number[] = []
    for (const end = performance.now() + SHOWN_MS; performance.now() < end && !isOver(); await delay(500))
      keys.push(await page.evaluate<number>(KEY_TO_FRAME))
    looks.push({ ...(await page.evaluate<Watched>('watched')), keys })
  }
  return looks
}

/** Pages that visitors also ask for when they arrive or leave: their account, and which polls are open. */
const ALSO_BEFORE = new Set(['account', 'polls', 'app-polls'])

function loadOf(
  loads: readonly Load[],
  warmUps: readonly Load[],
  wantedPerSecond: number,
  seconds: number,
): EnduranceReport['load'] {
  const errors: Record<string, number> = {}
  for (const { total } of loads)
    for (const [kind, count] of Object.entries<number>(total.errors))
      errors[kind] = (errors[kind] ?? 0) + count
  const sum = (read: (load: Load) => number) => loads.reduce((all, load) => all + read(load), 0)
  const worst = (read: (load: Load) => number) => Math.max(...loads.map(read))
  const visits = [...warmUps, ...loads].flatMap(({ pages }) =>
    Object.entries<Load>(pages).flatMap(([name, page]) => (ALSO_BEFORE.has(name) ? [] : [page])),
  )
  const faultsOf = (page: Load, isFault: (kind: string) => boolean) =>
    Object.entries<number>(page.errors).reduce((all, [kind, count]) => all + (isFault(kind) ? count : 0), 0)
  const views = (isFault: (kind: string) => boolean) =>
    visits.reduce((all, page) => all + page.requests - faultsOf(page, isFault), 0)
  return {
    wantedPerSecond,
    sentPerSecond: sum(({ sent }) => sent) / seconds,
    requests: sum(({ total }) => total.requests),
    sentViews: views((kind) => kind === NOT_SENT),
    answeredViews: views(() => true),
    errors,
    p50Ms: worst(({ total }) => total.latencyMs.p50),
    p99Ms: worst(({ total }) => total.latencyMs.p99),
    lateP99Ms: worst(({ latenessMs }) => latenessMs.p99),
  }
}

function memoryOf(statuses: readonly Status[], budgetMib: number): EnduranceReport['memory'] {
  const most = (read: (memory: Record<string, number>) => number | undefined) =>
    Math.max(...statuses.map(({ memory }) => read(memory) as number)) / 1024 / 1024
  return {
    budgetMib,
    heldMaxMib: most(({ usedBytes }) => usedBytes),
    heapMaxMib: most(({ heapBytes }) => heapBytes),
    rssMaxMib: most(({ rssBytes }) => rssBytes),
    rssEndMib: statuses.at(-1).memory.rssBytes / 1024 / 1024,
    rssBoundMib: most(({ rssMaxBytes }) => rssMaxBytes),
  }
}

async function viewerOf(
  client: ViewerClient,
  { metrics, traces, logs, requests, loopDelayMs }: Status,
): Promise<EnduranceReport['viewer']> {
  const count = async (q: string) =>
    (await client.values(q, { seconds: 3600 })).reduce((all, { value }) => all + (value ?? 0), 0)
  const by = async (q: string) =>
    Object.fromEntries(
      (await client.values(q, { seconds: 3600 }))
        .filter(({ value }) => value !== 0)
        .map(({ tags, value }) => [Object.values(tags).join(' '), value as number]),
    )
  return {
    spansReceived: traces.received,
    pointsReceived: metrics.received,
    evictedSpans: traces.evicted,
    evictedPoints: metrics.evicted,
    refused: metrics.refused + traces.refused + logs.refused,
    overwritten: metrics.overwritten,
    requests,
    loopDelayMs,
    pageViews: await count('sum:web.page_views{page NOT IN (account, login, polls, signup)}'),
    notSent: {
      ...(await by('sum:rollcall.telemetry.dropped{*} by {signal,error.type}')),
      ...(await by('sum:rollcall.telemetry.dead_letters{*} by {signal}')),
    },
  }
}

function pageOf(looks: readonly (Watched & { keys: number[] })[]): Omit<EnduranceReport['page'], 'faults'> {
  const ascending = (read: (look: Watched & { keys: number[] }) => number[]) =>
    looks.flatMap(read).sort((one, other) => one - other)
  const [queries, tasks, keys] = [
    ascending((look) => look.queries),
    ascending((look) => look.tasks),
    ascending((look) => look.keys),
  ]
  return {
    queries: queries.length,
    failedQueries: looks.reduce((all, { failed }) => all + failed, 0),
    queryP50Ms: rank(queries, 0.5),
    queryP95Ms: rank(queries, 0.95),
    queryMaxMs: queries.at(-1) ?? 0,
    longTasks: tasks.length,
    longestTaskMs: tasks.at(-1) ?? 0,
    keyP50Ms: rank(keys, 0.5),
    keyMaxMs: keys.at(-1) ?? 0,
  }
}

function rank(ascending: readonly number[], fraction: number): number {
  return ascending[Math.max(0, Math.ceil(fraction * ascending.length) - 1)] ?? 0
}

/** What must not be, whatever the machine: nothing of it is a matter of time. */
export function complaints({ load, memory, viewer, page }: EnduranceReport): string[] {
  const { pageViews, requests, refused, overwritten, notSent } = viewer
  const otherStatuses = Object.keys(requests).filter((status) => status !== '200')
  return [
    memory.heldMaxMib > memory.budgetMib && 'the viewer kept more than its memory',
    memory.rssMaxMib > memory.rssBoundMib && 'the process took more than its status says',
    refused > 0 && `${refused} spans, points or records were refused`,
    otherStatuses.length > 0 && `exports were answered with ${otherStatuses.join(', ')}`,
    overwritten > 0 && `${overwritten} points took the place of others`,
    ...Object.entries(notSent).map(([what, count]) => `the service did not send ${count} of ${what}`),
    (pageViews < load.answeredViews || pageViews > load.sentViews) &&
      `${pageViews} page views were counted, of ${load.answeredViews} answered and ${load.sentViews} sent`,
    page.failedQueries > 0 && `${page.failedQueries} queries failed`,
    page.queries === 0 && 'the page asked nothing',
    ...page.faults.map((fault) => `in the page: ${fault}`),
  ].filter((complaint) => complaint !== false)
}
