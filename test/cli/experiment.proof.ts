import { join } from 'node:path'
import t from 'tap'
import {
  disagreements,
  type Findings,
  latencyChart,
  latencyTable,
  queryTable,
  toCsv,
} from '../../src/cli/experimenting/findings.ts'
import {
  compareWithTelemetry,
  MEASURED_PAGES,
  type Measurement,
  measurePage,
  warmUp,
} from '../../src/cli/experimenting/measure.ts'
import { MergedHistogram } from '../../src/cli/experimenting/merged-histogram.ts'
import { reportPage } from '../../src/cli/experimenting/report-page.ts'
import { measureSearch } from '../../src/cli/experimenting/search-shape.ts'
import { seed, startService } from '../../src/cli/experimenting/service-process.ts'
import { confidenceRanks, fitExponent, fitLine, percentile } from '../../src/cli/experimenting/statistics.ts'
import { TelemetryReceiver, TelemetryWindow } from '../../src/cli/experimenting/telemetry-receiver.ts'
import { HttpClient } from '../../src/cli/loading/http-client.ts'
import { resolveTarget } from '../../src/cli/loading/target.ts'
import { logInVisitors } from '../../src/cli/loading/visitors.ts'
import type { ExponentialHistogramPoint } from '../../src/otlp/model.ts'
import { temporaryFolder } from '../harness.ts'
import { seededRandom } from '../proof/client.ts'
import { runScript } from './run-command.ts'

t.jobs = 3

const [FULL, KEYSET, FRIENDS] = MEASURED_PAGES as [
  (typeof MEASURED_PAGES)[number],
  (typeof MEASURED_PAGES)[number],
  (typeof MEASURED_PAGES)[number],
]

t.test('client and telemetry of a real service agree', { buffered: true }, async (t) => {
  const folder = temporaryFolder(t)
  const databaseUrl = `sqlite:${join(folder, 'rollcall.db')}`
  const { signal } = new AbortController()
  const password = 'eternal winter of 1816'
  const receiver = new TelemetryReceiver()
  t.teardown(() => receiver.close())
  const endpoint = await receiver.listen()
  await seed(databaseUrl, { rows: 40, friends: 10, password }, signal)
  const service = await startService(databaseUrl, join(folder, 'telemetry'), endpoint)
  t.teardown(() => service.stop())
  const client = new HttpClient(await resolveTarget(service.url, { allowRemote: false }), 30_000)
  t.teardown(() => client.close())
  const { visitors } = await logInVisitors(client, { wanted: 1, password })
  const bench = { client, receiver, token: visitors[0]!.token! }

  const [warm] = await warmUp(bench, [FULL], 100, signal)
  t.match(warm, { page: FULL, replyRows: 40 })
  // As if it were quick, so that the rate is the one that was asked for.
  const plan = { tableRows: 40, ratePerSecond: 100, durationSeconds: 1 }
  const found = await measurePage(bench, { ...warm!, usualSeconds: 0.001 }, plan, signal)
  t.same(found.disagreements, [])
  t.match(found, { requests: 100, ratePerSecond: 100, tableRows: 40, replyRows: 40 })
  t.equal(found.queries.perRequest, 2, 'one for the session, one for the list')
  for (const percent of ['p50', 'p95'] as const) {
    const [told, exact] = [found.telemetry[percent].ms, found.exact[percent].ms]
    t.ok(Math.abs(told - exact) <= found.bucketError * exact + 1e-5, `${percent}: ${told} and ${exact}`)
    t.ok(found.client[percent].ms >= told * (1 - found.bucketError))
    t.ok(found.client[percent].lowMs <= found.client[percent].ms)
    t.ok(found.client[percent].highMs >= found.client[percent].ms)
  }
  t.ok(found.bucketError > 0 && found.bucketError <= 0.0055)
})

/** One point with these values, as the data model defines its buckets. */
function pointOf(values: readonly number[], scale: number): ExponentialHistogramPoint {
  const indices = values.map((value) => Math.ceil(Math.log2(value) * 2 ** scale) - 1)
  const offset = Math.min(...indices)
  const counts = Array.from({ length: Math.max(...indices) - offset + 1 }, () => 0)
  for (const index of indices) counts[index - offset]! += 1
  const sum = values.reduce((all, value) => all + value, 0)
  const times = { attributes: {}, startTime: 0n, time: 0n, flags: 0, exemplars: [] }
  const rest = { min: undefined, max: undefined, zeroCount: 0, zeroThreshold: 0 }
  const negative = { offset: 0, counts: [] }
  return { ...times, ...rest, count: values.length, sum, scale, positive: { offset, counts }, negative }
}

t.test('what does not agree is said', async (t) => {
  const seconds = Array.from({ length: 100 }, (_, index) => 0.001 + index / 100_000)
  const timed = seconds.map((value, index) => ({ traceId: `${index}`, seconds: value + 0.0005 }))
  const windowOf = (inRequests: readonly number[], inQueries = seconds) => {
    const window = new TelemetryWindow()
    window.requestsTo(KEYSET.route).add(pointOf(inRequests, 7))
    window.queriesOf(KEYSET.page).add(pointOf(inQueries, 7))
    for (const [index, value] of seconds.entries()) {
      window.requestSpans.set(`${index}`, value)
      window.querySpans.set(`${index}`, [value])
    }
    return window
  }
  const said = (window: TelemetryWindow, told = timed) =>
    compareWithTelemetry(KEYSET, told, window).disagreements
  t.same(said(windowOf(seconds)), [])
  t.match(said(windowOf(seconds.slice(1))), [
    /^the client and the spans know 100 requests, the histogram 99$/,
  ])
  t.match(said(windowOf(seconds, [...seconds, 0.001])), [/know 100 queries, the histogram 101$/])
  t.match(said(windowOf(seconds.map((value) => value * 1.01))), [
    /^p50 of http\.server\.request\.duration is /,
    /^p95 of http\.server\.request\.duration is /,
  ])
  const tooQuick = timed.map(({ traceId, seconds }) => ({ traceId, seconds: seconds / 2 }))
  t.match(said(windowOf(seconds), tooQuick), [/^p50 is .* for the client and .* in telemetry$/, /^p95 is /])
})

t.test('merged percentiles are within the bucket error, whatever the scales', async (t) => {
  const random = seededRandom(3)
  const values = Array.from({ length: 3000 }, () => 0.0001 * Math.exp(random() * 8))
  const merged = new MergedHistogram()
  for (const [part, scale] of [7, 5, 6].entries())
    merged.add(pointOf(values.slice(part * 1000, (part + 1) * 1000), scale))
  const ascending = values.toSorted((one, other) => one - other)
  t.equal(merged.count, 3000)
  t.ok(Math.abs(merged.relativeError - 0.01083) < 1e-5, 'that of scale 5')
  for (const fraction of [0.001, 0.5, 0.95, 0.999, 1]) {
    const off = Math.abs(merged.percentile(fraction) / percentile(ascending, fraction) - 1)
    t.ok(off <= merged.relativeError, `p${fraction * 100} is off by ${off}`)
  }
})

t.test('confidence intervals and growth are what the textbooks say', async (t) => {
  // Tables of the binomial distribution: P(40 ≤ B < 61) = 0.9648 for n = 100, p = ½.
  t.same(confidenceRanks(0.5, 100), { low: 40, high: 61 })
  t.same(confidenceRanks(0.5, 10), { low: 2, high: 9 })
  t.same(confidenceRanks(0.95, 20), { low: 17, high: 20 })
  const random = seededRandom(9)
  let inside = 0
  for (let run = 0; run < 1000; run++) {
    const sample = Array.from({ length: 200 }, random).sort((one, other) => one - other)
    const { low, high } = confidenceRanks(0.95, 200)
    if (sample[low - 1]! <= 0.95 && sample[high - 1]! >= 0.95) inside += 1
  }
  t.ok(inside >= 940, `${inside} of 1000 intervals hold the true value`)
  const points = [10, 100, 1000].map((x) => ({ x, y: 3 * x ** 0.7 }))
  t.ok(Math.abs(fitExponent(points)! - 0.7) < 1e-9)
  t.match(fitLine([1, 2, 5].map((x) => ({ x, y: 4 * x + 1 }))), { slope: 4, intercept: 1 })
  t.equal(fitExponent([{ x: 10, y: 1 }]), undefined)
})

function measured(page: Measurement['page'], tableRows: number, replyRows: number, ms: number): Measurement {
  const estimate = { ms, lowMs: ms * 0.9, highMs: ms * 1.2 }
  const both = { p50: estimate, p95: { ms: 2 * ms, lowMs: 1.9 * ms, highMs: 2.1 * ms } }
  return {
    page,
    tableRows,
    replyRows,
    requests: 100,
    ratePerSecond: 50,
    client: both,
    telemetry: both,
    exact: both,
    outside: both,
    queries: { ...both, perRequest: 2, meanMsPerRequest: ms },
    bucketError: 0.0054,
    disagreements: page === FRIENDS ? ['<script>alert(1)</script>'] : [],
  }
}

t.test('results are complete and stand alone', async (t) => {
  const sizes = [115, 1000, 10_000, 100_000]
  const measurements = sizes.flatMap((rows) => [
    measured(FULL, rows, Math.min(rows, 10_000), Math.min(rows, 10_000) / 1000),
    measured(KEYSET, rows, 50, 1),
    measured(FRIENDS, rows, 10, 1),
  ])
  const findings: Findings = {
    measurements,
    searches: [],
    startedAt: new Date(0),
    tookSeconds: 9,
    machine: 'M',
  }
  t.match(latencyTable(findings).rows.at(-3), [
    'full listing, 10,000 at most',
    '100,000',
    '100',
    '50',
    '10.0',
  ])
  t.match(queryTable(findings).rows[0], [
    'full listing',
    '115',
    '0.12',
    '0.23',
    '2.00',
    '0.12',
    '60',
    '0.93–1.02',
  ])
  const csv = toCsv(findings).trim().split('\n')
  t.equal(csv.length, 1 + 12 * 5)
  t.equal(new Set(csv.map((line) => line.split(',').length)).size, 1)
  const chart = latencyChart(findings)
  // Without the one that the cap cut.
  t.match(chart, 'full listing, p50: rows^1.00, 1.00 µs a row (client); rows^1.00, 1.00 µs a row (telemetry)')
  t.match(chart, 'keyset page, p50: rows^0.00, 0.00 µs a row (client)')
  t.match(chart, />100,000</, 'powers of ten')
  const page = reportPage(findings)
  t.ok(page.includes(chart))
  t.same(disagreements(findings).length, 4)
  t.match(page, 'Does not agree: friends page, 115 rows: &lt;script&gt;alert(1)&lt;/script&gt;.')
  t.notMatch(page, /<script|<link|src=|url\(|https?:\/\/(?!www\.w3\.org\/2000\/svg)/)
})

t.test('a search without its index reads the whole table', { buffered: true }, async (t) => {
  const databaseUrl = `sqlite:${join(temporaryFolder(t), 'rollcall.db')}`
  const options = { rows: 20_000, friends: 0, password: 'eternal winter of 1816' }
  await seed(databaseUrl, options, new AbortController().signal)
  const { runs, indexed, unindexed } = await measureSearch(databaseUrl, 20_000)
  t.ok(runs >= 20)
  // A hundred times as many rows are read: no clock is so noisy.
  t.ok(unindexed.p50.ms > 3 * indexed.p50.ms, `${unindexed.p50.ms} and ${indexed.p50.ms} ms`)
})

t.test('what cannot be is refused in one sentence', { buffered: true }, async (t) => {
  const refused: [args: string[], code: number, stderr: string][] = [
    [
      ['--rows', '115,many'],
      2,
      '--rows is "115,many"; give whole numbers from 20 to 1000000, with commas between.\n',
    ],
    [
      ['--out', '/dev/null/there'],
      1,
      'The folder /dev/null/there cannot be made (ENOTDIR); give --out another one.\n',
    ],
  ]
  await Promise.all(
    refused.map(async ([args, code, stderr]) => {
      t.match(await runScript('experiment', args), { code, stdout: '', stderr })
    }),
  )
})
