import { randomBytes } from 'node:crypto'
import { CommandError } from '../../src/process/command.ts'
import { type HttpClient, NoAnswer } from '../loading/http-client.ts'
import { keepPace } from '../loading/pacing.ts'
import { type Comparison, compareWithTelemetry, type TimedRequest } from './agreement.ts'
import { ascending, percentile } from './statistics.ts'
import type { TelemetryReceiver } from './telemetry-receiver.ts'

/** A listing to measure. */
export interface Listing {
  readonly name: 'full listing' | 'keyset page' | 'friends page' | 'HTML page'
  readonly path: string
  readonly route: string
  /** Its page in telemetry. */
  readonly page: string
  readonly isHtml: boolean
}

/** The HTML page shows what the keyset page has, to people: 50 members. It is measured if asked for. */
export const LISTINGS: readonly Listing[] = [
  {
    name: 'full listing',
    path: '/v1/community/full',
    route: '/v1/community/full',
    page: 'community',
    isHtml: false,
  },
  {
    name: 'keyset page',
    path: '/v1/community?limit=50',
    route: '/v1/community',
    page: 'community',
    isHtml: false,
  },
  {
    name: 'friends page',
    path: '/v1/me/friends?limit=50',
    route: '/v1/me/friends',
    page: 'friends',
    isHtml: false,
  },
  {
    name: 'HTML page',
    path: '/app/community',
    route: '/app/community',
    page: 'community',
    isHtml: true,
  },
]

function rowsIn(body: string, { isHtml }: Listing): number {
  if (!isHtml) return JSON.parse(body).data.length
  const list = /<ul class="rows">(.*?)<\/ul>/s.exec(body)?.[1] ?? ''
  return list.split('<li>').length - 1
}

/**
 * The service may be busy for at most this part of the time: requests that wait for each other would be another
 * experiment.
 */
const BUSY_MAX = 0.3
const WARM_UP_REQUESTS_MIN = 20

/** One listing at one table size. */
export interface Measurement extends Comparison {
  readonly listing: Listing
  readonly tableRows: number
  /** Rows in the reply. */
  readonly replyRows: number
  readonly ratePerSecond: number
}

export interface Bench {
  readonly client: HttpClient
  /** Connected to the bare server. */
  readonly bareClient: HttpClient
  readonly token: string
  /** The session of a browser, for HTML. */
  readonly cookie: string
  readonly receiver: TelemetryReceiver
}

/** How a listing behaves on a warm service. */
export interface WarmListing {
  readonly listing: Listing
  readonly usualSeconds: number
  /** Rows in the reply. */
  readonly replyRows: number
  readonly replyBytes: number
}

/** Asks for one listing after the other, for `eachMs` each, and leaves no trace in the receiver's next window. */
export async function warmUp(
  bench: Bench,
  listings: readonly Listing[],
  eachMs: number,
  signal: AbortSignal,
): Promise<WarmListing[]> {
  const warm: WarmListing[] = []
  for (const listing of listings) {
    const first = await askListing(bench, listing)
    const body = Buffer.concat(first.body)
    const replyRows = rowsIn(body.toString(), listing)
    const traceIds = [first.traceId]
    const seconds: number[] = []
    const startedAt = performance.now()
    while (performance.now() - startedAt < eachMs || seconds.length < WARM_UP_REQUESTS_MIN) {
      signal.throwIfAborted()
      const timed = await askListing(bench, listing)
      traceIds.push(timed.traceId)
      seconds.push(timed.seconds)
      await askBare(bench, body.length)
    }
    // Emptied for each listing: spans of many thousands of requests would be a lot to wait for at once.
    await bench.receiver.takeWindow(listing.route, traceIds, signal)
    const usualSeconds = percentile(ascending(seconds), 0.5)
    warm.push({ listing, replyRows, replyBytes: body.length, usualSeconds })
  }
  return warm
}

/**
 * Asks for a listing at a fixed rate, and compares the client's measurements with telemetry's. Half-way between two
 * requests, the bare server is asked for a reply of the same size.
 */
export async function measureListing(
  bench: Bench,
  { listing, usualSeconds, replyRows, replyBytes }: WarmListing,
  plan: { tableRows: number; ratePerSecond: number; durationSeconds: number },
  signal: AbortSignal,
): Promise<Measurement> {
  const ratePerSecond = Math.max(1, Math.min(plan.ratePerSecond, Math.floor(BUSY_MAX / usualSeconds)))
  const failed = new AbortController()
  const toListing = new Traffic(() => failed.abort())
  const toBare = new Traffic(() => failed.abort())
  const pace = { ratePerSecond: 2 * ratePerSecond, durationSeconds: plan.durationSeconds }
  await keepPace(pace, AbortSignal.any([signal, failed.signal]), () => {
    if (toBare.count < toListing.count) toBare.add(askBare(bench, replyBytes))
    else toListing.add(askListing(bench, listing))
  })
  const [requests, bareAnswers] = await Promise.all([toListing.all(), toBare.all()])
  signal.throwIfAborted()
  const traceIds = requests.map(({ traceId }) => traceId)
  const window = await bench.receiver.takeWindow(listing.route, traceIds, signal)
  return {
    listing,
    tableRows: plan.tableRows,
    replyRows,
    ratePerSecond,
    ...compareWithTelemetry(listing, requests, bareAnswers, window),
  }
}

/** Requests on their way, and whether any overlapped. */
class Traffic {
  readonly #requests: Promise<TimedRequest>[] = []
  readonly #underWay = new Set<{ isAlone: boolean }>()
  readonly #onFailure: () => void

  constructor(onFailure: () => void) {
    this.#onFailure = onFailure
  }

  get count(): number {
    return this.#requests.length
  }

  add(asked: Promise<Asked>): void {
    const mark = { isAlone: this.#underWay.size === 0 }
    for (const other of this.#underWay) other.isAlone = false
    this.#underWay.add(mark)
    const timed = asked.then(({ traceId, seconds }) => {
      this.#underWay.delete(mark)
      return { traceId, seconds, wasAlone: mark.isAlone }
    })
    // Handled at once: all are awaited only after the last one is sent, and an unhandled rejection ends the process.
    timed.catch(this.#onFailure)
    this.#requests.push(timed)
  }

  all(): Promise<TimedRequest[]> {
    return Promise.all(this.#requests)
  }
}

interface Asked {
  readonly traceId: string
  /** From sending to the last byte. */
  readonly seconds: number
  readonly body: readonly Buffer[]
}

function askListing({ client, token, cookie }: Bench, { path, isHtml }: Listing): Promise<Asked> {
  return ask(client, path, isHtml ? { cookie } : { authorization: `Bearer ${token}` })
}

function askBare({ bareClient, token }: Bench, bytes: number): Promise<Asked> {
  return ask(bareClient, `/${bytes}`, { authorization: `Bearer ${token}` })
}

async function ask(client: HttpClient, path: string, session: Record<string, string>): Promise<Asked> {
  const traceId = randomBytes(16).toString('hex')
  const headers = { ...session, traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01` }
  const sentAtMs = performance.now()
  try {
    const { status, body, endedAtMs } = await client.ask({ path, headers })
    if (status === 200) return { traceId, seconds: (endedAtMs - sentAtMs) / 1000, body }
    throw new CommandError(`The service answered ${path} with ${status}; lower the --rate, or see its log.`)
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error
    throw new CommandError(
      `The service did not answer ${path} (${error.kind}); lower the --rate, or leave the machine to it.`,
    )
  }
}
