import { formatCount } from '../progress.ts'
import type { AppliedLoad } from './apply-load.ts'
import { bottleneckOf, isLate } from './bottleneck.ts'
import { formatBytes, formatMs, formatTable } from './format.ts'
import type { Pace } from './pacing.ts'
import { NOT_SENT, type PageResult, TIME_OUT } from './results.ts'

/** The outcome of a run. */
export interface LoadResult extends Pace, AppliedLoad {
  readonly url: string
  readonly total: PageResult
  readonly maxInFlight: number
  readonly visitors: { readonly count: number; readonly isSignedUp: boolean }
  readonly wasInterrupted: boolean
}

const PERCENTILES = [50, 90, 95, 99, 99.9] as const

/** For people. Latencies in milliseconds, from a request's due time to the last byte of its answer. */
export function textReport(result: LoadResult): string {
  const { url, total, pages, sendingSeconds, ratePerSecond, lateness } = result
  const sent = lateness.count
  const table = formatTable([
    ['page', 'requests', ...PERCENTILES.map((percent) => `p${percent}`), 'max', 'errors', 'bytes'],
    ...[...pages].map(([name, page]) => row(name, page)),
    row('all', total),
  ])
  const errors = [...pages].flatMap(([name, page]) =>
    [...page.errors].map(([kind, count]) => [name, kind, formatCount(count)]),
  )
  return [
    `${formatCount(sent)} requests in ${sendingSeconds.toFixed(1)} s to ${url}: ` +
      `${formatCount(Math.round(sent / sendingSeconds))} a second, ${formatCount(ratePerSecond)} wanted. Latencies in ms.\n`,
    table,
    ...(errors.length > 0 ? [formatTable([['errors', 'kind', 'requests'], ...errors])] : []),
    `${[...unmeasured(total), verdict(result)].join('\n')}\n`,
  ].join('\n')
}

/** A latency without an answer is in no percentile, which flatters them. */
function unmeasured({ errors }: PageResult): string[] {
  const unanswered = [...errors].filter(([kind]) => !kind.startsWith('status'))
  const count = unanswered.reduce((sum, [, requests]) => sum + requests, 0)
  return count === 0
    ? []
    : [`${formatCount(count)} requests without an answer are in none of the percentiles.`]
}

function row(name: string, page: PageResult): string[] {
  return [
    name,
    formatCount(page.requests),
    ...PERCENTILES.map((percent) => formatMs(page.latencies.percentileMs(percent))),
    formatMs(page.latencies.count > 0 ? page.latencies.maxMs : undefined),
    formatCount(page.errorCount),
    formatBytes(page.bytes),
  ]
}

/** The bottleneck of the run, in words. */
function verdict(result: LoadResult): string {
  const { lateness, sender } = result
  if (lateness.count === 0) return 'Nothing was sent.'
  const times = `p50 ${formatMs(lateness.percentileMs(50))} ms, p99 ${formatMs(lateness.percentileMs(99))} ms after they were due`
  const sending = isLate(result)
    ? `Requests left late (${times}), and the latencies hold that wait too`
    : `Requests left on time (${times})`
  const took = `this load took ${percentage(sender.cpu)} of a processor`
  switch (bottleneckOf(result)) {
    case 'client':
      return `This load was the bottleneck, not the service: ${took}. ${sending}. Ask for a lower --rate.`
    case 'machine':
      return [
        `This machine was the bottleneck: other programs left this load ${percentage(sender.cpu)} of a processor for the ${percentage(sender.busy)} of the time in which it had something to do.`,
        ...backlog(result),
        `${sending}.`,
      ].join(' ')
    case 'service':
      return ['The service did not keep up.', ...backlog(result), `${sending}; ${took}.`].join(' ')
    case undefined:
      return `${sending}; ${took}.`
  }
}

function backlog({ total: { errors }, unanswered, maxInFlight }: LoadResult): string[] {
  const [notSent = 0, timedOut = 0] = [errors.get(NOT_SENT), errors.get(TIME_OUT)]
  const signs = [
    notSent > 0 &&
      `${formatCount(notSent)} were not sent, because ${formatCount(maxInFlight)} were unanswered`,
    timedOut > 0 && `${formatCount(timedOut)} were not answered in time`,
    unanswered > 0 && `${formatCount(unanswered)} were unanswered when the last one left`,
  ].filter((sign) => sign !== false)
  return signs.length > 0 ? [`Of the requests, ${signs.join('; ')}.`] : []
}

function percentage(part: number): string {
  return `${Math.round(100 * part)} %`
}

/** For programs: one object, with numbers in the units of their names. docs/load.md promises its fields. */
export function jsonReport(result: LoadResult): string {
  const report = {
    url: result.url,
    ratePerSecond: result.ratePerSecond,
    durationSeconds: result.durationSeconds,
    sendingSeconds: result.sendingSeconds,
    wasInterrupted: result.wasInterrupted,
    visitors: result.visitors,
    sent: result.lateness.count,
    latenessMs: percentiles(result.lateness),

    unanswered: result.unanswered,
    sender: result.sender,
    bottleneck: bottleneckOf(result) ?? null,
    pages: Object.fromEntries([...result.pages].map(([name, page]) => [name, pageObject(page)])),
    total: pageObject(result.total),
  }
  return `${JSON.stringify(report, null, 2)}\n`
}

function pageObject(page: PageResult) {
  return {
    requests: page.requests,
    latencyMs: percentiles(page.latencies),
    errors: Object.fromEntries(page.errors),
    bytes: page.bytes,
  }
}

function percentiles(latencies: PageResult['latencies']) {
  const entries = PERCENTILES.map((percent) => [`p${percent}`, rounded(latencies.percentileMs(percent))])
  return { ...Object.fromEntries(entries), max: rounded(latencies.count > 0 ? latencies.maxMs : undefined) }
}

function rounded(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.round(ms * 1000) / 1000
}
