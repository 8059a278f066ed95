import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { defectsOf } from '../../packages/viewer/src/dashboards/check.ts'
import { PAGES } from '../../src/telemetry/pages.ts'
import { openViewer } from './viewer-client.ts'

const FOLDER = join(import.meta.dirname, '..', '..', 'datadog', 'dashboards')

interface Dashboard {
  title: string
  widgets: { layout: { x: number; y: number; width: number; height: number } }[]
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
    names.map((name) => [name, read(name).title, null, []]),
  )
  for (const { title, description } of dashboards) {
    t.match(title, /^Rollcall: \w/)
    t.match(description, /^[A-Z].*[.?]$/)
  }
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

test('the dashboard of page views shows every page, also one that is new', async (t) => {
  const text = readFileSync(join(FOLDER, '10-page-views.json'), 'utf8')
  const queries = [...text.matchAll(/"query": "(\w+:web\.page_views\{([^}]*)\}[^"]*by \{page\}[^"]*)"/g)]
  t.ok(queries.length >= 3)
  for (const [, query, filter] of queries) t.equal(filter, '$env,$service,$page', `${query} names no page`)
  const limits = [...text.matchAll(/"limit": \{\s*"count": (\d+)/g)].map(([, count]) => Number(count))
  t.ok(limits.length > 0 && limits.every((limit) => limit >= 2 * PAGES.length), `room for more: ${limits}`)
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
            { ...lines, queries: [{ ...query, data_source: 'rum' }] },
            { ...lines, queries: [{ name: 'pages', data_source: 'logs', compute: { aggregation: 'p95' } }] },
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
    `${chartIs} requests.4.queries.0.data_source is none of metrics, spans, logs.`,
    `${chartIs} yaxis.scale is none of linear, log.`,
    `${chartIs} markers.0.value is not written in a way that is drawn here.`,
    `${chartIs} markers.0.display_type is not written in a way that is drawn here.`,
    `${chartIs} requests.5.queries.0.compute.aggregation is none of count, cardinality, median, pc75, pc90, pc95, pc98, pc99, sum, min, max, avg.`,
    `${chartIs} in "sum:web.page_views{$team} by {page}", unknown variable $team: give it in "variables".`,
    `${chartIs} in "page + 1", there is no query named page: this request has pages.`,
    `${chartIs} in "p97:x{*}", unknown aggregation "p97": use sum, avg, min, max, count, p50, p75, p90, p95, p99 or histogram.`,
    `${chartIs} queries.0.compute.aggregation must be equal to one of the allowed values; see docs/viewer.md.`,
    'Widget 3 "Most viewed pages": requests must not have fewer than 1 items.',
  ])
  t.strictSame(defectsOf(null), ['It is no object.'])
})
