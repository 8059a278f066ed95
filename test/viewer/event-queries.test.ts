import { test } from 'tap'
import { attributesOf, lastMinute, openViewer, type Values, type ViewerClient } from './viewer-client.ts'

interface RawSpan {
  /** Milliseconds since the epoch. */
  time: number
  ms: number
  isError: boolean
  kind: number
  attributes: Values
}

interface RawLine {
  time: number
  severity: number
  body: string
  attributes: Values
}

const MINUTES = 4
const ROUTES = ['/v1/community', '/v1/me', '/v1/sessions']
const LEVELS = { 9: 'info', 13: 'warn', 17: 'error' } as const
const RESOURCE: Values = { 'service.name': 'shop', 'deployment.environment.name': 'prod', 'host.name': 'one' }
const nano = (ms: number) => `${Math.round(ms * 1000)}000`

/** The data of all tests, in the viewer and as they were. */
async function filled(client: ViewerClient) {
  const begin = (lastMinute() - MINUTES * 60) * 1000
  const at = (index: number) => begin + ((index * 7919) % (MINUTES * 60_000))
  const spans = Array.from({ length: 307 }, (_, index): RawSpan => {
    const status = index % 11 === 0 ? 503 : index % 7 === 0 ? 404 : 200
    return {
      time: at(index),
      ms: 1 + ((index * 37) % 100) / 4,
      isError: status === 503,
      kind: index % 4 === 0 ? 3 : 2,
      attributes: {
        'http.request.method': 'GET',
        'http.route': ROUTES[index % 3]!,
        'http.response.status_code': status,
      },
    }
  })
  const lines = Array.from(
    { length: 90 },
    (_, index): RawLine => ({
      time: at(index * 3),
      severity: index % 9 === 0 ? 17 : index % 2 === 0 ? 13 : 9,
      body: index % 5 === 0 ? 'Slow request "again"' : 'done',
      attributes: { route: ROUTES[index % 3]!, durationMs: index },
    }),
  )
  const resource = { attributes: attributesOf(RESOURCE) }
  await client.post('/v1/traces', {
    resourceSpans: [
      {
        resource,
        scopeSpans: [
          {
            spans: spans.map(({ time, ms, isError, kind, attributes }, index) => ({
              traceId: (index + 1).toString(16).padStart(32, '0'),
              spanId: (index + 1).toString(16).padStart(16, '0'),
              name: 'GET',
              kind,
              startTimeUnixNano: nano(time),
              endTimeUnixNano: nano(time + ms),
              attributes: attributesOf(attributes),
              status: { code: isError ? 2 : 0 },
            })),
          },
        ],
      },
    ],
  })
  await client.post('/v1/logs', {
    resourceLogs: [
      {
        resource,
        scopeLogs: [
          {
            logRecords: lines.map(({ time, severity, body, attributes }) => ({
              timeUnixNano: nano(time),
              severityNumber: severity,
              body: { stringValue: body },
              attributes: attributesOf(attributes),
            })),
          },
        ],
      },
    ],
  })
  return { begin, end: begin + MINUTES * 60_000, spans, lines }
}

interface Asked {
  data_source: string
  compute?: { aggregation: string; metric?: string; interval?: number }
  search?: string
  group_by?: object
  variables?: object
}

function request({ search = '', variables, ...query }: Asked, window: object, format: string) {
  const compute = { aggregation: 'count' }
  return {
    ...window,
    response_format: format,
    ...(variables && { variables }),
    queries: [{ name: 'events', compute, ...query, search: { query: search } }],
    formulas: [{ formula: 'events' }],
  }
}

const route = ({ attributes }: { attributes: Values }) => String(attributes['http.route'] ?? attributes.route)
const status = ({ attributes }: RawSpan) => Number(attributes['http.response.status_code'])
const nearestRank = (fraction: number, values: number[]) =>
  values.toSorted((one, other) => one - other)[Math.ceil(fraction * values.length) - 1]!

test('spans and log lines are counted and measured as an independent computation does', async (t) => {
  const client = await openViewer(t)
  const { begin, end, spans, lines } = await filled(client)
  const window = { from: begin, to: end }
  const scalar = async (asked: Asked) => {
    const { status, json } = await client.query(request(asked, window, 'scalar'))
    if (status !== 200) throw new Error(JSON.stringify(json))
    return Object.fromEntries(
      json.values.map(({ tags, value }: { tags: Values; value: number }) => [
        Object.values(tags).join(' '),
        value,
      ]),
    )
  }

  const groups = [{ facet: '@http.route' }]
  const byRoute = Map.groupBy(spans, route)
  const expected = (compute: (members: RawSpan[]) => number) =>
    Object.fromEntries([...byRoute].map(([name, members]) => [name, compute(members)]))
  const ns = (members: RawSpan[]) => members.map(({ ms }) => ms * 1e6)
  for (const [aggregation, compute] of [
    ['count', (members: RawSpan[]) => members.length],
    ['median', (members: RawSpan[]) => nearestRank(0.5, ns(members))],
    ['pc95', (members: RawSpan[]) => nearestRank(0.95, ns(members))],
    ['pc99', (members: RawSpan[]) => nearestRank(0.99, ns(members))],
    ['max', (members: RawSpan[]) => Math.max(...ns(members))],
    ['min', (members: RawSpan[]) => Math.min(...ns(members))],
    ['sum', (members: RawSpan[]) => ns(members).reduce((sum, value) => sum + value)],
    ['cardinality', (members: RawSpan[]) => new Set(ns(members)).size],
  ] as const)
    t.strictSame(
      await scalar({ data_source: 'spans', compute: { aggregation, metric: '@duration' }, group_by: groups }),
      expected(compute),
      aggregation,
    )

  const { json } = await client.query(
    request(
      {
        data_source: 'logs',
        compute: { aggregation: 'count', interval: 60_000 },
        group_by: [{ facet: 'status' }],
      },
      window,
      'timeseries',
    ),
  )
  t.equal(json.interval, 60)
  for (const [severity, level] of Object.entries(LEVELS)) {
    const found = json.series.find(({ tags }: { tags: Values }) => tags.status === level)
    const perMinute = Array.from({ length: MINUTES }, (_, minute) => {
      const from = begin + minute * 60_000
      const own = lines.filter((line) => line.severity === Number(severity))
      return own.filter(({ time }) => time >= from && time < from + 60_000).length || null
    })
    t.strictSame(found.values, perMinute, level)
  }
  t.same(
    (await client.query(request({ data_source: 'spans' }, window, 'timeseries'))).json.interval,
    5,
    'no comb',
  )

  const share = await client.query({
    ...window,
    response_format: 'scalar',
    queries: [
      {
        data_source: 'spans',
        name: 'bad',
        compute: { aggregation: 'count' },
        search: { query: 'status:error' },
      },
      { data_source: 'spans', name: 'all', compute: { aggregation: 'count' } },
    ],
    formulas: [{ formula: 'bad / all * 100' }],
  })
  const both = await client.query({
    ...window,
    response_format: 'scalar',
    queries: [
      { data_source: 'spans', name: 'all', compute: { aggregation: 'count' } },
      { data_source: 'spans', name: 'longest', compute: { aggregation: 'max', metric: '@duration' } },
    ],
    formulas: [{ formula: 'all' }, { formula: 'longest' }],
  })
  t.strictSame(
    both.json.values.map(({ value }: { value: number }) => value),
    [spans.length, Math.max(...ns(spans))],
    'of one reading',
  )
  t.equal(share.json.values[0].value, (spans.filter(({ isError }) => isError).length / spans.length) * 100)
})

test('a search over events finds what its syntax says', async (t) => {
  const client = await openViewer(t)
  const { begin, end, spans, lines } = await filled(client)
  const window = { from: begin, to: end }
  const env = (values: string[]) => ({ env: { prefix: 'env', values } })
  const total = async (asked: Asked) => {
    const { status, json } = await client.query(request(asked, window, 'scalar'))
    return status === 200 ? (json.values[0]?.value ?? 0) : json.error.message
  }
  const overSpans: [search: string, holds: (span: RawSpan) => boolean, variables?: object][] = [
    ['', () => true],
    ['*', () => true],
    ['service:shop', () => true],
    ['service:SHOP env:prod host:one', () => true],
    ['env:dev', () => false],
    ['status:error', ({ isError }) => isError],
    ['-status:error', ({ isError }) => !isError],
    ['@http.status_code:404', (span) => status(span) === 404],
    ['@http.response.status_code:(404 OR 503)', (span) => status(span) >= 400],
    [
      '@http.status_code:>=404 AND @http.route:/v1/me',
      (span) => status(span) >= 404 && route(span) === '/v1/me',
    ],
    ['@http.status_code:[200 TO 404]', (span) => status(span) <= 404],
    ['@http.status_code:[404 TO *]', (span) => status(span) >= 404],
    ['@duration:>10ms', ({ ms }) => ms > 10],
    ['@duration:<=10000000', ({ ms }) => ms <= 10],
    ['@http.route:/v1/*s', (span) => route(span).endsWith('s')],
    ['@http.route:"/v1/*s"', () => false],
    ['@span.kind:client', ({ kind }) => kind === 3],
    ['operation_name:http.server.request', ({ kind }) => kind === 2],
    ['resource_name:"GET /v1/me"', (span) => route(span) === '/v1/me'],
    ['community', (span) => route(span) === '/v1/community'],
    ['NOT (status:error OR @http.route:/v1/me)', (span) => !span.isError && route(span) !== '/v1/me'],
    ['$env', () => true, env(['prod', 'dev'])],
    ['$env', () => true, env([])],
    ['env:$env.value', () => false, env(['dev'])],
    ['env:$env.value', () => true, env(['pr*'])],
    ['-$env status:error', () => false, env(['prod'])],
  ]
  for (const [search, holds, variables] of overSpans)
    t.equal(
      await total({ data_source: 'spans', search, ...(variables && { variables }) }),
      spans.filter(holds).length,
      search,
    )
  const overLines: [search: string, holds: (line: RawLine) => boolean][] = [
    ['status:warn', ({ severity }) => severity === 13],
    ['slow', ({ body }) => body !== 'done'],
    ['"request \\"again"', ({ body }) => body !== 'done'],
    ['-done service:shop', ({ body }) => body !== 'done'],
    [
      '@durationMs:<10 @route:/v1/me',
      (line) => Number(line.attributes.durationMs) < 10 && route(line) === '/v1/me',
    ],
  ]
  for (const [search, holds] of overLines)
    t.equal(await total({ data_source: 'logs', search }), lines.filter(holds).length, search)

  for (const [search, message] of [
    ['(status:error', 'expected the closing ), but the search ends here'],
    ['@duration:>fast', '"fast" is no number'],
    ['@duration:>5MS', '"5MS" is no number'],
    ['$team', 'unknown variable $team: give it in "variables"'],
    ['@http.route:', 'expected a value of @http.route, but the search ends here'],
    ['('.repeat(200), 'expected at most 50 levels, not "("'],
  ] as const)
    t.equal(await total({ data_source: 'spans', search }), message)
})

test('groups of events have a limit and an order, and what does not come here says so', async (t) => {
  const client = await openViewer(t)
  const { begin, end, spans } = await filled(client)
  const window = { from: begin, to: end }
  const groups = async (group_by: object, compute = { aggregation: 'count' } as Asked['compute']) => {
    const { json } = await client.query(
      request({ data_source: 'spans', group_by, ...(compute && { compute }) }, window, 'scalar'),
    )
    return (
      json.error?.message ?? json.values.map(({ tags }: { tags: Values }) => Object.values(tags).join(' '))
    )
  }
  const counts = [...Map.groupBy(spans, status)].sort(
    ([one, own], [other, others]) => others.length - own.length || (one < other ? -1 : 1),
  )
  const codes = counts.map(([code]) => String(code))
  const facet = '@http.status_code'
  t.strictSame(await groups([{ facet, limit: 2 }]), codes.slice(0, 2))
  t.strictSame(
    await groups([{ facet, limit: 1, sort: { aggregation: 'count', order: 'asc' } }]),
    codes.slice(-1),
  )
  const pairs = [...Map.groupBy(spans, (span) => `${status(span)} ${route(span)}`)]
    .sort(([one, own], [other, others]) => others.length - own.length || (one < other ? -1 : 1))
    .map(([pair]) => pair)
  t.strictSame(
    await groups({ fields: [facet, '@http.route'], limit: 4 }),
    pairs.slice(0, 4),
    'over all pairs',
  )
  const nested = await groups([
    { facet, limit: 2 },
    { facet: '@http.route', limit: 1 },
  ])
  t.strictSame(
    nested,
    codes.slice(0, 2).map((code) => pairs.find((pair) => pair.startsWith(code))),
    'within each',
  )
  t.strictSame(await groups([{ facet: '@missing' }]), [], 'what lacks the facet is left out')
  t.equal(
    await groups([{ facet, sort: { aggregation: 'max', metric: '@x' } }]),
    'events sorts by the max of @x, which it does not compute: sort by count or by the computed value',
  )
  t.equal(
    await groups([], { aggregation: 'pc95' }),
    'events lacks the field of its pc95: give compute.metric, such as @duration',
  )

  const { json } = await client.query(request({ data_source: 'events' }, window, 'timeseries'))
  t.strictSame(json.series, [])
  t.match(json.notes, [
    /^events asks for events, which Datadog keeps: only metrics, spans and logs come here/,
  ])
  const empty = await openViewer(t)
  t.strictSame((await empty.query(request({ data_source: 'spans' }, window, 'scalar'))).json.notes, [
    'no spans have arrived yet',
  ])
})
