import type { Comparison } from './comparison.ts'
import { Stage } from './stage.ts'
import type { Stored } from './stand-in.ts'

/** What was done, and how often: with nothing lost, the rate of losing is below 3/n with 95 % confidence. */
export interface Deed {
  readonly what: string
  readonly count: number
}

export interface Goal {
  readonly what: string
  readonly isMet: boolean
}

/** What a drill found out, besides what is gathered after each. */
export interface Findings {
  readonly deeds: readonly Deed[]
  readonly comparisons: readonly Comparison[]
  readonly goals: readonly Goal[]
  /** What a reader has to know to read the figures, one sentence each. */
  readonly notes?: readonly string[]
  /** Figures of this drill's own, in lines. */
  readonly lines?: readonly string[]
}

export interface Drill {
  readonly name: string
  /** In one sentence without a full stop. */
  readonly proves: string
  /** How much it does: in CI and for releases. */
  readonly short: string
  readonly long: string
  /** Of the services' metrics; 1000 unless told. */
  readonly exportEveryMs?: number
  readonly withJourneys?: boolean
  run(stage: Stage, isLong: boolean): Promise<Findings>
}

/** The services' own account of one signal, as far as they could tell it before they ended. */
export interface Account {
  readonly signal: string
  readonly recorded: number
  readonly restored: number
  readonly resent: number
  readonly deadLetters: number
  readonly dropped: number
}

export interface Memory {
  readonly heapBegin: number
  readonly heapEnd: number
  readonly rssBegin: number
  readonly rssEnd: number
  /** Bytes a minute, by least squares; undefined for fewer than three weighings. */
  readonly heapSlope: number | undefined
}

export interface Report extends Findings {
  readonly drill: string
  readonly proves: string
  readonly form: 'short' | 'long'
  readonly startedAt: string
  readonly seconds: number
  readonly exportEveryMs: number
  readonly requests: {
    readonly sent: number
    readonly completed: number
    readonly notLetIn: number
    readonly unknown: number
    readonly unexpected: Readonly<Record<string, number>>
    readonly p50Ms: number | undefined
    readonly p99Ms: number | undefined
  }
  readonly stored: Stored
  readonly books: readonly Account[]
  readonly memory: Memory | undefined
  readonly warnings: Readonly<Record<string, number>>
  /** How often services were started again at the end, to send what waited on disk. */
  readonly startsToSend: number
  /** Seconds since the epoch of which nothing is stored, by instance. */
  readonly gaps: Readonly<Record<string, readonly (readonly [number, number])[]>>
  readonly isMet: boolean
}

export interface RunOptions {
  readonly program: string
  readonly signal: AbortSignal
  readonly isLong: boolean
}

/** Runs one drill on a stage of its own, which is cleared away whatever happens. */
export async function runDrill(drill: Drill, { program, signal, isLong }: RunOptions): Promise<Report> {
  const begin = performance.now()
  const startedAt = new Date().toISOString()
  const stage = await Stage.open({
    program,
    signal,
    exportEveryMs: drill.exportEveryMs ?? 1000,
    withJourneys: drill.withJourneys ?? false,
  })
  const clear = () => stage.closeNow()
  process.on('exit', clear)
  try {
    const findings = await drill.run(stage, isLong)
    const facts = await gather(stage)
    return {
      drill: drill.name,
      proves: drill.proves,
      form: isLong ? 'long' : 'short',
      startedAt,
      seconds: (performance.now() - begin) / 1000,
      exportEveryMs: stage.exportEveryMs,
      ...findings,
      ...facts,
      isMet: findings.goals.every(({ isMet }) => isMet),
    }
  } finally {
    await stage.close()
    process.off('exit', clear)
  }
}

/** The goals of every drill whose difference has to be 0. */
export async function exactnessGoals(stage: Stage, comparisons: readonly Comparison[]): Promise<Goal[]> {
  const { refused, metrics } = await stage.standIn.stored()
  const books = await booksOf(stage)
  return [
    {
      what: 'difference 0 for each metric and tag set',
      isMet:
        comparisons.length > 0 && comparisons.every((each) => each.happened > 0 && each.difference === 0),
    },
    {
      // What the Collector counts of spans is an estimate, and not the services' own.
      what: 'no second of any series has two points',
      isMet: Object.keys(metrics.overwrittenPerMetric).every((name) =>
        name.startsWith('traces.span.metrics.'),
      ),
    },
    { what: 'the stand-in drops no point silently', isMet: refused.every(({ status }) => status !== 200) },
    {
      what: 'the services set nothing aside and drop nothing',
      isMet: books.every(({ deadLetters, dropped }) => deadLetters + dropped === 0),
    },
    { what: 'every answer is one that was expected', isMet: stage.ledger.unexpected.size === 0 },
  ]
}

async function gather(
  stage: Stage,
): Promise<Pick<Report, 'requests' | 'stored' | 'books' | 'memory' | 'warnings' | 'startsToSend' | 'gaps'>> {
  const { ledger } = stage
  const sorted = Float64Array.from(ledger.latencies).sort()
  return {
    requests: {
      sent: ledger.sent,
      completed: ledger.completed,
      notLetIn: ledger.notLetIn,
      unknown: ledger.unknownCount,
      unexpected: Object.fromEntries(ledger.unexpected),
      p50Ms: orderStatistic(sorted, 0.5),
      p99Ms: orderStatistic(sorted, 0.99),
    },
    stored: await stage.standIn.stored(),
    books: await booksOf(stage),
    memory: memoryOf(stage),
    warnings: Object.fromEntries(stage.warnings),
    startsToSend: stage.startsToSend,
    gaps: await stage.standIn.gaps('web.page_views_total', ['service.instance.id']),
  }
}

/** The value of rank ⌈fraction × n⌉ of ascending values. */
export function orderStatistic(ascending: ArrayLike<number>, fraction: number): number | undefined {
  return ascending[Math.max(0, Math.ceil(fraction * ascending.length * (1 - 1e-12)) - 1)]
}

async function booksOf({ standIn }: Stage): Promise<Account[]> {
  const of = (name: string) => standIn.sum(`rollcall.telemetry.${name}`, ['signal'])
  const [recorded, restored, resent, deadLetters, dropped] = await Promise.all([
    of('recorded'),
    of('restored'),
    of('resent'),
    of('dead_letters'),
    of('dropped'),
  ])
  return ['metrics', 'traces', 'logs'].map((signal) => {
    const take = (counts: Record<string, number>) => counts[`signal:${signal}`] ?? 0
    return {
      signal,
      recorded: take(recorded),
      restored: take(restored),
      resent: take(resent),
      deadLetters: take(deadLetters),
      dropped: take(dropped),
    }
  })
}

function memoryOf({ weighings }: Stage): Memory | undefined {
  const [first, last] = [weighings[0], weighings.at(-1)]
  if (first === undefined || last === undefined || first === last) return undefined
  return {
    heapBegin: first.heapUsed,
    heapEnd: last.heapUsed,
    rssBegin: first.rss,
    rssEnd: last.rss,
    heapSlope: slope(weighings.map(({ at, heapUsed }) => [at / 60, heapUsed])),
  }
}

function slope(points: readonly (readonly [number, number])[]): number | undefined {
  if (points.length < 3) return undefined
  const meanX = points.reduce((total, [x]) => total + x, 0) / points.length
  const meanY = points.reduce((total, [, y]) => total + y, 0) / points.length
  const covariance = points.reduce((total, [x, y]) => total + (x - meanX) * (y - meanY), 0)
  return covariance / points.reduce((total, [x]) => total + (x - meanX) ** 2, 0)
}
