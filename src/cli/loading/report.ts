import { formatCount } from '../progress.ts'
import type { AppliedLoad } from './apply-load.ts'
import { formatBytes, formatMs, formatTable } from './format.ts'
import type { Pace } from './pacing.ts'
import type { PageResult } from './results.ts'

/** What became of a run. */
export interface LoadResult extends Pace, AppliedLoad {
  readonly url: string
  readonly total: PageResult
  readonly visitors: { readonly count: number; readonly isSignedUp: boolean }
  readonly wasInterrupted: boolean
}

const PERCENTILES = [50, 90, 95, 99, 99.9] as const

/** More, and what the latencies tell is as much about this machine as about the service. */
const LATE_MS = 10

/** For people. Latencies are in milliseconds, from when a request was due to the last byte of its answer. */
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
    `${latenessSentence(result)}\n`,
  ].join('\n')
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

function latenessSentence({ lateness }: LoadResult): string {
  const p99 = lateness.percentileMs(99) ?? 0
  const times = `p50 ${formatMs(lateness.percentileMs(50))} ms, p99 ${formatMs(p99)} ms`
  return p99 > LATE_MS
    ? `Requests were sent late (${times} after they were due): this machine is too busy to send so many, and the latencies hold that wait too.`
    : `Requests were sent on time (${times} after they were due).`
}

/** For programs: one object, with numbers in the units that their names say. */
export function jsonReport(result: LoadResult): string {
  const { pages, total, lateness, ...run } = result
  const report = {
    ...run,
    sent: lateness.count,
    latenessMs: percentiles(lateness),
    pages: Object.fromEntries([...pages].map(([name, page]) => [name, pageObject(page)])),
    total: pageObject(total),
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
