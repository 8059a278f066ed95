import type { MergedHistogram } from '@rollcall/otlp'
import { ascending, type Percentiles, percentile, percentilesOf, percentilesOfValues } from './statistics.ts'
import type { TelemetryWindow } from './telemetry-receiver.ts'

/** A request by its client's measurement. */
export interface TimedRequest {
  readonly traceId: string
  /** From sending to the last byte. */
  readonly seconds: number
  /** No other request was on its way to the same server, so it waited for none. */
  readonly wasAlone: boolean
}

/** The client's measurements beside telemetry's, for the same requests. */
export interface Comparison {
  readonly requests: number
  /** From sending to the last byte, by the client's clock. */
  readonly client: Percentiles
  /** `http.server.request.duration`, from its buckets. */
  readonly telemetry: Percentiles
  /** The exact durations of the same requests, from their spans; the buckets estimate them. */
  readonly exact: Percentiles
  /** Each request's time at the client minus its span's. */
  readonly outside: Percentiles
  /** The control: replies of the same size from the bare server, by the client's clock. */
  readonly bare: Percentiles
  /** `database.query.time` of the page, from its buckets: all of its queries. */
  readonly queries: Percentiles & { readonly perRequest: number; readonly bucketError: number }
  /** Each request's longest query, which is the list's, by spans; the others are quick, such as the session's. */
  readonly longestQuery: Percentiles
  /** A percentile from buckets is within this part of the exact one. */
  readonly bucketError: number
  /** Sentences about disagreements; empty if all agree. */
  readonly disagreements: readonly string[]
  /** Whether too few requests were alone to compare the two clocks. */
  readonly isTooBusyToTell: boolean
}

/** Durations have whole nanoseconds in spans. */
const SPAN_RESOLUTION = 2e-9
/** The median of fewer requests says little. */
const ALONE_MIN = 20
/** A large process finds its code and data less often in the processor's caches than the bare server does. */
const BARE_TIMES_MAX = 1.5

/**
 * Compares three independent things:
 * - each request of the client is in the histogram, and each query, once;
 * - a percentile from the buckets is within the bucket error of the exact one, from the spans;
 * - the service's clock runs no longer than the client's, and leaves out at most one and a half times the bare server's
 *   whole answer.
 */
export function compareWithTelemetry(
  { route, page }: { route: string; page: string },
  requests: readonly TimedRequest[],
  bareRequests: readonly TimedRequest[],
  window: TelemetryWindow,
): Comparison {
  const histogram = window.requestsTo(route)
  const queryHistogram = window.queriesOf(page)
  const spans = requests.map(({ traceId }) => window.requestSpans.get(traceId)!)
  const querySpans = requests.map(({ traceId }) => window.querySpans.get(traceId) ?? [])
  const outside = requests.map(({ seconds }, index) => seconds - spans[index]!)
  const outsideAlone = outside.filter((_, index) => requests[index]!.wasAlone)
  const bareAlone = bareRequests.filter(({ wasAlone }) => wasAlone).map(({ seconds }) => seconds)
  const isTooBusyToTell = Math.min(outsideAlone.length, bareAlone.length) < ALONE_MIN
  return {
    requests: requests.length,
    client: percentilesOfValues(requests.map(({ seconds }) => seconds)),
    telemetry: percentilesOf(histogram),
    exact: percentilesOfValues(spans),
    outside: percentilesOfValues(outside),
    bare: percentilesOfValues(bareRequests.map(({ seconds }) => seconds)),
    queries: {
      ...percentilesOf(queryHistogram),
      perRequest: queryHistogram.count / requests.length,
      bucketError: queryHistogram.relativeError,
    },
    longestQuery: percentilesOfValues(querySpans.map((queries) => Math.max(0, ...queries))),
    bucketError: histogram.relativeError,
    disagreements: [
      ...countsDiffer('requests', requests.length, histogram),
      ...countsDiffer('queries', querySpans.flat().length, queryHistogram),
      ...percentilesDiffer('http.server.request.duration', spans, histogram),
      ...percentilesDiffer('database.query.time', querySpans.flat(), queryHistogram),
      ...(isTooBusyToTell ? [] : clocksDiffer(outsideAlone, bareAlone)),
    ],
    isTooBusyToTell,
  }
}

function countsDiffer(what: string, told: number, { count }: MergedHistogram): string[] {
  return told === count ? [] : [`the client and the spans know ${told} ${what}, the histogram ${count}`]
}

function percentilesDiffer(name: string, seconds: readonly number[], histogram: MergedHistogram): string[] {
  const exact = ascending(seconds)
  return [0.5, 0.95].flatMap((fraction) => {
    const told = histogram.percentile(fraction)!
    const truth = percentile(exact, fraction)
    if (Math.abs(told - truth) <= histogram.relativeError * truth + SPAN_RESOLUTION) return []
    return [
      `p${fraction * 100} of ${name} is ${told * 1000} ms and exactly ${truth * 1000} ms, more than ${(100 * histogram.relativeError).toFixed(2)} % apart`,
    ]
  })
}

/**
 * Compares requests that were alone, because others also wait for those before them, which the service's clock cannot
 * see. Compares medians with their confidence, because in a single request even the shorter clock may run longer: the
 * client may have the last byte before the service hears that it was sent.
 */
function clocksDiffer(outsideSeconds: readonly number[], bareSeconds: readonly number[]): string[] {
  const outside = percentilesOfValues(outsideSeconds).p50
  const bare = percentilesOfValues(bareSeconds).p50
  const shown = `the median request spends ${outside.ms.toFixed(3)} ms outside of the service’s clock`
  if (outside.highMs < 0) return [`${shown}, less than nothing`]
  if (outside.lowMs > BARE_TIMES_MAX * bare.highMs)
    return [`${shown}, but a bare server answers within ${bare.ms.toFixed(3)} ms`]
  return []
}
