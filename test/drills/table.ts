import { formatCount, formatDuration } from '../../tools/progress.ts'
import type { Comparison } from './comparison.ts'
import type { Report } from './drill.ts'

/** Tag sets that differ are listed up to so many for each metric. */
const MOST_DIFFERENCES = 4
const MOST_GAPS = 10

const ESTIMATES = 'Not compared: what the Collector counts of sampled spans, which is an estimate.'

/** A report as people read it. */
export function table(report: Report): string {
  const deeds = deedsOf(report).map(({ what, count }) => [what, formatCount(count), bound(report, count)])
  const parts = [
    [`${report.drill}, ${report.form} form: ${report.proves}.`],
    aligned([['what was done', 'n', 'none in n bounds the rate at 3/n'], ...deeds], 'lrr'),
    comparisonRows(report.comparisons),
    (report.lines ?? []).map((line) => `  ${line}`),
    aligned(circumstances(report), 'll'),
    [
      ...(report.comparisons.length > 0 ? [`  ${ESTIMATES}`] : []),
      ...(report.notes ?? []).map((note) => `  ${note}`),
      ...report.goals.map(({ what, isMet }) => `  ${isMet ? 'met   ' : 'MISSED'}  ${what}`),
      `  ${formatDuration(report.seconds * 1000)}, exports every ${report.exportEveryMs / 1000} s, begun ${report.startedAt}`,
    ],
  ]
  return parts
    .filter((lines) => lines.length > 0)
    .map((lines) => `${lines.join('\n')}\n`)
    .join('\n')
}

/** What each part of the pipeline says of itself. */
function circumstances(report: Report): string[][] {
  const { requests, stored, books, memory, warnings, comparisons, gaps, startsToSend } = report
  const rows: string[][] = []
  if (requests.sent > 0)
    rows.push([
      'answers',
      `${formatCount(requests.completed)}, of which unexpected: ${listed(requests.unexpected)}; ${formatCount(requests.unknown)} requests without an answer, ${formatCount(requests.notLetIn)} not let in`,
    ])
  if (requests.p50Ms !== undefined)
    rows.push([
      'time',
      `p50 ${milliseconds(requests.p50Ms)}, p99 ${milliseconds(requests.p99Ms)} from the moment each was due`,
    ])
  const { received, repeated, overwritten } = stored.metrics
  rows.push([
    'stand-in',
    `${formatCount(received)} points came, ${formatCount(repeated)} of them again, ${formatCount(overwritten)} over another; ${formatCount(stored.traces.received)} spans, ${formatCount(stored.traces.distinct)} different ones; ${formatCount(stored.logs.received)} log records`,
  ])
  rows.push(['requests', listed(stored.requests)])
  const refusals = stored.refused.map(({ status, metric, reason, count }) => [
    [status, metric, reason].filter((part) => part !== '').join(' '),
    count,
  ])
  rows.push(['refusals', listed(Object.fromEntries(refusals))])
  for (const account of books.filter(({ recorded, restored }) => recorded + restored > 0))
    rows.push([
      `books, ${account.signal}`,
      `${formatCount(account.recorded)} recorded, ${formatCount(account.restored)} restored, ${formatCount(account.resent)} requests resent, ${formatCount(account.deadLetters)} dead letters, ${formatCount(account.dropped)} dropped`,
    ])
  if (memory) {
    const slope =
      memory.heapSlope === undefined
        ? ''
        : ` (${signed(memory.heapSlope / 1e6)} MB a minute by least squares)`
    rows.push([
      'memory',
      `heap ${megabytes(memory.heapBegin)} at first, ${megabytes(memory.heapEnd)} at last${slope}; resident ${megabytes(memory.rssBegin)}, ${megabytes(memory.rssEnd)}`,
    ])
  }
  if (startsToSend > 0)
    rows.push(['left on disk', `services were started ${formatCount(startsToSend)} times more to send it`])
  // Where all is there, a gap is a time in which nobody was there to count.
  if (comparisons.some(({ difference }) => difference > 0))
    for (const [instance, stretches] of Object.entries(gaps))
      for (const [from, to] of stretches.slice(0, MOST_GAPS))
        rows.push([
          'nothing stored',
          `of ${instance} from ${new Date(from * 1000).toISOString()} for ${(to - from).toFixed(1)} s`,
        ])
  if (Object.keys(warnings).length > 0) rows.push(['warnings', listed(warnings)])
  return rows
}

/** All reports in one table of Markdown, a line each. */
export function summary(reports: readonly Report[]): string {
  const rows = reports.map((report) => {
    const compared = report.comparisons.reduce((total, { happened }) => total + happened, 0)
    const difference = report.comparisons.reduce((total, each) => total + each.difference, 0)
    const tagSets = report.comparisons.reduce((total, each) => total + each.tagSets, 0)
    const bounds = deedsOf(report).map(({ count }) => bound(report, count))
    return [
      report.drill,
      deedsOf(report)
        .map(({ what, count }) => `${formatCount(count)} ${what}`)
        .join(', '),
      compared === 0 ? '–' : `${formatCount(difference)} of ${formatCount(compared)} in ${tagSets} tag sets`,
      bounds.every((text) => text !== '') ? bounds.join(', ') : '–',
      report.isMet ? 'met' : 'MISSED',
      formatDuration(report.seconds * 1000),
    ]
  })
  const header = ['drill', 'what was done', 'difference', '3/n of each', 'goals', 'took']
  return [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

function deedsOf({ deeds, requests }: Report): { what: string; count: number }[] {
  return [...(requests.completed > 0 ? [{ what: 'requests', count: requests.completed }] : []), ...deeds]
}

/** Only where nothing was lost is there a bound: with 95 % confidence, 3/n of what happened in none of n. */
function bound({ isMet, comparisons }: Report, count: number): string {
  const nothingLost = isMet && comparisons.every(({ difference }) => difference === 0)
  return nothingLost && count > 0 ? `≤ ${(3 / count).toPrecision(2)}` : ''
}

function comparisonRows(comparisons: readonly Comparison[]): string[] {
  if (comparisons.length === 0) return []
  const rows = comparisons.map((each) => [
    each.metric,
    formatCount(each.happened),
    formatCount(each.stored),
    formatCount(each.difference),
    formatCount(each.ofUnknown),
    formatCount(each.tagSets),
    formatCount(each.differing.length),
    each.difference === 0 && each.happened > 0 ? `≤ ${(3 / each.happened).toPrecision(2)}` : '',
  ])
  const header = ['metric', 'happened', 'stored', 'difference', 'unanswered', 'tag sets', 'differing', '3/n']
  const details = comparisons.flatMap(({ metric, differing }) => [
    ...differing
      .slice(0, MOST_DIFFERENCES)
      .map(({ tags, happened, stored }) => `    ${metric}{${tags}}: ${happened} happened, ${stored} stored`),
    ...(differing.length > MOST_DIFFERENCES ? [`    … and ${differing.length - MOST_DIFFERENCES} more`] : []),
  ])
  return [...aligned([header, ...rows], 'lrrrrrrr'), ...details]
}

/** Columns to the left or to the right. */
function aligned(rows: readonly (readonly string[])[], sides: string): string[] {
  const widths = [...sides].map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) => {
    const cells = row.map((cell, column) =>
      sides[column] === 'r' ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
    )
    return `  ${cells.join('  ')}`.trimEnd()
  })
}

function listed(counts: Readonly<Record<string, number>>): string {
  const entries = Object.entries(counts)
  return entries.length === 0
    ? 'none'
    : entries.map(([name, count]) => `${name}: ${formatCount(count)}`).join(', ')
}

function milliseconds(value: number | undefined): string {
  return `${(value ?? 0).toFixed(1)} ms`
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(2)}`
}
