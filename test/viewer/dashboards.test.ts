import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'tap'
import { defectsOf } from '../../src/viewer/dashboards/check.ts'
import { temporaryFolder } from '../harness.ts'
import { startService } from '../service.ts'
import { openViewer, type ViewerClient } from './viewer-client.ts'
import { startViewer } from './viewer-process.ts'

const FOLDER = join(import.meta.dirname, '..', '..', 'datadog', 'dashboards')

interface Query {
  name: string
  query: string
}

interface WidgetRequest {
  query?: Query
  queries?: Query[]
  formulas?: { formula: string }[]
}

interface Widget {
  definition: { type: string; title: string; requests?: WidgetRequest[] }
  layout: { x: number; y: number; width: number; height: number }
}

interface Dashboard {
  title: string
  template_variables: { name: string; prefix: string; defaults: string[] }[]
  widgets: Widget[]
}

const names = readdirSync(FOLDER)
  .sort()
  .map((file) => file.replace(/\.json$/, ''))

function read(name: string): Dashboard {
  return JSON.parse(readFileSync(join(FOLDER, `${name}.json`), 'utf8'))
}

test('the viewer lists the shipped dashboards in their order, and draws all that is in them', async (t) => {
  const client = await openViewer(t)
  const { dashboards } = (await client.get('/dashboards.json')).json
  t.strictSame(
    dashboards.map(({ name, title, problem, notes }: Record<string, unknown>) => [
      name,
      title,
      problem,
      notes,
    ]),
    [
      ['10-page-views', 'Rollcall: page views', null, []],
      ['20-latency-by-page', 'Rollcall: latency by page', null, []],
      ['30-table-size', 'Rollcall: query time against table size', null, []],
      ['40-correlated', 'Rollcall: views, query time and rows', null, []],
      ['50-random-check', 'Rollcall: the random check', null, []],
      ['60-host-and-runtime', 'Rollcall: host and runtime', null, []],
      ['70-telemetry-pipeline', "Rollcall: the telemetry's own books", null, []],
    ],
  )
  for (const { description } of dashboards) t.match(description, /^[A-Z].*[.?]$/)
})

test('widgets fill the grid of 12 columns and cover nothing', async (t) => {
  for (const name of names) {
    const taken = new Map<string, number>()
    for (const { layout } of read(name).widgets)
      for (let x = layout.x; x < layout.x + layout.width; x += 1)
        for (let y = layout.y; y < layout.y + layout.height; y += 1)
          taken.set(`${x} ${y}`, (taken.get(`${x} ${y}`) ?? 0) + 1)
    const height = Math.max(...read(name).widgets.map(({ layout }) => layout.y + layout.height))
    t.equal(taken.size, 12 * height, `${name} has no gaps`)
    t.notOk(
      [...taken].some(([, times]) => times > 1),
      `${name} has nothing under another widget`,
    )
  }
})

test('what is not drawn, and what cannot be asked, is said', async (t) => {
  const dashboard = JSON.parse(readFileSync(join(FOLDER, '10-page-views.json'), 'utf8'))
  const [note, chart, , , , , toplist] = dashboard.widgets
  const stored = { id: 'abc', url: '/dashboard/abc', author_handle: 'ada', is_read_only: false }
  t.strictSame(defectsOf({ ...dashboard, ...stored, widgets: [{ id: 1, ...note }] }), [])

  const [bars, lines] = chart.definition.requests
  const [query] = lines.queries
  const changed = {
    ...dashboard,
    reflow_type: 'auto',
    tabs: [],
    widgets: [
      { definition: { type: 'hostmap', title: 'Hosts' }, layout: note.layout },
      {
        definition: {
          ...chart.definition,
          events: [],
          yaxis: { scale: 'sqrt' },
          markers: [{ value: 'y=4', display_type: 'error' }],
          requests: [
            { ...bars, display_type: 'overlay' },
            { ...lines, queries: [{ ...query, query: 'sum:web.page_views{$team} by {page}' }] },
            { ...lines, formulas: [{ formula: 'page + 1' }] },
            { ...lines, queries: [{ ...query, query: 'p97:x{*}' }] },
            { ...lines, queries: [{ ...query, data_source: 'logs' }] },
          ],
        },
        layout: { ...chart.layout, x: 12 },
      },
      { ...toplist, definition: { ...toplist.definition, requests: [] } },
    ],
  }
  const chartIs = 'Widget 2 "Page views per second, by page and in total":'
  t.strictSame(defectsOf(changed), [
    'tabs is not drawn here.',
    'reflow_type is not "fixed".',
    'Widget 1 "Hosts": the type hostmap is not drawn here.',
    `${chartIs} layout.x must be <= 11.`,
    `${chartIs} events is not drawn here.`,
    `${chartIs} requests.0.display_type is none of line, area, bars.`,
    `${chartIs} requests.4.queries.0.data_source is not "metrics".`,
    `${chartIs} yaxis.scale is none of linear, log.`,
    `${chartIs} markers.0.value is not written in a way that is drawn here.`,
    `${chartIs} markers.0.display_type is not written in a way that is drawn here.`,
    `${chartIs} in "sum:web.page_views{$team} by {page}", unknown variable $team: give it in "variables".`,
    `${chartIs} in "page + 1", there is no query named page: this request has pages.`,
    `${chartIs} in "p97:x{*}", unknown aggregation "p97": use sum, avg, min, max, count, p50, p75, p90, p95, p99 or histogram.`,
    `${chartIs} pages asks for logs; only metrics are answered here.`,
    'Widget 3 "Most viewed pages": requests must not have fewer than 1 items.',
  ])
  t.strictSame(defectsOf(null), ['It is no object.'])
})

/** Which queries have no data in the test below, and what they wait for. */
const WAITING: [pattern: RegExp, need: string][] = [
  [/^\w+:(system|httpcheck|container)\./, 'the Collector with collector/host.yaml'],
  [/^\w+:traces\.span\.metrics\./, 'the Collector, which makes them of spans'],
  [/^count:http\.server\.request\.duration\{.*error\.type:\*/, 'a request that fails'],
]

test('every widget shows what a real service sent', async (t) => {
  const { client } = await startViewer(t)
  const service = await startVisitedService(t, client)
  service.kill('SIGTERM')
  t.strictSame(await service.exited, [0, null])

  const met = new Set<string>()
  for (const name of names) {
    const { widgets, template_variables: given } = read(name)
    const variables = Object.fromEntries(
      given.map(({ name, prefix, defaults }) => [name, { prefix, values: defaults }]),
    )
    for (const { definition } of widgets)
      for (const request of definition.requests ?? []) {
        const { query, queries = [], formulas = [] } = request
        const asked = [...queries, ...(query ? [query] : [])]
        const answered = await answeredFormulas(client, {
          ...request,
          variables,
          ...(queries.length > 0 && {
            formulas: [...queries.map(({ name }) => ({ formula: name })), ...formulas],
          }),
        })
        const needs = asked.map(({ query }) => WAITING.find(([pattern]) => pattern.test(query))?.[1])
        for (const need of needs) if (need !== undefined) met.add(need)
        for (const [index, { query }] of asked.entries())
          t.equal(answered.has(index), needs[index] === undefined, `${name}, ${definition.title}: ${query}`)
        for (const index of formulas.keys())
          t.ok(
            answered.has(queries.length + index) || needs.some((need) => need !== undefined),
            `${name}, ${definition.title}: formula ${index}`,
          )
      }
  }
  t.strictSame([...met].sort(), WAITING.map(([, need]) => need).sort(), 'nothing is waited for in vain')
})

/** The formulas of a request that have a value to draw; a distribution is one. */
async function answeredFormulas(client: ViewerClient, request: object): Promise<Set<number>> {
  const { status, json } = await client.query({ ...request, seconds: 300, interval: 10 })
  if (status !== 200) throw new Error(JSON.stringify(json))
  if (json.format === 'distribution') return new Set(json.totals.length > 0 ? [0] : [])
  const lines: { formula: number; value?: unknown; values?: unknown[] }[] = json.values ?? json.series
  return new Set(
    lines
      .filter(({ value, values = [value] }) => values.some((each) => typeof each === 'number'))
      .map(({ formula }) => formula),
  )
}

/** One that somebody has visited on every page, checks and slow requests included. */
async function startVisitedService(t: Parameters<typeof startService>[0], client: ViewerClient) {
  const checks = join(temporaryFolder(t), 'checks.json')
  const everySecond = { everySeconds: 1 }
  writeFileSync(
    checks,
    JSON.stringify({ 'test.support.random': everySecond, 'rollcall.table.rows': everySecond }),
  )
  const service = await startService(t, {
    env: {
      OTEL_METRICS_EXPORTER: 'otlp',
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_LOGS_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_ENDPOINT: client.url,
      OTEL_METRIC_EXPORT_INTERVAL: '250',
      OTEL_BSP_SCHEDULE_DELAY: '100',
      OTEL_BLRP_SCHEDULE_DELAY: '100',
      OTEL_TRACES_SAMPLER_ARG: '1',
      SLOW_REQUEST_MS: '1',
      CHECKS_FILE: checks,
    },
  })
  const ask = async (path: string, options: RequestInit = {}) => {
    const response = await fetch(service.url + path, options)
    return response.json() as Promise<Record<string, unknown>>
  }
  const post = (path: string, body: object) =>
    ask(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  const account = { email: 'ada@example.com', password: 'correct horse battery staple' }
  await post('/v1/users', { name: 'Ada', ...account })
  const { token } = await post('/v1/sessions', account)
  // Until the check has counted the new member.
  const timePerRow = {
    q: 'p95:database.query.time{page:community} / max:rollcall.table.rows{table:users}',
  }
  do {
    for (const path of ['/', '/v1/community', '/v1/community/full', '/v1/me/friends', '/v1/me'])
      await ask(path, { headers: { authorization: `Bearer ${token}` } })
    await delay(50)
  } while ((await answeredFormulas(client, timePerRow)).size === 0)
  return service
}
