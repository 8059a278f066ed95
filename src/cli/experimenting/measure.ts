import { randomBytes } from 'node:crypto'
import { CommandError } from '../command.ts'
import { type HttpClient, NoAnswer } from '../loading/http-client.ts'
import { keepPace } from '../loading/pacing.ts'
import type { MergedHistogram } from './merged-histogram.ts'
import { ascending, ordered, type Percentiles, percentile, percentilesOf } from './statistics.ts'
import type { TelemetryReceiver, TelemetryWindow } from './telemetry-receiver.ts'

/** A page that is measured. */
export interface MeasuredPage {
  readonly name: 'full listing' | 'keyset page' | 'friends page'
  readonly path: string
  readonly route: string
  /** Its tag in telemetry. */
  readonly page: string
}

export const MEASURED_PAGES: readonly MeasuredPage[] = [
  { name: 'full listing', path: '/v1/community/full', route: '/v1/community/full', page: 'community' },
  { name: 'keyset page', path: '/v1/community?limit=50', route: '/v1/community', page: 'community' },
  { name: 'friends page', path: '/v1/me/friends?limit=50', route: '/v1/me/friends', page: 'friends' },
]

/** At most this part of the time is the service busy: requests that wait for each other would be another experiment. */
const BUSY_MAX = 0.3
const WARM_UP_REQUESTS_MIN = 20

/** One page at one table size. */
export interface Measurement {
  readonly page: MeasuredPage
  readonly tableRows: number
  /** Rows in the reply. */
  readonly replyRows: number
  readonly requests: number
  readonly ratePerSecond: number
  /** From sending to the last byte, as the client's clock says. */
  readonly client: Percentiles
  /** `http.server.request.duration`, from its buckets. */
  readonly telemetry: Percentiles
  /** The same requests' spans, each exact: what the buckets are an estimate of. */
  readonly exact: Percentiles
  /** Of each request, the client's time less its span's: connection, operating system, both event loops. */
  readonly outside: Percentiles
  /** `database.query.time` of the page. */
  readonly queries: Percentiles & { readonly perRequest: number; readonly meanMsPerRequest: number }
  /** A percentile from buckets is within this part of the exact one. */
  readonly bucketError: number
  /** What does not agree; empty if all does. */
  readonly disagreements: readonly string[]
}

export interface TimedRequest {
  readonly traceId: string
  /** From sending to the last byte. */
  readonly seconds: number
}

interface Timed extends TimedRequest {
  readonly body: readonly Buffer[]
}

export interface Bench {
  readonly client: HttpClient
  readonly token: string
  readonly receiver: TelemetryReceiver
}

/** How a page behaves on a warm service. */
export interface WarmPage {
  readonly page: MeasuredPage
  readonly usualSeconds: number
  /** Rows in the reply. */
  readonly replyRows: number
}

/** Asks for one page after the other, each so long, and leaves no trace in the receiver's next window. */
export async function warmUp(
  bench: Bench,
  pages: readonly MeasuredPage[],
  eachMs: number,
  signal: AbortSignal,
): Promise<WarmPage[]> {
  const warm: WarmPage[] = []
  for (const page of pages) {
    const first = await time(bench, page)
    const replyRows = JSON.parse(Buffer.concat(first.body).toString()).data.length
    const traceIds = [first.traceId]
    const seconds: number[] = []
    const startedAt = performance.now()
    while (performance.now() - startedAt < eachMs || seconds.length < WARM_UP_REQUESTS_MIN) {
      signal.throwIfAborted()
      const timed = await time(bench, page)
      traceIds.push(timed.traceId)
      seconds.push(timed.seconds)
    }
    // Emptied for each page: spans of many thousands of requests would be a lot to wait for at once.
    await bench.receiver.takeWindow(page.route, traceIds)
    warm.push({ page, replyRows, usualSeconds: percentile(ascending(seconds), 0.5) })
  }
  return warm
}

/** Asks for a page at a fixed rate, and compares what the client measured with what telemetry says. */
export async function measurePage(
  bench: Bench,
  { page, usualSeconds, replyRows }: WarmPage,
  plan: { tableRows: number; ratePerSecond: number; durationSeconds: number },
  signal: AbortSignal,
): Promise<Measurement> {
  const ratePerSecond = Math.max(1, Math.min(plan.ratePerSecond, Math.floor(BUSY_MAX / usualSeconds)))
  const pending: Promise<TimedRequest>[] = []
  await keepPace({ ratePerSecond, durationSeconds: plan.durationSeconds }, signal, () => {
    pending.push(time(bench, page).then(({ traceId, seconds }) => ({ traceId, seconds })))
  })
  const timed = await Promise.all(pending)
  signal.throwIfAborted()
  const traceIds = timed.map(({ traceId }) => traceId)
  const window = await bench.receiver.takeWindow(page.route, traceIds)
  return {
    page,
    tableRows: plan.tableRows,
    replyRows,
    ratePerSecond,
    ...compareWithTelemetry(page, timed, window),
  }
}

async function time({ client, token }: Bench, { path }: MeasuredPage): Promise<Timed> {
  const traceId = randomBytes(16).toString('hex')
  const headers = { traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01` }
  const sentAtMs = performance.now()
  try {
    const { status, body, endedAtMs } = await client.ask({ path, token, headers })
    if (status === 200) return { traceId, seconds: (endedAtMs - sentAtMs) / 1000, body }
    throw new CommandError(`The service answered ${path} with ${status}; lower the --rate, or see its log.`)
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error
    throw new CommandError(`The service did not answer ${path} (${error.kind}).`)
  }
}

export function compareWithTelemetry(
  { route, page }: MeasuredPage,
  timed: readonly TimedRequest[],
  window: TelemetryWindow,
): Pick<
  Measurement,
  'requests' | 'client' | 'telemetry' | 'exact' | 'outside' | 'queries' | 'bucketError' | 'disagreements'
> {
  const histogram = window.requestsTo(route)
  const queryHistogram = window.queriesOf(page)
  const spans = timed.map(({ traceId }) => window.requestSpans.get(traceId)!)
  const querySpans = timed.flatMap(({ traceId }) => window.querySpans.get(traceId) ?? [])
  const clientSeconds = ascending(timed.map(({ seconds }) => seconds))
  const outsides = ascending(timed.map(({ seconds }, index) => seconds - spans[index]!))
  const exact = ascending(spans)
  const exactQueries = ascending(querySpans)
  const disagreements = [
    ...countsDiffer('requests', timed.length, histogram),
    ...countsDiffer('queries', querySpans.length, queryHistogram),
    ...percentilesDiffer('http.server.request.duration', exact, histogram),
    ...percentilesDiffer('database.query.time', exactQueries, queryHistogram),
    ...clientDiffers(clientSeconds, outsides, histogram),
  ]
  return {
    requests: timed.length,
    client: percentilesOf(ordered(clientSeconds)),
    telemetry: percentilesOf(histogram),
    exact: percentilesOf(ordered(exact)),
    outside: percentilesOf(ordered(outsides)),
    queries: {
      ...percentilesOf(queryHistogram),
      perRequest: queryHistogram.count / timed.length,
      meanMsPerRequest: (queryHistogram.sum * 1000) / timed.length,
    },
    bucketError: histogram.relativeError,
    disagreements,
  }
}

function countsDiffer(what: string, told: number, { count }: MergedHistogram): string[] {
  return told === count ? [] : [`the client and the spans know ${told} ${what}, the histogram ${count}`]
}

/** Durations have whole nanoseconds in spans. */
const SPAN_RESOLUTION = 2e-9

function percentilesDiffer(name: string, exact: readonly number[], histogram: MergedHistogram): string[] {
  return [0.5, 0.95].flatMap((fraction) => {
    const told = histogram.percentile(fraction)
    const truth = percentile(exact, fraction)
    if (Math.abs(told - truth) <= histogram.relativeError * truth + SPAN_RESOLUTION) return []
    return [
      `p${fraction * 100} of ${name} is ${told * 1000} ms and exactly ${truth * 1000} ms, more than ${(100 * histogram.relativeError).toFixed(2)} % apart`,
    ]
  })
}

/**
 * What the service measures is a part of what its client measures; the rest is what requests spend outside of it. So
 * each percentile of the client lies above telemetry's, and not further than the longest time outside. (Of a single
 * request this need not hold: the client may have the last byte before the service hears that it was sent.)
 */
function clientDiffers(
  client: readonly number[],
  outsides: readonly number[],
  histogram: MergedHistogram,
): string[] {
  return [0.5, 0.95].flatMap((fraction) => {
    const seen = percentile(client, fraction)
    const told = histogram.percentile(fraction)
    const slack = histogram.relativeError * told
    const isWithin = seen >= told - slack && seen <= told + slack + outsides.at(-1)!
    if (isWithin) return []
    return [`p${fraction * 100} is ${seen * 1000} ms for the client and ${told * 1000} ms in telemetry`]
  })
}
