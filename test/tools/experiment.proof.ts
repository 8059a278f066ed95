import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { MergedHistogram } from '../../packages/otlp/src/merged-histogram.ts'
import type { ExponentialHistogramPoint } from '../../packages/otlp/src/model.ts'
import { compareWithTelemetry, type TimedRequest } from '../../tools/experimenting/agreement.ts'
import { latencyChart } from '../../tools/experimenting/charts.ts'
import { drawChart } from '../../tools/experimenting/curve.ts'
import {
  disagreements,
  type Findings,
  inOrder,
  latencyTable,
  queryTable,
  toCsv,
} from '../../tools/experimenting/findings.ts'
import { LISTINGS, type Measurement, measureListing } from '../../tools/experimenting/measure.ts'
import { reportPage } from '../../tools/experimenting/report-page.ts'
import { measureSearch } from '../../tools/experimenting/search-shape.ts'
import { seed } from '../../tools/experimenting/service-process.ts'
import { confidenceRanks, fitExponent, fitPerRow, percentile } from '../../tools/experimenting/statistics.ts'
import { TelemetryReceiver, TelemetryWindow } from '../../tools/experimenting/telemetry-receiver.ts'
import { formatMs } from '../../tools/loading/format.ts'
import { HttpClient } from '../../tools/loading/http-client.ts'
import { resolveTarget } from '../../tools/loading/target.ts'
import { seededRandom } from '../proof/client.ts'
import { temporaryFolder } from '../support/harness.ts'
import { runScript, startCommand } from './run-command.ts'

t.jobs = 3

const [FULL, KEYSET, FRIENDS] = LISTINGS as [
  (typeof LISTINGS)[number],
  (typeof LISTINGS)[number],
  (typeof LISTINGS)[number],
]

/** What an experiment printed, and the files that it left in its folder. */
interface Line {
  run: string
  page: string
  quantity: string
  [column: string]: string
}

function readCsv(file: string): Line[] {
  const [head = '', ...lines] = readFileSync(file, 'utf8').trimEnd().split('\n')
  const names = head.split(',')
  return lines.map((line) => {
    const cells = line.split(',')
    return Object.fromEntries(names.map((name, index) => [name, cells[index] ?? ''])) as Line
  })
}

/** Nothing is loaded, nothing runs: the one address is the name of a namespace. */
function standsAlone(t: Test, markup: string): void {
  t.notMatch(
    markup,
    /<script|<link|<iframe|<object|<image|<img|@import|\bsrc=|\bhref=|\bon\w+=|url\(|javascript:/i,
  )
  t.notMatch(markup, /(?:https?:)?\/\/(?!www\.w3\.org\/2000\/svg")/)
}

/** Every tag is closed by its own name, attributes are quoted and known once, and text has no bare marks. */
function isWellFormed(t: Test, xml: string): void {
  const open: string[] = []
  const rest = xml.replaceAll(
    /<(\/?)([a-z]+)((?:\s+[\w-]+="[^"<]*")*)\s*(\/?)>/gi,
    (_, closes, name, attributes, isEmpty) => {
      const names = [...attributes.matchAll(/([\w-]+)="/g)].map(([, attribute]) => attribute)
      t.equal(new Set(names).size, names.length, `${name} has each attribute once`)
      if (closes) t.equal(open.pop(), name)
      else if (!isEmpty) open.push(name)
      return ''
    },
  )
  t.same(open, [])
  t.notMatch(rest, /<|&(?!amp;|lt;|gt;|quot;)/)
}

t.test('the whole command, at three sizes', { buffered: true }, async (t) => {
  const folder = temporaryFolder(t)
  const out = join(folder, 'out')
  mkdirSync(out)
  writeFileSync(join(out, 'partial-results.csv'), 'of an earlier run')
  const TMPDIR = join(folder, 'tmp')
  mkdirSync(TMPDIR)
  const args = ['--rows', '40,20,80,20', '--duration', '1', '--rate', '60', '--shape', '--html', '--out', out]
  const { code, stdout, stderr } = await runScript('experiment', args, { TMPDIR })
  t.equal(code, 0, stderr)
  t.match(stderr, /^21 of 21 {2}80 rows: searching, about \d+ s left$/m)
  t.same(readdirSync(out).sort(), ['curve.svg', 'report.html', 'results.csv', 'search.svg'])
  t.same(readdirSync(TMPDIR), [], 'the databases are gone')

  const lines = readCsv(join(out, 'results.csv'))
  t.equal(lines.length, 3 * 4 * 7 + 3 * 2)
  const measured = lines.filter(({ page }) => page !== 'search')
  t.ok(lines.every(({ run }) => run === 'complete'))
  const report = readFileSync(join(out, 'report.html'), 'utf8')
  for (const { name } of LISTINGS)
    for (const rows of ['20', '40', '80']) {
      const of = Object.fromEntries(
        measured
          .filter(({ page, table_rows }) => page === name && table_rows === rows)
          .map((line) => [line.quantity, line]),
      )
      const value = (quantity: string, column: string) => Number(of[quantity]![column])
      const place = `${name}, ${rows} rows`
      const most = { 'full listing': 80, 'keyset page': 50, 'friends page': 10, 'HTML page': 50 }[name]
      t.equal(value('client', 'reply_rows'), Math.min(most, Number(rows)), place)
      t.equal(value('client', 'requests'), value('client', 'rate_per_second'), place)
      for (const percent of ['p50', 'p95']) {
        // The issue's word: the error bound, which is that of the buckets.
        const [told, exact] = [value('telemetry', `${percent}_ms`), value('exact', `${percent}_ms`)]
        const bound = value('telemetry', 'bucket_error')
        t.ok(bound > 0 && bound <= 0.0055, `${place}: bound ${bound}`)
        t.ok(Math.abs(told - exact) <= bound * exact + 1e-5, `${place}: ${percent} ${told}, exactly ${exact}`)
        for (const quantity of Object.keys(of)) {
          const [low, middle, high] = [`${percent}_low_ms`, `${percent}_ms`, `${percent}_high_ms`].map(
            (column) => value(quantity, column),
          )
          t.ok(low! <= middle! && middle! <= high!, `${place}: ${quantity} ${percent} lies in its interval`)
        }
        const client = value('client', `${percent}_ms`)
        const cells = [client, told, client - told, value('bare', `${percent}_ms`)].map(formatMs)
        t.ok(
          stdout
            .split('\n')
            .some((line) => line.replaceAll(/ +/g, ' ').includes(` ${percent} ${cells.join(' ')}`)),
          `${place}: ${percent} on the terminal`,
        )
        t.ok(
          report.includes(`<td>${percent}</td>${cells.map((cell) => `<td>${cell}</td>`).join('')}`),
          `${place}: ${percent} in the report`,
        )
      }
      // Not to the percentage: a service may hear late that its last byte is gone.
      t.ok(value('client', 'p50_ms') > value('telemetry', 'p50_ms') * 0.9, `${place}: clients wait longer`)
    }

  for (const name of ['curve.svg', 'search.svg']) {
    const svg = readFileSync(join(out, name), 'utf8')
    isWellFormed(t, svg)
    standsAlone(t, svg)
  }
  standsAlone(t, report)
  const curve = readFileSync(join(out, 'curve.svg'), 'utf8')
  for (const percent of ['p50', 'p95'])
    t.ok(isToScale(curve, percent, measured), `${percent} of the client is drawn to scale`)
  t.equal(
    stdout.match(/^(?:full listing|keyset page|friends page) +\d+ +2\.00 /gm)?.length,
    9,
    'session and list',
  )
  t.match(stdout, /\n\d+ s\. Results: .*results\.csv, .*curve\.svg, .*report\.html, .*search\.svg\n$/)
})

/** Whether no smaller value is a higher dot: the client's lines, in the order in which they are drawn. */
function isToScale(svg: string, percent: string, lines: readonly Line[]): boolean {
  const isDashed = percent === 'p95'
  const heights = [...svg.matchAll(/<polyline class="line" points="([^"]*)" [^>]*>/g)]
    .filter(([tag]) => tag.includes('dasharray') === isDashed)
    .flatMap(([, points]) => points!.split(' ').map((point) => -Number(point.split(',')[1])))
  const values = lines
    .filter(({ quantity }) => quantity === 'client')
    .map((line) => Number(line[`${percent}_ms`]))
  const inOrder = values
    .map((value, index) => ({ value, height: heights[index]! }))
    .sort((one, other) => one.value - other.value)
  const rises = inOrder.every(({ height }, index) => index === 0 || height >= inOrder[index - 1]!.height)
  return heights.length === values.length && inOrder.at(-1)!.height > inOrder[0]!.height && rises
}

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  // A terminal that closes.
  ['SIGHUP', 143],
] as const)
  t.test(`${signal} ends it with what was measured until then`, { buffered: true }, async (t) => {
    const folder = temporaryFolder(t)
    const out = join(folder, 'out')
    const TMPDIR = join(folder, 'tmp')
    mkdirSync(TMPDIR)
    const args = ['--rows', '20,40', '--duration', '1', '--rate', '50', '--out', out]
    const { child, output, ended } = startCommand('experiment', args, { TMPDIR })
    let children: number[] = []
    child.stderr.on('data', () => {
      // The third page of the first size has begun.
      if (child.killed || !/^5 of 10/m.test(output.stderr)) return
      children = childrenOf(child.pid!)
      child.kill(signal)
    })
    const result = await ended
    t.match(result, { code, signal: null })
    t.match(
      result.stderr,
      /\nInterrupted: 2 of 6 measurements are in .*partial-results\.csv, .*partial-report\.html\.\n$/,
    )
    t.match(result.stdout, /^Partial: 2 of 6 measurements\.\n/)
    t.same(readdirSync(out).sort(), ['partial-curve.svg', 'partial-report.html', 'partial-results.csv'])
    const lines = readCsv(join(out, 'partial-results.csv'))
    t.same(
      lines.map(({ run, page, table_rows }) => `${run} ${page} ${table_rows}`),
      ['full listing', 'keyset page'].flatMap((page) =>
        Array.from({ length: 7 }, () => `partial ${page} 20`),
      ),
    )
    t.match(
      readFileSync(join(out, 'partial-report.html'), 'utf8'),
      'Partial: 2 of 6 measurements. The rest was not',
    )
    t.match(
      readFileSync(join(out, 'partial-curve.svg'), 'utf8'),
      'Latency as the table grows. Partial: 2 of 6',
    )
    t.same(readdirSync(TMPDIR), [], 'no database is left')
    t.equal(children.length, 2, 'the service and the bare server')
    for (const pid of children) t.throws(() => process.kill(pid, 0), { code: 'ESRCH' }, `${pid} has ended`)
  })

function childrenOf(pid: number): number[] {
  return execFileSync('ps', ['-A', '-o', 'pid=,ppid=,comm='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => line.trim().split(/ +/))
    .filter(([, parent, name]) => parent === String(pid) && name !== 'ps')
    .map(([child]) => Number(child))
}

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

t.test('an answer that fails ends a measurement at once, in one sentence', async (t) => {
  let asked = 0
  const server = createServer((_, response) => {
    asked += 1
    response.writeHead(503).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const client = new HttpClient(await resolveTarget(url, { allowRemote: false }), 1000)
  t.teardown(() => client.close())
  const bench = { client, bareClient: client, token: '', cookie: '', receiver: new TelemetryReceiver() }
  const warm = { listing: FULL, usualSeconds: 0.001, replyRows: 1, replyBytes: 1 }
  const plan = { tableRows: 20, ratePerSecond: 5, durationSeconds: 3600 }
  await t.rejects(measureListing(bench, warm, plan, new AbortController().signal), {
    name: 'CommandError',
    message: /with 503; lower the --rate/,
  })
  t.ok(asked > 0)
})

t.test('what does not agree is said', async (t) => {
  const seconds = Array.from({ length: 100 }, (_, index) => 0.001 + index / 100_000)
  const requestsOf = (values: readonly number[], wasAlone = true): TimedRequest[] =>
    values.map((value, index) => ({ traceId: `${index}`, seconds: value, wasAlone }))
  const timed = requestsOf(seconds.map((value) => value + 0.0005))
  const bare = requestsOf(seconds.map((_, index) => 0.0006 + index / 10_000_000))
  const windowOf = (inRequests: readonly number[], inQueries = seconds, inSpans = seconds) => {
    const window = new TelemetryWindow()
    window.requestsTo(KEYSET.route).add(pointOf(inRequests, 7))
    window.queriesOf(KEYSET.page).add(pointOf(inQueries, 7))
    for (const [index, value] of inSpans.entries()) {
      window.requestSpans.set(`${index}`, value)
      window.querySpans.set(`${index}`, [seconds[index]!])
    }
    return window
  }
  const compare = (window: TelemetryWindow, told = timed) => compareWithTelemetry(KEYSET, told, bare, window)
  const said = (window: TelemetryWindow, told = timed) => compare(window, told).disagreements
  t.same(said(windowOf(seconds)), [])
  t.match(said(windowOf(seconds.slice(1))), [
    /^the client and the spans know 100 requests, the histogram 99$/,
  ])
  t.match(said(windowOf(seconds, [...seconds, 0.001])), [/know 100 queries, the histogram 101$/])
  t.match(said(windowOf(seconds.map((value) => value * 1.012))), [
    /^p50 of http\.server\.request\.duration is /,
    /^p95 of http\.server\.request\.duration is /,
  ])

  // Histogram and spans agree with each other in all that follows: only the client and the control can tell.
  const clock = (change: (value: number) => number) => {
    const changed = seconds.map(change)
    return windowOf(changed, seconds, changed)
  }
  t.match(said(clock((value) => value * 2)), [
    /spends -\d\.\d+ ms outside of the service’s clock, less than nothing$/,
  ])
  const leavesOut = clock((value) => value - 0.0005)
  t.match(said(leavesOut), [
    /^the median request spends 1\.000 ms outside .*, but a bare server answers within 0\.605 ms$/,
  ])
  t.match(said(clock((value) => value / 2)), [/outside of the service’s clock, but a bare server/])
  t.same(said(clock((value) => value - 0.0003)), [], 'as much as a bare server and half of it may be outside')

  const crowded = requestsOf(
    seconds.map((value) => value + 0.3),
    false,
  )
  t.match(
    compare(leavesOut, crowded),
    { disagreements: [], isTooBusyToTell: true },
    'those who waited for others',
  )
  t.match(compare(leavesOut, timed), { isTooBusyToTell: false })
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
    const off = Math.abs(merged.percentile(fraction)! / percentile(ascending, fraction) - 1)
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
  const points = (curve: (rows: number) => number, spread = 0.01) =>
    [10, 100, 1000, 10_000].map((rows) => {
      const ms = curve(rows)
      return { rows, estimate: { ms, lowMs: ms * (1 - spread), highMs: ms * (1 + spread) } }
    })
  const exponent = fitExponent(points((rows) => 3 * rows ** 0.7))!
  t.ok(Math.abs(exponent.value - 0.7) < 1e-9)
  // By hand: each deviates by ln(1.01 / 0.99) / 3.92, and the squares of ln rows about their mean sum to 26.51.
  t.ok(
    Math.abs(exponent.high - exponent.value - (1.96 * Math.log(1.01 / 0.99)) / 3.92 / Math.sqrt(26.51)) <
      1e-5,
  )
  const line = fitPerRow(points((rows) => 4 * rows + 1))!
  t.ok(Math.abs(line.value - 4) < 1e-9 && line.low < 4 && line.high > 4)
  const bent = fitExponent(points((rows) => 3 + rows / 100))!
  t.ok(bent.high - bent.low > 10 * (exponent.high - exponent.low), 'what is no line has a wide interval')
  t.equal(fitExponent(points((rows) => rows).slice(0, 1)), undefined)
  let held = 0
  for (let run = 0; run < 500; run++) {
    const noisy = points((rows) => rows ** 0.5 * Math.exp(0.05 * normal(random)), 1.96 * 0.05)
    const { low, high } = fitExponent(noisy)!
    if (low <= 0.5 && high >= 0.5) held += 1
  }
  t.ok(held >= 460, `${held} of 500 intervals hold the true exponent`)
})

function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

function measured(
  listing: Measurement['listing'],
  tableRows: number,
  replyRows: number,
  ms: number,
): Measurement {
  const estimate = { ms, lowMs: ms * 0.9, highMs: ms * 1.2 }
  const both = { p50: estimate, p95: { ms: 2 * ms, lowMs: 1.9 * ms, highMs: 2.1 * ms } }
  return {
    listing,
    tableRows,
    replyRows,
    requests: 100,
    ratePerSecond: 50,
    client: both,
    telemetry: both,
    exact: both,
    outside: both,
    bare: both,
    queries: { ...both, perRequest: 2, bucketError: 0.0027 },
    longestQuery: both,
    bucketError: 0.0054,
    isTooBusyToTell: false,
    disagreements: listing === FRIENDS ? ['<script>alert(1)</script>'] : [],
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
    measurements: inOrder(measurements),
    searches: [],
    startedAt: new Date(0),
    tookSeconds: 9,
    machine: 'M',
    planned: 12,
  }
  t.match(latencyTable(findings).rows[6], [
    'full listing, 10,000 at most',
    '100,000',
    '100 at 50/s',
    'p50',
    '10.0',
  ])
  t.match(queryTable(findings).rows[0], [
    'full listing',
    '115',
    '2.00',
    '0.12',
    '0.23',
    '0.12',
    '0.23',
    '60',
    '0.93–1.02',
  ])
  const csv = toCsv(findings).trim().split('\n')
  t.equal(csv.length, 1 + 12 * 7)
  t.equal(new Set(csv.map((line) => line.split(',').length)).size, 1)
  const chart = latencyChart(findings)
  // Without the one that the cap cut.
  t.match(
    chart.caption[0],
    /^full listing: the median grows, with rows to the power of 1\.00 \(0\.9\d to 1\.0\d\); by telemetry it grows, with rows to the power of 1\.00 \(/,
  )
  t.match(
    chart.caption[1],
    /^keyset page: the median does not measurably grow, with rows to the power of 0\.00 \(−0\.0\d to 0\.0\d\)/,
  )
  t.match(
    chart.caption.at(-1),
    'The story published 60 ms for its query at 115 rows; the list’s query here takes 0.12 ms.',
  )
  t.match(toCsv({ ...findings, planned: 13 }), /^partial,/m, 'also where a search alone is missing')
  t.notMatch(toCsv(findings), /^partial,/m)
  const falling = sizes.map((rows) => measured(FRIENDS, rows, 10, 1e6 / rows))
  const other = { ...findings, measurements: falling.slice(1), planned: 3 }
  t.match(
    latencyChart(other).caption[0],
    /^friends page: the median falls, with rows to the power of −1\.00 \(/,
  )
  t.notMatch(latencyChart(other).caption.join(), /story/)
  t.notMatch(reportPage(other), /published/, 'where no size is the story’s')
  const svg = drawChart(chart)
  isWellFormed(t, svg)
  t.match(svg, />100,000</, 'the sizes are the ticks')
  const html = reportPage(findings)
  t.same(disagreements(findings).length, 4)
  t.match(html, 'Does not agree: friends page, 115 rows: &lt;script&gt;alert(1)&lt;/script&gt;.')
  t.notMatch(html, 'All of it holds')
  standsAlone(t, html)
})

t.test('one size alone is drawn, and so is what is the same at all', async (t) => {
  const chart = { title: 'T', xLabel: 'x', yLabel: 'ms', key: [], caption: [] }
  const draw = (ys: readonly number[], isLogarithmic: { x: boolean; y: boolean }) => {
    const points = ys.map((y, index) => ({ x: 100 * 10 ** index, y }))
    return drawChart({ ...chart, isLogarithmic, groups: [{ name: 'G', lines: [{ style: 'line', points }] }] })
  }
  for (const ys of [[3], [1], [2, 2, 2], [0.5, 5000]])
    for (const is of [true, false])
      t.notMatch(draw(ys, { x: is, y: is }), /NaN|Infinity|undefined/, `${ys} ${is}`)
})

t.test('a search without its index reads the whole table', { buffered: true }, async (t) => {
  const databaseUrl = `sqlite:${join(temporaryFolder(t), 'rollcall.db')}`
  const options = { rows: 20_000, friends: 0, password: 'eternal winter of 1816' }
  const { signal } = new AbortController()
  await seed(databaseUrl, options, signal)
  const { runs, indexed, unindexed } = await measureSearch(databaseUrl, 20_000, signal)
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
