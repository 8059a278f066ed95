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
