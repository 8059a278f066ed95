import { formatMs, formatTable } from '../loading/format.ts'
import { formatCount } from '../progress.ts'
import { LISTINGS, type Measurement } from './measure.ts'
import type { SearchShape } from './search-shape.ts'
import type { Percentiles } from './statistics.ts'

/** The findings of an experiment. */
export interface Findings {
  /** By listing, then by size. */
  readonly measurements: readonly Measurement[]
  readonly searches: readonly SearchShape[]
  readonly startedAt: Date
  readonly tookSeconds: number
  readonly machine: string
  /** Number of planned measurements, searches included. */
  readonly planned: number
}

/** Published with the reference story: query times, in milliseconds, of its full listing. */
export const STORY_MS: Readonly<Record<number, number>> = { 115: 60, 250: 140, 500: 260 }

/** The story's code on its own kind of database, measured again on two virtual cores: medians of two passes of 200. */
export const REBUILT_MS: Readonly<Record<number, readonly [number, number]>> = {
  115: [0.93, 1.02],
  250: [1.09, 1.24],
  500: [1.75, 1.93],
}

export const ABOUT_THE_COLUMNS =
  'client: from sending to the last byte, by the client’s clock. telemetry: http.server.request.duration, by the service’s clock and from buckets. differ by: the time outside of the service. bare: a reply of the same size from a server that only answers, in between. bucket error: the largest relative error of telemetry’s percentiles.'

export const ABOUT_AGREEMENT =
  'The command fails unless three things hold: each request of the client is in telemetry, once; telemetry’s percentiles are within the bucket error of the exact ones, from spans; and for requests that met no other one, telemetry’s clock leaves out at most one and a half times the bare server’s whole answer. If clients wait much longer than telemetry says and the bare server answers soon, the requests wait in front of the service, where its clock cannot see them; if the bare server is late too, the machine is busy.'

export const ABOUT_QUERIES =
  'all queries: database.query.time, from buckets. list query: the longest of each request, by its spans; the other one looks up the session.'

export const ABOUT_THE_STORY =
  'The published times could not be reproduced: the same queries from the same language to the same kind of database took about 60 to 150 times less on two virtual cores (rebuilt). They grow by 0.52 ms with each row. Printing each row to a slow console would do that, but this is a guess, because hardware and driver are not known. Compare with the rebuilt figures: being quicker than 60 ms is no merit.'

/** Whether the reference story has a figure for any of them. */
export function hasStorySize({ measurements }: Findings): boolean {
  return measurements.some(({ tableRows }) => tableRows in STORY_MS)
}

export function isCapped({ listing, replyRows, tableRows }: Measurement): boolean {
  return listing.name === 'full listing' && replyRows < tableRows
}

/** `4 of 9 measurements`. */
export function progressOf({ measurements, searches, planned }: Findings): string {
  return `${formatCount(measurements.length + searches.length)} of ${formatCount(planned)} measurements`
}

/** A note on incomplete findings; undefined for complete ones. */
export function partialNote(findings: Findings): string | undefined {
  const { measurements, searches, planned } = findings
  return measurements.length + searches.length === planned ? undefined : `Partial: ${progressOf(findings)}`
}

export interface Table {
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** Latencies in ms. */
export function latencyTable({ measurements }: Findings): Table {
  const head = ['page', 'rows', 'requests', '', 'client', 'telemetry', 'differ by', 'bare', 'bucket error']
  const rows = measurements.flatMap((found) => {
    const { listing, tableRows, requests, ratePerSecond, replyRows, bucketError } = found
    const name = isCapped(found) ? `${listing.name}, ${formatCount(replyRows)} at most` : listing.name
    const count = `${formatCount(requests)} at ${formatCount(ratePerSecond)}/s`
    return [
      [name, formatCount(tableRows), count, ...compared(found, 'p50'), `${(100 * bucketError).toFixed(2)} %`],
      ['', '', '', ...compared(found, 'p95'), ''],
    ]
  })
  return { head, rows }
}

function compared({ client, telemetry, bare }: Measurement, percent: 'p50' | 'p95'): string[] {
  const difference = client[percent].ms - telemetry[percent].ms
  return [percent, ...[client[percent].ms, telemetry[percent].ms, difference, bare[percent].ms].map(formatMs)]
}

/** Query times in ms, as telemetry reports them, beside those of the story. */
export function queryTable(findings: Findings): Table {
  const withStory = hasStorySize(findings)
  const head = [
    'page',
    'rows',
    'queries a request',
    'all queries p50',
    'p95',
    'list query p50',
    'p95',
    ...(withStory ? ['published', 'rebuilt p50'] : []),
  ]
  const rows = findings.measurements.map(({ listing, tableRows, queries, longestQuery }) => {
    const isStory = listing.name === 'full listing' && tableRows in STORY_MS
    return [
      listing.name,
      formatCount(tableRows),
      queries.perRequest.toFixed(2),
      ...[queries.p50, queries.p95, longestQuery.p50, longestQuery.p95].map(({ ms }) => formatMs(ms)),
      ...(isStory
        ? [`${STORY_MS[tableRows]}`, REBUILT_MS[tableRows]!.join('–')]
        : withStory
          ? ['–', '–']
          : []),
    ]
  })
  return { head, rows }
}

/** Latencies of searches in ms. */
export function searchTable({ searches }: Findings): Table {
  const head = ['search', 'rows', 'runs', 'index p50', 'p95', 'no index p50', 'p95', 'times']
  const rows = searches.map(({ tableRows, runs, indexed, unindexed }) => [
    'prefix',
    formatCount(tableRows),
    formatCount(runs),
    formatMs(indexed.p50.ms),
    formatMs(indexed.p95.ms),
    formatMs(unindexed.p50.ms),
    formatMs(unindexed.p95.ms),
    (unindexed.p50.ms / indexed.p50.ms).toFixed(1),
  ])
  return { head, rows }
}

export function asText({ head, rows }: Table): string {
  return formatTable([head, ...rows])
}

/** One sentence for each disagreement. */
export function disagreements({ measurements }: Findings): string[] {
  return measurements.flatMap(({ listing, tableRows, disagreements }) =>
    disagreements.map((sentence) => `${listing.name}, ${formatCount(tableRows)} rows: ${sentence}`),
  )
}

/** Comparisons that a busy machine prevented. */
export function untold({ measurements }: Findings): string[] {
  const busy = measurements.filter(({ isTooBusyToTell }) => isTooBusyToTell)
  if (busy.length === 0) return []
  const where = busy
    .map(({ listing, tableRows }) => `${listing.name} at ${formatCount(tableRows)} rows`)
    .join(', ')
  return [
    `The clocks could not be compared for: ${where}. Too few requests met no other one; give a lower --rate, a longer --duration, or a quieter machine.`,
  ]
}

/** By listing, in the order of {@link LISTINGS}. */
export function inOrder(measurements: readonly Measurement[]): Measurement[] {
  return LISTINGS.flatMap((listing) => measurements.filter((found) => found.listing === listing))
}

const CSV_HEAD =
  'run,page,table_rows,reply_rows,requests,rate_per_second,quantity,p50_ms,p50_low_ms,p50_high_ms,p95_ms,p95_low_ms,p95_high_ms,bucket_error'

/**
 * A line for each quantity of each measurement, and for each search. `run` is `complete` or `partial`; values from
 * buckets have their error, the others are exact.
 */
export function toCsv(findings: Findings): string {
  const run = partialNote(findings) === undefined ? 'complete' : 'partial'
  const line = (about: readonly unknown[], name: string, { p50, p95 }: Percentiles, bucketError?: number) =>
    [
      ...[run, ...about, name],
      ...[p50.ms, p50.lowMs, p50.highMs, p95.ms, p95.lowMs, p95.highMs].map((ms) => ms.toFixed(6)),
      bucketError?.toFixed(6) ?? '',
    ].join(',')
  const measured = findings.measurements.flatMap((found) => {
    const { listing, tableRows, replyRows, requests, ratePerSecond } = found
    const about = [listing.name, tableRows, replyRows, requests, ratePerSecond]
    return [
      line(about, 'client', found.client),
      line(about, 'telemetry', found.telemetry, found.bucketError),
      line(about, 'exact', found.exact),
      line(about, 'outside', found.outside),
      line(about, 'bare', found.bare),
      line(about, 'all queries', found.queries, found.queries.bucketError),
      line(about, 'list query', found.longestQuery),
    ]
  })
  const searched = findings.searches.flatMap(({ tableRows, runs, indexed, unindexed }) => {
    const about = ['search', tableRows, '', runs, '']
    return [line(about, 'indexed', indexed), line(about, 'unindexed', unindexed)]
  })
  return `${[CSV_HEAD, ...measured, ...searched].join('\n')}\n`
}
