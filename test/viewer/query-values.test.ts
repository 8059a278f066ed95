import { test } from 'tap'
import {
  exponential,
  gauge,
  lastMinute,
  observed,
  openViewer,
  sum,
  type Values,
  type ViewerClient,
} from './viewer-client.ts'

const MINUTES = 5
const EVERY = 10
const INTERVAL = 60

interface RawPoint {
  tags: Record<string, string>
  second: number
  /** A number, or everything that was observed. */
  value: number
  observed: number[]
}

/** The same numbers in every run. */
function numbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

const PAGES = ['home', 'community', 'friends']
const METHODS = ['get', 'head']
const HOSTS = ['one', 'two']

/** Every series at every moment, but for some that are silent for a while. */
function rawPoints(
  begin: number,
  seed: number,
  make: (random: () => number) => Partial<RawPoint>,
): RawPoint[] {
  const random = numbers(seed)
  const points: RawPoint[] = []
  for (const host of HOSTS)
    for (const page of PAGES)
      for (const method of METHODS)
        for (let second = begin; second < begin + MINUTES * 60; second += EVERY) {
          if (random() < 0.2) continue
          const tags = { host, page, 'http.request.method': method, service: 'shop' }
          points.push({ tags, second, value: 0, observed: [], ...make(random) })
        }
  return points
}

function specs(points: RawPoint[], host: string, fields: (point: RawPoint) => object) {
  return points
    .filter(({ tags }) => tags.host === host)
    .map((point) => ({
      attributes: {
        page: point.tags.page,
        'http.request.method': point.tags['http.request.method'],
      } as Values,
      second: point.second,
      ...fields(point),
    }))
}

/** The data of all tests, in the viewer and as raw points. */
async function filled(client: ViewerClient) {
  const begin = lastMinute() - MINUTES * 60
  const views = rawPoints(begin, 1, (random) => ({ value: Math.floor(random() * 100) }))
  const rows = rawPoints(begin, 2, (random) => ({ value: 100 + random() * 20 }))
  // Scales differ, as those of an SDK do: it begins fine and coarsens as it must.
  const durations = rawPoints(begin, 3, (random) => ({
    value: 6 + Math.floor(random() * 4),
    observed: Array.from({ length: 20 + Math.floor(random() * 60) }, () =>
      Math.exp(-5 + 2.5 * (random() + random() + random())),
    ),
  }))
  for (const host of HOSTS) {
    const reply = await client.send(
      [
        sum(
          'views',
          specs(views, host, ({ value }) => ({ asInt: String(value) })),
        ),
        gauge(
          'rows',
          specs(rows, host, ({ value }) => ({ asDouble: value })),
        ),
        exponential(
          'duration',
          specs(durations, host, ({ observed: values, value }) => observed(values, value)),
        ),
      ],
      { 'host.name': host, 'service.name': 'shop' },
    )
    if (reply.json.partialSuccess) throw new Error(reply.json.partialSuccess.errorMessage)
  }
  return { begin, end: begin + MINUTES * 60, views, rows, durations }
}

const add = (values: number[]) => values.reduce((total, value) => total + value, 0)
const mean = (values: number[]) => add(values) / values.length
const greatest = (values: number[]) => Math.max(...values)
const least = (values: number[]) => Math.min(...values)
const nearestRank = (fraction: number) => (values: number[]) =>
  values.toSorted((one, other) => one - other)[Math.max(0, Math.ceil(fraction * values.length) - 1)]!

function grouped(points: RawPoint[], keys: string[]): Map<string, RawPoint[]> {
  return Map.groupBy(points, ({ tags }) => keys.map((key) => tags[key]).join('|'))
}

interface Expectation {
  where?: (tags: Record<string, string>) => boolean
  by?: string[]
  /** Counts and gauges: in time, for each series; then over the series. */
  inTime?: (values: number[]) => number
  inSpace?: (values: number[]) => number
  /** Distributions: all that was observed, at once. */
  overall?: (observed: number[]) => number
}

/** What the query means, computed from the raw points: for each group the value of each minute. */
function expected(
  points: RawPoint[],
  begin: number,
  { where, by = [], inTime, inSpace, overall }: Expectation,
) {
  const chosen = where ? points.filter(({ tags }) => where(tags)) : points
  return new Map(
    [...grouped(chosen, by)].map(([group, members]) => [
      group,
      Array.from({ length: MINUTES }, (_, minute) => {
        const from = begin + minute * INTERVAL
        const within = members.filter(({ second }) => second >= from && second < from + INTERVAL)
        if (overall) return overall(within.flatMap((point) => point.observed))
        const perSeries = [...grouped(within, Object.keys(points[0]!.tags)).values()].map((series) =>
          inTime!(series.map(({ value }) => value)),
        )
        return inSpace!(perSeries)
      }),
    ]),
  )
}

test('the numbers are those of an independent computation over the raw points', async (t) => {
  const client = await openViewer(t)
  const { begin, end, views, rows, durations } = await filled(client)
  const window = { from: begin * 1000, to: end * 1000, interval: INTERVAL }
  const isHome = (tags: Record<string, string>) => tags.page === 'home'
  const cases: [query: string, points: RawPoint[], expectation: Expectation, within?: number][] = [
    ['sum:views{*}', views, { inTime: add, inSpace: add }],
    ['sum:views{*} by {page}.as_count()', views, { by: ['page'], inTime: add, inSpace: add }],
    [
      'sum:views{*} by {page}.as_rate()',
      views,
      { by: ['page'], inTime: (v) => add(v) / INTERVAL, inSpace: add },
    ],
    ['avg:views{*} by {host}', views, { by: ['host'], inTime: add, inSpace: mean }],
    ['max:views{page:home}', views, { where: isHome, inTime: add, inSpace: greatest }],
    ['sum:views{*}.rollup(max)', views, { inTime: greatest, inSpace: add }],
    ['sum:views{*}.rollup(count)', views, { inTime: (v) => v.length, inSpace: add }],
    ['avg:rows{*} by {page,host}', rows, { by: ['page', 'host'], inTime: mean, inSpace: mean }],
    [
      'sum:rows{page:c* AND NOT host:two}.rollup(min)',
      rows,
      { where: ({ page, host }) => page === 'community' && host !== 'two', inTime: least, inSpace: add },
    ],
    [
      'min:rows{page IN (home, friends), !http.request.method:HEAD}',
      rows,
      {
        where: ({ page, ...tags }) => page !== 'community' && tags['http.request.method'] !== 'head',
        inTime: mean,
        inSpace: least,
      },
    ],
    ['count:duration{*} by {page}', durations, { by: ['page'], overall: (v) => v.length }],
    ['count:duration{*}.as_rate()', durations, { overall: (v) => v.length / INTERVAL }],
    [
      'sum:duration{host:one OR page:home}',
      durations,
      { where: ({ host, page }) => host === 'one' || page === 'home', overall: add },
    ],
    ['avg:duration{service:shop} by {page}', durations, { by: ['page'], overall: mean }],
    ['min:duration{*}', durations, { overall: least }],
    ['max:duration{*} by {host}', durations, { by: ['host'], overall: greatest }],
    ['p50:duration{*}', durations, { overall: nearestRank(0.5) }, 0.01],
    ['p75:duration{*} by {page}', durations, { by: ['page'], overall: nearestRank(0.75) }, 0.01],
    ['p90:duration{page:home}', durations, { where: isHome, overall: nearestRank(0.9) }, 0.01],
    [
      'p95:duration{*} by {page,http.request.method}.rollup(max, 60)',
      durations,
      { by: ['page', 'http.request.method'], overall: nearestRank(0.95) },
      0.01,
    ],
    ['p99:duration{*} by {host}', durations, { by: ['host'], overall: nearestRank(0.99) }, 0.01],
  ]
  for (const [query, points, expectation, within = 1e-9] of cases) {
    const wanted = expected(points, begin, expectation)
    const lines = await client.lines(query, window)
    const got = new Map(
      lines.map(({ tags, values }) => [(expectation.by ?? []).map((key) => tags[key]).join('|'), values]),
    )
    t.strictSame([...got.keys()].sort(), [...wanted.keys()].sort(), `${query}: the groups`)
    for (const [group, values] of wanted) {
      const actual = got.get(group) ?? []
      t.equal(actual.length, MINUTES)
      const worst = greatest(
        values.map(
          (value, index) => Math.abs((actual[index] ?? Number.NaN) - value) / (Math.abs(value) || 1),
        ),
      )
      t.ok(worst <= within, `${query} ${group}: within ${within}, at worst ${worst}`)
    }
  }
})

test('single values are those of the whole time, and formulas those of their queries', async (t) => {
  const client = await openViewer(t)
  const { begin, end, views, durations } = await filled(client)
  const window = { from: begin * 1000, to: end * 1000 }
  const whole = durations.flatMap((point) => point.observed)

  const [all] = await client.values('sum:views{*}', window)
  t.equal(all?.value, add(views.map(({ value }) => value)), 'exact, whatever the buckets')
  const half = { from: (begin + 65) * 1000, to: (begin + 235) * 1000 }
  const within = views.filter(({ second }) => second >= begin + 65 && second < begin + 235)
  t.equal((await client.values('sum:views{*}', half))[0]?.value, add(within.map(({ value }) => value)))
  const p95 = (await client.values('p95:duration{*}', window))[0]?.value as number
  const exact = nearestRank(0.95)(whole)
  t.ok(
    Math.abs(p95 / exact - 1) <= 0.01,
    `one percentile over all, not the mean of many: ${p95} and ${exact}`,
  )
  t.ok(
    Math.abs(((await client.values('avg:duration{*}', window))[0]?.value as number) / mean(whole) - 1) < 1e-9,
  )

  const queries = [
    { name: 'home', query: 'sum:views{page:home}', data_source: 'metrics', aggregator: 'sum' },
    { name: 'all', query: 'sum:views{*} by {host}', data_source: 'metrics', aggregator: 'sum' },
  ]
  const ratio = await client.query({
    ...window,
    response_format: 'scalar',
    queries,
    formulas: [{ formula: 'home / all * 100', alias: '%' }],
  })
  const homeViews = add(views.filter(({ tags }) => tags.page === 'home').map(({ value }) => value))
  for (const host of HOSTS) {
    const hostViews = add(views.filter(({ tags }) => tags.host === host).map(({ value }) => value))
    const found = ratio.json.values.find(({ tags }: { tags: Values }) => tags.host === host)
    t.ok(Math.abs(found.value - (homeViews / hostViews) * 100) < 1e-9)
    t.equal(found.label, '%')
  }
  const top = await client.query({
    ...window,
    response_format: 'scalar',
    queries: [{ name: 'q', query: 'sum:views{*} by {page,host}' }],
    formulas: [{ formula: 'q', limit: { count: 2, order: 'desc' } }],
  })
  const byGroup = [...grouped(views, ['page', 'host']).values()].map((points) =>
    add(points.map(({ value }) => value)),
  )
  t.strictSame(
    top.json.values.map(({ value }: { value: number }) => value),
    byGroup.sort((one, other) => other - one).slice(0, 2),
  )

  const map = await client.query({
    ...window,
    interval: 60,
    request_type: 'histogram',
    query: { query: 'histogram:duration{page:home}' },
  })
  const homeDurations = durations
    .filter(({ tags }) => tags.page === 'home')
    .flatMap((point) => point.observed)
  t.equal(add(map.json.totals), homeDurations.length, 'every observation is in a cell')
  t.equal(map.json.scale, 'log')
  t.strictSame(
    map.json.counts.map((row: number[]) => row.length),
    new Array(MINUTES).fill(map.json.edges.length - 1),
  )
  const middle = map.json.edges[Math.floor(map.json.edges.length / 2)]
  const above = add(map.json.totals.slice(Math.floor(map.json.edges.length / 2)))
  t.ok(Math.abs(above - homeDurations.filter((value) => value > middle).length) / homeDurations.length < 0.05)
})

type Column = (number | null)[]
const STEP = 10
const known = (values: Column) => values.filter((value) => value !== null)
const each = (change: (value: number) => number | null) => (values: Column) =>
  values.map((value) => (value === null ? null : change(value)))
/** Of the values up to here, those that are there among the last so many buckets. */
const lastOnes = (span: number, join: (values: number[]) => number) => (values: Column) =>
  values.map((_, index) => {
    const within = known(values.slice(Math.max(0, index - span + 1), index + 1))
    return within.length === 0 ? null : join(within)
  })
/** From each value to the one before it, which may be some buckets away. */
const steps = (change: (grown: number, buckets: number) => number | null) => (values: Column) =>
  values.map((value, index) => {
    const earlier = values.findLastIndex((other, at) => at < index && other !== null)
    return value === null || earlier === -1 ? null : change(value - values[earlier]!, index - earlier)
  })
const upwards = (seconds: number) =>
  steps((grown, buckets) => (grown < 0 ? null : (grown / (buckets * STEP)) * seconds))
const middle = (values: number[]) => {
  const sorted = values.toSorted((one, other) => one - other)
  return mean([sorted[(sorted.length - 1) >> 1]!, sorted[sorted.length >> 1]!])
}
const sums = (factor: number) => (values: Column) =>
  values.map((value, index) => (value === null ? null : factor * add(known(values.slice(0, index + 1)))))
/** By the definition: the latest value weighs α, what was before it the rest. */
const weighted = (span: number) => (values: Column) => {
  const alpha = 2 / (span + 1)
  return values.map((value, index) =>
    value === null
      ? null
      : known(values.slice(0, index + 1)).reduce((before, latest) => before + alpha * (latest - before)),
  )
}

const FUNCTION_CASES: [text: (query: string) => string, compute: (values: Column) => Column][] = [
  [(q) => `abs(${q})`, each(Math.abs)],
  [(q) => `log2(${q})`, each((v) => (v > 0 ? Math.log(v) / Math.LN2 : null))],
  [(q) => `log10(${q})`, each((v) => (v > 0 ? Math.log(v) / Math.LN10 : null))],
  [(q) => `clamp_min(${q}, -3)`, each((v) => (v < -3 ? -3 : v))],
  [(q) => `clamp_max(${q}, 4)`, each((v) => (v > 4 ? 4 : v))],
  [(q) => `cutoff_min(${q}, 0)`, each((v) => (v < 0 ? null : v))],
  [(q) => `cutoff_max(${q}, 0)`, each((v) => (v > 0 ? null : v))],
  [(q) => `default_zero(${q})`, (values) => values.map((v) => v ?? 0)],
  [(q) => `cumsum(${q})`, sums(1)],
  [(q) => `integral(${q})`, sums(STEP)],
  [(q) => `diff(${q})`, steps((grown) => grown)],
  [(q) => `monotonic_diff(${q})`, steps((grown) => (grown < 0 ? null : grown))],
  [(q) => `derivative(${q})`, steps((grown, buckets) => grown / (buckets * STEP))],
  [(q) => `per_second(${q})`, upwards(1)],
  [(q) => `per_minute(${q})`, upwards(60)],
  [(q) => `per_hour(${q})`, upwards(3600)],
  [(q) => `throughput(${q})`, each((v) => v / STEP)],
  [(q) => `ewma_1(${q})`, weighted(1)],
  [(q) => `ewma_7(${q})`, weighted(7)],
  [(q) => `ewma_20(${q})`, weighted(20)],
  [(q) => `median_3(${q})`, lastOnes(3, middle)],
  [(q) => `median_9(${q})`, lastOnes(9, middle)],
  [(q) => `rollingavg_5(${q})`, lastOnes(5, mean)],
  [(q) => `rollingavg_13(${q})`, lastOnes(13, mean)],
  [(q) => `moving_rollup(${q}, 60, 'max')`, lastOnes(6, greatest)],
  [(q) => `moving_rollup(${q}, 40)`, lastOnes(4, mean)],
  [(q) => `fill(${q}, 'zero')`, (values) => values.map((v) => v ?? 0)],
  [
    (q) => `fill(${q}, 'last')`,
    (values) => values.map((_, at) => known(values.slice(0, at + 1)).at(-1) ?? null),
  ],
  [
    (q) => `trend_line(${q})`,
    (values) => {
      const points = values.flatMap((y, x) => (y === null ? [] : [{ x, y }]))
      const [x0, y0] = [mean(points.map(({ x }) => x)), mean(points.map(({ y }) => y))]
      const slope =
        add(points.map(({ x, y }) => (x - x0) * (y - y0))) / add(points.map(({ x }) => (x - x0) ** 2))
      return values.map((_, x) => y0 + slope * (x - x0))
    },
  ],
]

test('functions compute what their definitions say, over gaps as well', async (t) => {
  const client = await openViewer(t)
  const buckets = 40
  const begin = lastMinute() - buckets * STEP
  const random = numbers(7)
  const silent: Record<string, number[]> = { a: [0, 7, 8, 20], b: [12, 20, 39] }
  const columns = Object.fromEntries(
    Object.entries(silent).map(([group, gaps]): [string, Column] => [
      group,
      Array.from({ length: buckets }, (_, index) =>
        gaps.includes(index) ? null : index === 5 ? 0 : Math.round(random() * 20 - 8),
      ),
    ]),
  )
  await client.send([
    gauge(
      'level',
      Object.entries(columns).flatMap(([group, values]) =>
        values.flatMap((value, index) =>
          value === null
            ? []
            : [{ attributes: { group }, second: begin + index * STEP + 3, asDouble: value }],
        ),
      ),
    ),
  ])
  const window = { from: begin * 1000, to: (begin + buckets * STEP) * 1000, interval: STEP }
  const query = 'avg:level{*} by {group}.fill(null)'
  const isNear = (one: number | null, other: number | null) =>
    one === null || other === null
      ? one === other
      : Math.abs(one - other) <= 1e-9 * Math.max(1, Math.abs(other))
  for (const [text, compute] of FUNCTION_CASES) {
    const lines = await client.lines(text(query), window)
    t.strictSame(lines.map(({ tags }) => tags.group).sort(), ['a', 'b'])
    for (const { tags, values } of lines) {
      const wanted = compute(columns[String(tags.group)]!)
      const wrong = wanted.findIndex((value, index) => !isNear(values[index] ?? null, value))
      t.equal(wrong, -1, `${text('x')} of ${tags.group}: ${values[wrong]}, and not ${wanted[wrong]}`)
    }
  }

  const one = async (q: string) => (await client.lines(q, window))[0]!.values
  t.strictSame(
    await one(`count_not_null(${query})`),
    columns.a!.map((value, index) => Number(value !== null) + Number(columns.b![index] !== null)),
  )
  t.strictSame(
    await one(`count_nonzero(${query})`),
    columns.a!.map((value, index) => Number(Boolean(value)) + Number(Boolean(columns.b![index]))),
  )
  const present = columns.a!.map((value, index) => value !== null || columns.b![index] !== null)
  t.strictSame(
    await one(`dt(${query})`),
    present.map((isThere, index) =>
      isThere && index > 0 ? STEP * (index - present.lastIndexOf(true, index - 1)) : null,
    ),
    'groups count together',
  )
  const [first] = await client.lines(`top(${query}, 1, 'mean', 'asc')`, window)
  t.equal(first?.tags.group, mean(known(columns.a!)) < mean(known(columns.b!)) ? 'a' : 'b')
})

test('a shift in time shows what was before, in charts, values and formulas', async (t) => {
  const client = await openViewer(t, { minutes: 1440 })
  const end = lastMinute()
  const at = (hoursAgo: number) => end - hoursAgo * 3600
  await client.send([
    sum('views', [
      { second: at(0) - 25, asInt: '10' },
      { second: at(1) - 25, asInt: '4' },
      { second: at(20) - 25, asInt: '7' },
    ]),
  ])
  const window = { from: (end - 60) * 1000, to: end * 1000, interval: 60 }
  const q = 'sum:views{*}.as_count()'
  for (const [text, value] of [
    [q, 10],
    [`hour_before(${q})`, 4],
    [`timeshift(${q}, -3600)`, 4],
    [`timeshift(${q}, -72000)`, 7],
    [`timeshift(hour_before(${q}), -68400)`, 7],
    [`${q} - hour_before(${q})`, 6],
  ] as const) {
    t.strictSame(
      (await client.lines(text, window)).map(({ values }) => values),
      [[value]],
      text,
    )
    t.strictSame(
      (await client.values(text, window)).map((each) => each.value),
      [value],
      `${text}, one value`,
    )
  }
  for (const text of [
    `day_before(${q})`,
    `week_before(${q})`,
    `month_before(${q})`,
    `calendar_shift(${q}, '-1d', 'UTC')`,
  ])
    t.strictSame(await client.lines(text, window), [], `${text}: nothing so old is there`)
  const change = await client.query({
    ...window,
    response_format: 'scalar',
    queries: [{ name: 'views', query: q, aggregator: 'sum' }],
    formulas: [{ formula: '100 * (views / timeshift(views, -3600) - 1)' }],
  })
  t.strictSame(
    change.json.values.map(({ value }: { value: number }) => value),
    [150],
  )
})
