import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'tap'
import { temporaryFolder } from '../support/harness.ts'
import {
  attributesOf,
  exponential,
  gauge,
  lastMinute,
  observed,
  openViewer,
  sum,
  type Values,
  type ViewerClient,
} from './viewer-client.ts'

const HOSTILE = '</script><script>alert(1)</script>'

interface SpanSpec {
  trace: number
  span: number
  parent?: number
  name?: string
  /** Milliseconds from a minute ago. */
  at?: number
  lasts?: number
  attributes?: Values
  [field: string]: unknown
}

const hex = (number: number, bytes: number) => number.toString(16).padStart(bytes * 2, '0')
const began = Date.now() - 60_000
const nano = (ms: number) => String(BigInt(Math.round(ms * 1000)) * 1000n)

function spanOf({
  trace,
  span,
  parent,
  name = 'work',
  at = 0,
  lasts = 1,
  attributes = {},
  ...fields
}: SpanSpec) {
  return {
    traceId: hex(trace, 16),
    spanId: hex(span, 8),
    ...(parent !== undefined && { parentSpanId: hex(parent, 8) }),
    name,
    kind: 2,
    startTimeUnixNano: nano(began + at),
    endTimeUnixNano: nano(began + at + lasts),
    attributes: attributesOf(attributes),
    ...fields,
  }
}

async function sendSpans(client: ViewerClient, specs: SpanSpec[], service = 'shop') {
  const resource = { attributes: attributesOf({ 'service.name': service }) }
  return client.post('/v1/traces', {
    resourceSpans: [{ resource, scopeSpans: [{ scope: { name: 'a scope' }, spans: specs.map(spanOf) }] }],
  })
}

async function sendLogs(client: ViewerClient, records: object[], service = 'shop') {
  const resource = { attributes: attributesOf({ 'service.name': service }) }
  return client.post('/v1/logs', { resourceLogs: [{ resource, scopeLogs: [{ logRecords: records }] }] })
}

const names = (reply: { json: { traces: { name: string }[] } }) => reply.json.traces.map(({ name }) => name)

test('traces are listed newest first, found by what they are, and shown as a waterfall', async (t) => {
  const client = await openViewer(t)
  await sendSpans(client, [
    {
      trace: 1,
      span: 1,
      name: 'GET /a',
      lasts: 30,
      attributes: { 'http.route': '/a/:id', 'http.response.status_code': 200 },
    },
    {
      trace: 2,
      span: 1,
      name: 'GET /b',
      at: 100,
      lasts: 500,
      attributes: { 'http.route': '/b', 'http.response.status_code': 503 },
      status: { code: 2, message: 'too busy' },
    },
    { trace: 3, span: 1, name: HOSTILE, at: 200, lasts: 3 },
  ])
  await sendSpans(
    client,
    [
      {
        trace: 1,
        span: 3,
        parent: 1,
        name: 'SELECT second',
        at: 10.5,
        lasts: 2.25,
        kind: 3,
        attributes: { 'db.query.text': 'select "Grüße" from t' },
      },
      { trace: 1, span: 2, parent: 1, name: 'SELECT first', at: 1, lasts: 2, kind: 3 },
      { trace: 1, span: 4, parent: 3, name: 'rows', at: 11, lasts: 1, kind: 1 },
      { trace: 1, span: 5, parent: 99, name: 'of nobody', at: 5 },
      { trace: 1, span: 6, parent: 7, name: 'circle', at: 20 },
      { trace: 1, span: 7, parent: 6, name: 'circle too', at: 21 },
      { trace: 1, span: 2, parent: 1, name: 'SELECT first', at: 1, lasts: 2, kind: 3 },
    ],
    'database',
  )
  t.strictSame(names(await client.get('/api/traces')), [HOSTILE, 'GET /b', 'GET /a'])
  const found = async (filter: string) => names(await client.get(`/api/traces?${filter}`))
  t.strictSame(await found('service=database'), ['GET /a'])
  t.strictSame(await found('name=get+/'), ['GET /b', 'GET /a'])
  t.strictSame(await found('route=/a/*'), ['GET /a'])
  t.strictSame(await found('route=/a'), [])
  t.strictSame(await found('status=error'), ['GET /b'])
  t.strictSame(await found('status=5xx'), ['GET /b'])
  t.strictSame(await found('status=200'), ['GET /a'])
  t.strictSame(await found('min=10&max=100'), ['GET /a'])
  t.strictSame(await found(`text=${encodeURIComponent('select "grüsse"')}`), [])
  t.strictSame(
    await found(`text=${encodeURIComponent('SELECT "GRÜßE"')}`),
    ['GET /a'],
    'whatever the letter case',
  )
  t.strictSame(await found(`from=${began + 50}&to=${began + 150}`), ['GET /b'])
  t.strictSame(await found('sort=slowest&limit=2'), ['GET /b', 'GET /a'])

  const first = await client.get('/api/traces?limit=2')
  t.strictSame(names(await client.get(`/api/traces?limit=2&cursor=${first.json.nextCursor}`)), ['GET /a'])
  t.equal((await client.get('/api/traces?limit=3')).json.nextCursor, null)

  await sendLogs(client, [
    {
      timeUnixNano: nano(began + 2),
      body: { stringValue: 'slow' },
      traceId: hex(1, 16),
      spanId: hex(2, 8),
      severityNumber: 13,
    },
  ])
  const { json } = await client.get(`/api/traces/${hex(1, 16).toUpperCase()}`)
  t.match(json.trace, {
    name: 'GET /a',
    services: ['shop', 'database'],
    route: '/a/:id',
    httpStatus: 200,
    spans: 7,
    errors: 0,
    duration: 30,
    isComplete: true,
  })
  const shown = json.spans.map(({ name, depth, isOrphan, offset }: Values) => [name, depth, isOrphan, offset])
  t.strictSame(shown, [
    ['GET /a', 0, false, 0],
    ['SELECT first', 1, false, 1],
    ['SELECT second', 1, false, 10.5],
    ['rows', 2, false, 11],
    ['of nobody', 0, true, 5],
    ['circle', 0, true, 20],
    ['circle too', 1, false, 21],
  ])
  t.match(json.spans[2], {
    kind: 'client',
    service: 'database',
    scope: 'a scope',
    duration: 2.25,
    resource: { 'service.name': 'database' },
    attributes: { 'db.query.text': 'select "Grüße" from t' },
  })
  t.match(json.logs, [{ body: 'slow', level: 'warn', hasTrace: true, spanId: hex(2, 8) }])
  t.match((await client.status()).traces, {
    received: 10,
    stored: 9,
    repeated: 1,
    refused: 0,
    kept: 9,
    traces: 3,
  })

  t.equal((await client.get(`/api/traces/${hex(9, 16)}`)).status, 404)
  t.equal((await client.get('/api/traces/x')).status, 400)
  for (const wrong of ['status=maybe', 'limit=0', 'limit=501', 'min=-1', 'cursor=x', 'sort=oldest', 'foo=1'])
    t.match(
      await client.get(`/api/traces?${wrong}`),
      { status: 400, json: { error: { message: /.+\.$/ } } },
      wrong,
    )
})

test('spans and records that cannot be kept are refused with their reason', async (t) => {
  const client = await openViewer(t, { minutes: 5 })
  const huge = 'x'.repeat(9000)
  const reply = await sendSpans(client, [
    { trace: 1, span: 1, at: -400_000 },
    { trace: 1, span: 2, at: 800_000 },
    { trace: 1, span: 3, lasts: -5 },
    { trace: 1, span: 4, traceId: '' },
    {
      trace: 1,
      span: 5,
      attributes: Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`k${index}`, huge])),
    },
    { trace: 1, span: 6, attributes: { long: huge } },
  ])
  t.equal(reply.json.partialSuccess.rejectedSpans, '5')
  const { json } = await client.get(`/api/traces/${hex(1, 16)}`)
  t.match(json.spans[0].attributes.long, /x… \(9000 characters\)$/)
  t.equal(json.spans.length, 1)
  const logs = await sendLogs(client, [
    { timeUnixNano: nano(began - 400_000), body: { stringValue: 'old' } },
    { body: { stringValue: 'of now' } },
  ])
  t.match(logs.json.partialSuccess, {
    rejectedLogRecords: '1',
    errorMessage: '1: older than the 5 minutes that are kept',
  })
  t.match((await client.get('/api/logs')).json.logs, [{ body: 'of now', level: 'info' }])
})

test('records with an event name and a title are events for the charts, newest first', async (t) => {
  const client = await openViewer(t)
  const event = (title: string | number, at: number, more: object = {}) => ({
    timeUnixNano: nano(began + at),
    eventName: 'rollcall.event',
    severityNumber: 9,
    body: { stringValue: String(title) },
    attributes: attributesOf({ title }),
    ...more,
  })
  await sendLogs(client, [
    event('Deployed', 0, { body: { stringValue: HOSTILE }, severityNumber: 17 }),
    { ...event('a line', 10), eventName: '' },
    { ...event('an event without a title', 10), attributes: [] },
    event(5, 10),
    event(HOSTILE, 20, { attributes: attributesOf({ title: HOSTILE, tags: 'team:web,blue' }) }),
    event('later', 100),
  ])
  const { json } = await client.get(`/api/events?from=${began - 1}&to=${began + 50}`)
  t.match(json.events, [
    { title: HOSTILE, text: null, tags: ['team:web', 'blue'], level: 'info', time: began + 20 },
    { title: 'Deployed', text: HOSTILE, tags: [], level: 'error', time: began, traceId: null },
  ])
  t.equal(json.events.length, 2)
  t.match((await client.get('/api/events?limit=1')).json.events, [{ title: 'later' }])
  for (const wrong of ['limit=0', 'limit=501', 'from=x', 'level=info'])
    t.equal((await client.get(`/api/events?${wrong}`)).status, 400, wrong)
})

test('logs are searched by text, level, service, trace and time, newest first', async (t) => {
  const client = await openViewer(t)
  const record = (body: unknown, at: number, more: object = {}) => ({
    timeUnixNano: nano(began + at),
    body,
    ...more,
  })
  await sendLogs(client, [
    record({ stringValue: 'Started' }, 0, { severityNumber: 9, severityText: 'INFO' }),
    record({ stringValue: `user said "${HOSTILE}"` }, 10, {
      severityNumber: 17,
      attributes: attributesOf({ code: 'E42' }),
    }),
    record({ kvlistValue: { values: [{ key: 'nested', value: { intValue: '7' } }] } }, 20, {
      severityText: 'Warning',
      traceId: hex(5, 16),
    }),
  ])
  await sendLogs(client, [record({ stringValue: 'other' }, 30, { severityNumber: 21 })], 'other')
  const bodies = async (filter: string) =>
    (await client.get(`/api/logs?${filter}`)).json.logs.map(({ body }: Values) => body)
  t.strictSame(await bodies(''), ['other', '{"nested":7}', `user said "${HOSTILE}"`, 'Started'])
  t.strictSame(await bodies('level=warn'), ['other', '{"nested":7}', `user said "${HOSTILE}"`])
  t.strictSame(await bodies('level=error&service=shop'), [`user said "${HOSTILE}"`])
  t.strictSame(await bodies('text=e42'), [`user said "${HOSTILE}"`])
  t.strictSame(await bodies(`text=${encodeURIComponent('SAID "</')}`), [`user said "${HOSTILE}"`])
  t.strictSame(await bodies(`traceId=${hex(5, 16)}`), ['{"nested":7}'])
  t.strictSame(await bodies(`from=${began + 5}&to=${began + 20}`), [`user said "${HOSTILE}"`])
  const page = (await client.get('/api/logs?limit=3')).json
  t.match(page.logs[1], { hasTrace: false, traceId: hex(5, 16) })
  t.strictSame(await bodies(`limit=3&cursor=${page.nextCursor}`), ['Started'])
  t.equal((await client.get('/api/logs?level=loud')).status, 400)
})

test('pages hear of new data', async (t) => {
  const client = await openViewer(t)
  const status = await client.get('/api/status')
  const response = await fetch(`${client.url}/api/stream`)
  t.equal(response.headers.get('content-type'), 'text/event-stream')
  const events = (response.body as ReadableStream<Uint8Array<ArrayBuffer>>)
    .pipeThrough(new TextDecoderStream())
    .getReader()
  const next = async () => JSON.parse(String((await events.read()).value).split('data: ')[1] as string)
  t.strictSame(await next(), { version: 0, metrics: true, traces: true, logs: true })
  await client.send([gauge('rows', [{ second: lastMinute(), asInt: '1' }])])
  await sendLogs(client, [{ body: { stringValue: 'hello' } }])
  t.strictSame(await next(), { version: 2, metrics: true, traces: false, logs: true }, 'several in one event')
  await sendLogs(client, [{ body: { stringValue: 'again' } }])
  t.strictSame(await next(), { version: 3, metrics: false, traces: false, logs: true })
  await events.cancel()
  t.match(status.json, { minutes: 60, memory: { budgetBytes: 64 * 1024 * 1024 }, refusals: [], senders: [] })
  t.match((await client.status()).senders, [{ service: 'shop' }, { host: 'a-host' }])
})

test('the status does not freeze: a silent sender ages, and refused requests are counted', async (t) => {
  const client = await openViewer(t)
  await client.send([gauge('rows', [{ second: lastMinute(), asInt: '1' }])])
  const before = await client.get('/api/status')
  const again = () => client.get('/api/status', { 'if-none-match': before.headers.get('etag') ?? '*' })

  t.equal((await client.post('/v1/metrics', Buffer.from('no message'))).status, 400)
  const refused = await again()
  t.equal(refused.status, 200)
  t.strictSame(refused.json.requests, { 200: 1, 400: 1 })

  const now = Date.now()
  t.intercept(Date, 'now', { value: () => now + 75_000 })
  const later = await again()
  t.equal(later.status, 200)
  const silentMs = later.json.now - later.json.senders[0].last
  t.ok(silentMs >= 75_000, `silent for ${silentMs} ms`)
  t.equal(later.json.version, before.json.version, 'there was no news')
})

test('completion knows metrics, keys, values, functions and modifiers', async (t) => {
  const client = await openViewer(t)
  const second = lastMinute()
  await client.send([
    sum('web.views', [
      { second, asInt: '1', attributes: { page: 'home', region: 'eu' } },
      { second, asInt: '1', attributes: { page: 'help' } },
    ]),
    exponential('web.time', [{ second, ...observed([1], 4), attributes: { page: 'home' } }]),
  ])
  const texts = async (query: string, more = '') => {
    const { json } = await client.get(`/api/complete?query=${encodeURIComponent(query)}${more}`)
    return json.suggestions.map(({ text }: Values) => text)
  }
  t.strictSame(await texts('sum:web.'), ['web.time', 'web.views'])
  t.strictSame(await texts('p95:'), ['web.time'], 'percentiles are for distributions')
  t.strictSame(await texts('sum:web.views{pa'), ['page:'])
  t.strictSame(await texts('sum:web.views{page:h'), ['page:help', 'page:home'])
  t.strictSame(await texts('sum:web.views{page:home AND reg'), ['region:'])
  t.strictSame(await texts('sum:web.views{page IN (hel'), ['help'])
  t.strictSame(await texts('sum:web.views{$', '&variables=env,page'), ['$env', '$page'])
  t.strictSame(await texts('sum:web.views{*} by {page, r'), ['region'])
  t.strictSame(await texts('sum:web.views{*}.as_'), ['as_count()', 'as_rate()'])
  t.strictSame(await texts('sum:web.views{*} '), ['by {'])
  t.strictSame(await texts('que', '&names=query1'), ['query1'])
  t.ok((await texts('ew')).includes('ewma_5('))
  t.strictSame(await texts('web.v'), ['sum:web.views{*}'], 'a name alone becomes a query')
  const { json } = await client.get(
    `/api/complete?query=${encodeURIComponent('sum:web.views{pa} by {page}')}&cursor=16`,
  )
  t.match(json, { from: 14, to: 16, suggestions: [{ text: 'page:', kind: 'key', detail: '2 values' }] })
  t.match((await client.get(`/api/parse?query=${encodeURIComponent('web.views{!page:home}')}`)).json, {
    text: 'avg:web.views{NOT page:home}',
    expression: { kind: 'metric', filter: { kind: 'not', operand: { key: 'page' } } },
  })
})

test('queries take variables, formulas, functions and limits, and say what is wrong', async (t) => {
  const client = await openViewer(t)
  const second = lastMinute()
  const views = (page: string, asInt: number, at = second) => ({
    second: at,
    asInt,
    attributes: { page, n: page.length },
  })
  await client.send([
    sum('views', [
      views('home', 6),
      views('home', 4, second - 120),
      views('friends', 2),
      views('friends', 8, second - 60),
    ]),
    gauge('rows', [
      { second: second - 120, asInt: 100 },
      { second, asInt: 300 },
    ]),
  ])
  const window = { from: (second - 180) * 1000, to: (second + 60) * 1000, interval: 60 }
  const values = async (q: string, more = {}) =>
    (await client.lines(q, { ...window, ...more })).map((line) => line.values)
  const chosen = (...pages: string[]) => ({ variables: { page: { prefix: 'page', values: pages } } })

  t.strictSame(await values('sum:views{$page}', chosen('home')), [[null, 4, null, 6]])
  t.strictSame(await values('sum:views{$page}', chosen('home', 'friends')), [[null, 4, 8, 8]])
  t.strictSame(await values('sum:views{$page}', chosen('*')), [[null, 4, 8, 8]])
  t.strictSame(await values('sum:views{page:$page.value}', chosen('h*')), [[null, 4, null, 6]])
  t.strictSame(
    await values('sum:views{*} by {$page}', chosen()),
    [
      [null, null, 8, 2],
      [null, 4, null, 6],
    ],
    'groups are in the order of their names',
  )
  t.strictSame(await values('default_zero(sum:views{page:home})'), [[0, 4, 0, 6]])
  t.strictSame(await values('default_zero(sum:nothing{*})'), [[0, 0, 0, 0]])
  t.strictSame(
    await values('default_zero(sum:views{*} / 0)'),
    [[0, 0, 0, 0]],
    'what is divided by 0 is nothing',
  )
  t.strictSame(await values('cumsum(sum:views{*})'), [[null, 4, 12, 20]])
  t.strictSame(await values('sum:views{page:home}.fill(last)'), [[null, 4, 4, 6]])
  t.strictSame(await values('avg:rows{*}'), [[null, 100, null, 300]], 'of one series nothing is made up')
  t.strictSame(await values('avg:rows{*}.fill(linear)'), [[null, 100, 200, 300]])
  t.strictSame(await values('diff(avg:rows{*})'), [[null, null, null, 200]])
  t.strictSame(await values('per_minute(avg:rows{*})'), [[null, null, null, 100]])
  t.strictSame(await values('sum:views{*} / 0'), [[null, null, null, null]])
  t.strictSame(await values('-(sum:views{*} - 1) * 2'), [[null, -6, -14, -14]])
  t.strictSame(await values('sum:views{*} by {page} / sum:views{*}'), [
    [null, null, 1, 0.25],
    [null, 1, null, 0.75],
  ])
  t.strictSame(await values("top(sum:views{*} by {page}, 1, 'last', 'asc')"), [[null, null, 8, 2]])
  t.strictSame(await values('top5_max(sum:views{*} by {page})'), [
    [null, null, 8, 2],
    [null, 4, null, 6],
  ])
  t.strictSame(await values('clamp_max(sum:views{*}, 5)'), [[null, 4, 5, 5]])
  t.strictSame(await values('cutoff_max(sum:views{*}, 5)'), [[null, 4, null, null]])
  t.strictSame(await values('count_not_null(sum:views{*} by {page})'), [[0, 1, 1, 2]])
  t.strictSame(await values("moving_rollup(sum:views{*}, 120, 'sum')"), [[null, 4, 12, 16]])
  t.strictSame(await values('median_3(sum:views{*})'), [[null, 4, 6, 8]])
  t.strictSame(await values('exclude_null(sum:views{*} by {region})'), [])
  t.strictSame((await client.lines('sum:views{*} by {region}', window))[0]?.tags, { region: 'N/A' })

  const { json } = await client.query({
    ...window,
    display_type: 'line',
    queries: [
      { data_source: 'metrics', name: 'a', query: 'sum:views{*} by {page}.as_rate()' },
      { data_source: 'metrics', name: 'b', query: 'avg:rows{*}' },
    ],
    formulas: [
      { formula: 'a' },
      { formula: 'b', alias: 'rows' },
      { formula: 'a', limit: { count: 1, order: 'asc' } },
    ],
  })
  t.match(
    json.series.map(({ formula, label, unit }: Values) => [formula, label, unit]),
    [
      [0, 'sum:views{*} by {page}.as_rate()', { name: '{view}', per: 'second' }],
      [0, /views/, {}],
      [1, 'rows', { name: '{row}', per: null }],
      [2, /views/, {}],
    ],
  )
  t.strictSame(
    json.times,
    [0, 1, 2, 3].map((minute) => (second - 180 + minute * 60) * 1000),
  )
  t.match((await client.query({ q: 'sum:views{*} by {page}', ...window, maxSeries: 1 })).json, {
    truncated: 1,
    series: { length: 1 },
  })
  t.match((await client.query({ q: 'sum:later{*}', ...window })).json, {
    series: [],
    notes: ['no metric named later has arrived yet'],
  })
  const get = await client.get(
    `/api/query?q=${encodeURIComponent('sum:views{$page}')}&$page=page:home&format=scalar&from=${window.from}&to=${window.to}`,
  )
  t.match(get.json.values, [{ value: 10, unit: { name: '{view}' } }])

  const wrong: [object, object][] = [
    [
      { q: 'p95:views{*}' },
      {
        message: 'p95 needs a distribution; views is a count: use sum, avg, min or max',
        query: 'query1',
        from: 0,
        to: 3,
        column: 1,
        pointer: 'p95:views{*}\n^^^',
      },
    ],
    [{ q: 'count:rows{*}' }, { message: /rows is a gauge: use sum/ }],
    [
      { queries: [{ name: 'a', query: 'avg:rows{*}' }], formulas: [{ formula: 'a + b' }] },
      { message: 'there is no query named b: this request has a', query: 'formula 0', column: 5 },
    ],
    [{ queries: [{ name: 'a', query: 'avg:rows{' }] }, { query: 'a', text: 'avg:rows{' }],
    [{ q: 'sum:views{*} by {page} + avg:rows{*} by {region}' }, { message: /cannot be joined/ }],
    [
      {
        response_format: 'scalar',
        queries: [{ name: 'a', query: 'avg:rows{*}' }],
        formulas: [{ formula: 'cumsum(a)' }],
      },
      { message: /cumsum works on values over time/ },
    ],
    [{ queries: [{ name: 'a', data_source: 'logs' }] }, { message: /a lacks its aggregation/ }],
    [{ queries: [{ name: 'a' }] }, { message: /a has no query/ }],
    [{ q: 'avg:rows{*}', from: 5, to: 3 }, { message: /must be before/ }],
    [{}, { message: /no query/ }],
  ]
  for (const [body, error] of wrong)
    t.match(
      await client.query({ seconds: 60, ...body }),
      { status: 400, json: { error } },
      JSON.stringify(body),
    )
})

test('the length of buckets follows the window, as Datadog has it', async (t) => {
  const client = await openViewer(t)
  const interval = async (seconds: number, more: object = {}) =>
    (await client.query({ q: 'avg:rows{*}', seconds, ...more })).json.interval
  t.strictSame(
    await Promise.all(
      [300, 900, 1800, 3600, 4 * 3600, 86_400, 2 * 86_400, 7 * 86_400].map((seconds) => interval(seconds)),
    ),
    [1, 5, 10, 20, 60, 300, 600, 3600],
  )
  t.equal(await interval(3600, { q: 'avg:rows{*}.rollup(max, 300)' }), 300)
  t.equal(await interval(86_400, { q: 'avg:rows{*}.rollup(1)' }), 58, 'at most 1500 buckets')
  const second = lastMinute()
  await client.send([
    gauge(
      'rows',
      [0, 30, 60].map((ago) => ({ second: second - ago, asInt: '1' })),
    ),
  ])
  t.equal(await interval(300), 30, 'not finer than its points come')
  t.equal((await client.get('/api/metrics?name=rows')).json.metrics[0].interval, 30)
})

/** `fetch` does not let anyone choose these header fields. */
function statusWith(url: string, headers: Record<string, string>, method = 'GET'): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  request(url, { headers, method }, (response) => {
    response.resume()
    resolve(response.statusCode ?? 0)
  })
    .on('error', reject)
    .end()
  return promise
}

test('other sites, foreign names and paths that lead elsewhere are refused', async (t) => {
  const client = await openViewer(t)
  const { port } = new URL(client.url)
  const status = (path: string, headers: Record<string, string>, method?: string) =>
    statusWith(client.url + path, headers, method)
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `app.localhost:${port}`, `[::1]:${port}`])
    t.equal(await status('/api/status', { host }), 200, host)
  for (const host of [`evil.example:${port}`, 'localhost.evil.example', '127.0.0.1.nip.io'])
    t.equal(await status('/api/status', { host }), 403, host)
  t.equal(await status('/', { host: 'evil.example' }), 403)
  t.equal(await status('/v1/metrics', { host: 'evil.example' }, 'POST'), 403)
  t.equal(await status('/api/status', { origin: client.url }), 200)
  for (const origin of ['http://evil.example', 'null', `http://localhost:${port}`])
    t.equal(await status('/api/status', { origin }), 403, origin)
  t.equal(
    await status(
      '/v1/metrics',
      { origin: 'http://evil.example', 'content-type': 'application/json' },
      'POST',
    ),
    403,
  )
  t.equal(await status('/api/status', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }), 403)
  t.equal(
    await status('/', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }),
    200,
    'a link leads here',
  )
  t.equal(await status('/', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }), 403)
  t.equal(await status('/api/query', { 'access-control-request-method': 'POST' }, 'OPTIONS'), 405)
  t.match(await client.post('/api/query', { q: 'avg:x{*}' }, { 'content-type': 'text/plain' }), {
    status: 415,
  })
  t.equal(await status('/api/status', {}, 'DELETE'), 405)
  t.equal(await status('/nothing', {}), 404)
  for (const path of [
    '/../viewer.ts',
    '/%2e%2e/viewer.ts',
    '/..%2fviewer.ts',
    '/.git',
    '/%00',
    '/status.ts',
    '/dashboards/..%2f..%2fpackage.json',
    '/dashboards/../../package.json',
  ])
    t.equal(await status(path, {}), 404, path)
  t.equal(await status('/api/nothing', {}), 404)
  t.match(await client.post('/api/query', { q: 'avg:x{*}', padding: 'x'.repeat(300_000) }), { status: 413 })
})

test('pages and dashboards are files that a browser may run nothing else beside', async (t) => {
  const folder = temporaryFolder(t)
  mkdirSync(join(folder, 'vendor'))
  writeFileSync(join(folder, 'index.html'), '<p>hello')
  writeFileSync(join(folder, 'explorer.html'), '<p>explore')
  writeFileSync(join(folder, 'vendor', 'chart.min.js'), 'export {}')
  writeFileSync(join(folder, '.secret.json'), '{}')
  const dashboards = temporaryFolder(t)
  writeFileSync(
    join(dashboards, 'b.json'),
    JSON.stringify({ title: HOSTILE, description: 'views', widgets: [] }),
  )
  writeFileSync(join(dashboards, 'a.json'), '{')
  const client = await openViewer(t, { pagesDirectory: folder, dashboardsDirectory: dashboards })
  const index = await client.get('/')
  t.equal(index.json, '<p>hello')
  t.match(Object.fromEntries(index.headers), {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': /^default-src 'self';.*frame-ancestors 'none'/,
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-cache',
  })
  t.equal((await client.get('/', { 'if-none-match': index.headers.get('etag') as string })).status, 304)
  t.equal((await client.get('/explorer')).json, '<p>explore')
  t.equal(
    (await client.get('/vendor/chart.min.js')).headers.get('content-type'),
    'text/javascript; charset=utf-8',
  )
  t.equal((await client.get('/.secret.json')).status, 404)
  t.match((await client.get('/dashboards.json')).json, {
    dashboards: [
      { name: 'a', title: 'a', problem: /not JSON/ },
      { name: 'b', title: HOSTILE, description: 'views', problem: null },
    ],
  })
  t.match((await client.get('/dashboards/b.json')).json, { title: HOSTILE })
  const without = await openViewer(t, { dashboardsDirectory: join(folder, 'nowhere') })
  t.strictSame((await without.get('/dashboards.json')).json, { dashboards: [] })
  t.match((await without.get('/')).json, /<title>Dashboards · Rollcall</)
  const library = await without.get('/vendor/uplot.js')
  t.equal(library.headers.get('content-type'), 'text/javascript; charset=utf-8')
  t.match(library.json, /export \{ uPlot as default \}/)
  t.equal((await without.get('/vendor/uplot.css')).headers.get('content-type'), 'text/css; charset=utf-8')
})

test('senders that leave in the middle take nobody else the place', async (t) => {
  const client = await openViewer(t)
  const { port } = new URL(client.url)
  const head =
    'POST /v1/metrics HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{'
  const sockets = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const socket = connect(Number(port), '127.0.0.1')
      await once(socket, 'connect')
      socket.on('error', () => {})
      socket.write(head)
      return socket
    }),
  )
  const waiting = client.send([gauge('rows', [{ second: lastMinute(), asInt: '1' }])])
  // Those that wait leave first, and long before it is their turn.
  for (const socket of sockets.slice(8)) socket.resetAndDestroy()
  await delay(100)
  for (const socket of sockets.slice(0, 8)) socket.resetAndDestroy()
  t.equal((await waiting).status, 200)
  t.equal((await client.send([gauge('rows', [{ second: lastMinute(), asInt: '1' }])])).status, 200)
})
