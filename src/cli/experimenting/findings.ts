import { formatMs, formatTable } from '../loading/format.ts'
import { formatCount } from '../progress.ts'
import { type Chart, drawChart, type Series } from './curve.ts'
import { MEASURED_PAGES, type Measurement } from './measure.ts'
import type { SearchShape } from './search-shape.ts'
import { type Estimate, fitExponent, fitLine } from './statistics.ts'

/** What an experiment found. */
export interface Findings {
  readonly measurements: readonly Measurement[]
  readonly searches: readonly SearchShape[]
  readonly startedAt: Date
  readonly tookSeconds: number
  readonly machine: string
}

/** Published with the reference story: query times of its page that lists everybody. */
export const STORY_MS: Readonly<Record<number, number>> = { 115: 60, 250: 140, 500: 260 }

/** The story's code on its own kind of database, measured anew on two virtual cores: medians of two passes of 200. */
export const REBUILT_MS: Readonly<Record<number, string>> = {
  115: '0.93–1.02',
  250: '1.09–1.24',
  500: '1.75–1.93',
}

export const ABOUT_THE_STORY = [
  'The published times could not be reproduced: the same queries from the same language to the same kind of database',
  'took 65 to 140 times less on two virtual cores. They grow by 0.52 ms with each row. Printing each row to a slow',
  'console would do that, but this is a guess, because hardware and driver are not known. To be quicker than 60 ms is',
  'therefore no merit; the rebuilt figures are what to compare with.',
].join('\n')

export const ABOUT_AGREEMENT = [
  'How the two are held to agree: each request that the client sent is in telemetry, once. A percentile from telemetry’s',
  'buckets is within the bucket error of the exact one, which the spans of the same requests give. The client’s clock',
  'runs longer than the service’s: also while a request is on its way, and while either process waits for a processor.',
  'That is the time outside, known for each request, and so the client’s percentile is never below telemetry’s, and',
  'above it by no more than requests spent outside.',
].join('\n')

export function isCapped({ page, replyRows, tableRows }: Measurement): boolean {
  return page.name === 'full listing' && replyRows < tableRows
}

export interface Table {
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** Latencies in ms. */
export function latencyTable({ measurements }: Findings): Table {
  const head = ['page', 'rows', 'requests', '/s', ...['p50', 'p95'].flatMap(comparedHead), 'bucket error']
  const rows = measurements.map((found) => [
    isCapped(found) ? `${found.page.name}, ${formatCount(found.replyRows)} at most` : found.page.name,
    formatCount(found.tableRows),
    formatCount(found.requests),
    formatCount(found.ratePerSecond),
    ...compared(found, 'p50'),
    ...compared(found, 'p95'),
    `${(100 * found.bucketError).toFixed(2)} %`,
  ])
  return { head, rows }
}

function comparedHead(percent: string): string[] {
  return [`client ${percent}`, 'telemetry', 'differ by', 'outside']
}

function compared({ client, telemetry, outside }: Measurement, percent: 'p50' | 'p95'): string[] {
  const difference = client[percent].ms - telemetry[percent].ms
  return [client[percent].ms, telemetry[percent].ms, difference, outside[percent].ms].map(formatMs)
}

/** Query times in ms, as telemetry reports them, beside what the story published. */
export function queryTable({ measurements }: Findings): Table {
  const head = [
    'page',
    'rows',
    'query p50',
    'query p95',
    'queries a request',
    'ms a request',
    'published',
    'rebuilt p50',
  ]
  const rows = measurements.map(({ page, tableRows, queries }) => {
    const isStory = page.name === 'full listing'
    return [
      page.name,
      formatCount(tableRows),
      formatMs(queries.p50.ms),
      formatMs(queries.p95.ms),
      queries.perRequest.toFixed(2),
      formatMs(queries.meanMsPerRequest),
      (isStory && STORY_MS[tableRows]?.toString()) || '–',
      (isStory && REBUILT_MS[tableRows]) || '–',
    ]
  })
  return { head, rows }
}

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

/** Said where the machine, and not the service, made the client's p95. */
export function busySentence({ measurements }: Findings): string[] {
  const worst = Math.max(...measurements.map(({ outside }) => outside.p95.ms))
  const isBusy = measurements.some(({ outside, client }) => outside.p95.ms > 2 * client.p50.ms)
  return isBusy
    ? [
        `This machine was busy with other things: 1 request in 20 spent up to ${formatMs(worst)} ms and more outside of the service. Telemetry’s percentiles say more about the pages here than the client’s.`,
      ]
    : []
}

/** One sentence for each thing that does not agree. */
export function disagreements({ measurements }: Findings): string[] {
  return measurements.flatMap(({ page, tableRows, disagreements }) =>
    disagreements.map((sentence) => `${page.name}, ${formatCount(tableRows)} rows: ${sentence}`),
  )
}

const CSV_HEAD =
  'page,table_rows,reply_rows,requests,rate_per_second,quantity,p50_ms,p50_low_ms,p50_high_ms,p95_ms,p95_low_ms,p95_high_ms'

/** A line for each quantity: `client`, `telemetry`, `exact` (spans), `outside`, `query` and the searches. */
export function toCsv({ measurements, searches }: Findings): string {
  const numbers = ({ p50, p95 }: Measurement['client']) =>
    [p50.ms, p50.lowMs, p50.highMs, p95.ms, p95.lowMs, p95.highMs].map((ms) => ms.toFixed(6)).join(',')
  const lines = measurements.flatMap(({ page, tableRows, replyRows, requests, ratePerSecond, ...found }) =>
    (['client', 'telemetry', 'exact', 'outside', 'queries'] as const).map(
      (quantity) =>
        `${page.name},${tableRows},${replyRows},${requests},${ratePerSecond},${quantity},${numbers(found[quantity])}`,
    ),
  )
  const searched = searches.flatMap(({ tableRows, runs, indexed, unindexed }) => [
    `search,${tableRows},,${runs},,indexed,${numbers(indexed)}`,
    `search,${tableRows},,${runs},,unindexed,${numbers(unindexed)}`,
  ])
  return `${[CSV_HEAD, ...lines, ...searched].join('\n')}\n`
}

/** Latency against rows, by page, with 95 % confidence; telemetry’s own percentiles as rings around the client's points. */
export function latencyChart(findings: Findings): string {
  const series = MEASURED_PAGES.flatMap(({ name }, color): Series[] => {
    const found = findings.measurements.filter(({ page }) => page.name === name)
    const points = (percent: 'p50' | 'p95') =>
      found.map(({ tableRows, client }) => toPoint(tableRows, client[percent]))
    const told = found.flatMap(({ tableRows, telemetry }) => [
      { x: tableRows, y: telemetry.p50.ms },
      { x: tableRows, y: telemetry.p95.ms },
    ])
    return [
      { name: `${name}, p50`, color, style: 'line', points: points('p50') },
      { name: `${name}, p95`, color, style: 'dashed', points: points('p95') },
      { name: 'the same, by telemetry', color, style: 'points', points: told },
    ]
  })
  return draw(findings, 'Latency as the table grows', series, [
    ...MEASURED_PAGES.map(({ name }) => growth(name, findings)),
    'Bars: 95 % confidence. Client: from sending to the last byte. Telemetry: within the service.',
  ])
}

export function searchChart(findings: Findings): string {
  const series = (['indexed', 'unindexed'] as const).flatMap((kind, color): Series[] =>
    (['p50', 'p95'] as const).map((percent) => ({
      name: `${kind === 'indexed' ? 'with' : 'without'} index, ${percent}`,
      color,
      style: percent === 'p50' ? 'line' : 'dashed',
      points: findings.searches.map((search) => toPoint(search.tableRows, search[kind][percent])),
    })),
  )
  return draw(findings, 'A prefix search as the table grows, in the database alone', series, [
    'Bars: 95 % confidence. The same file and rows; the one without is forbidden to use the index.',
  ])
}

function toPoint(x: number, { ms, lowMs, highMs }: Estimate) {
  return { x, y: ms, low: lowMs, high: highMs }
}

function draw(findings: Findings, title: string, series: Series[], caption: string[]): string {
  const rows = findings.measurements.map(({ tableRows }) => tableRows)
  const isLogarithmic = Math.max(...rows) >= 10 * Math.min(...rows)
  const chart: Chart = { title, xLabel: 'rows in the table', yLabel: 'ms', isLogarithmic, series, caption }
  return drawChart(chart)
}

function growth(name: string, { measurements }: Findings): string {
  const found = measurements.filter((each) => each.page.name === name && !isCapped(each))
  const sides = (['client', 'telemetry'] as const).map((side) => {
    const points = found.map((each) => ({ x: each.tableRows, y: each[side].p50.ms }))
    const [exponent, line] = [fitExponent(points), fitLine(points)]
    if (exponent === undefined || line === undefined) return undefined
    return `rows^${exponent.toFixed(2)}, ${(1000 * line.slope).toFixed(2)} µs a row (${side})`
  })
  return sides.includes(undefined)
    ? `${name}: one size alone shows no growth.`
    : `${name}, p50: ${sides.join('; ')}`
}
