import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { COLLECTOR_NAMES } from './collector-names.ts'
import { KnownNames } from './mentions.ts'

const ROOT = join(import.meta.dirname, '..', '..')

/** Names that look like ours and are something else, with what they are. */
const SOMETHING_ELSE: Record<string, string> = {
  'rollcall.telemetry.set_aside': 'an old name, in the table of new ones',
}

function filesOf(...patterns: string[]): [file: string, text: string][] {
  return globSync(patterns, { cwd: ROOT })
    .sort()
    .map((file) => [file, readFileSync(join(ROOT, file), 'utf8')])
}

test('documents, configurations and dashboards mention only metrics and tags that there are', async (t) => {
  const configurations = filesOf('otel-collector.yaml', 'collector/**/*.yaml')
  const configured = Object.entries(COLLECTOR_NAMES)
    .filter(([component]) =>
      configurations.some(([, text]) => new RegExp(`^  ${component}:`, 'm').test(text)),
    )
    .map(([, names]) => names)
  const known = new KnownNames(configured, SOMETHING_ELSE)
  const documents = filesOf('README.md', 'CHANGELOG.md', 'docs/**/*.md')
  const dashboards = filesOf('datadog/**/*.json')
  const texts = filesOf('checks.json', 'telemetry-budget.json')
  t.ok(configurations.length > 0 && documents.length > 10 && texts.length === 2)

  const defects = [
    ...documents.map(([file, text]) => [file, known.inMarkdown(text)] as const),
    ...configurations.map(([file, text]) => [file, known.inConfiguration(text)] as const),
    ...dashboards.map(([file, text]) => [file, known.inDatadog(text)] as const),
    // Names stand in quotes there; outside of them is code.
    ...texts.map(
      ([file, text]) =>
        [
          file,
          known.namesIn(
            (text.match(/'[^'\n]*'|"[^"\n]*"/g) ?? []).map((quoted) => quoted.slice(1, -1)).join('\n'),
          ),
        ] as const,
    ),
  ]
  t.strictSame(
    defects.flatMap(([file, found]) => found.map((defect) => `${file}: ${defect}`)),
    [],
  )
  t.strictSame(known.stale, [], 'what is something else is still mentioned')
})

test('a name that does not exist is found wherever it stands', async (t) => {
  const known = new KnownNames([COLLECTOR_NAMES.span_metrics as never], {
    'process.env': 'of Node',
    'web.site': 'gone',
  })

  t.strictSame(
    known.inMarkdown(
      [
        'Draw `web.page_views` by `page`, `web.page_views_total`. Not `web.page_view`; nor `web.page_views` by `table` and `host`. And `support`.',
        '`otel.sdk.exporter.*.exported`, `rollcall.telemetry.*.lost`, `src/telemetry/http.ts`, `rollcall.db`, `process.env`',
        '```sh\ncurl "?query=p95:database.query.times{*}" http.server.request.duration\n```',
        'Outside of code a web.page or http.anything is prose; `service.name=rollcall` is `http.route`.',
      ].join('\n'),
    ),
    [
      'web.page_view is no metric and no attribute that there is',
      'rollcall.telemetry.*.lost is no metric and no attribute that there is',
      'web.page_views has no tag table',
    ],
  )
  t.strictSame(known.stale, ['web.site'])

  t.strictSame(
    known.inConfiguration(
      [
        'processors:',
        '  transform: # `service.instance.ids` must be a tag',
        '    - set(datapoint.attributes["support"], resource.attributes["supports"])',
        '    - delete_key(datapoint.attributes, "pages") where metric.name == "web.page_vews"',
        'connectors:',
        '  span_metrics:',
        '    exclude_dimensions: [collector.instance.id, span.names]',
        '    dimensions:',
        '      - name: http.route',
        '      - name: route',
        '    other:',
        '      - name: anything',
        '',
      ].join('\n'),
    ),
    [
      'service.instance.ids is no metric and no attribute that there is',
      'web.page_vews is no metric and no attribute that there is',
      'span.names is no metric and no attribute that there is',
      'supports is no attribute that there is',
      'pages is no attribute that there is',
      'route is no attribute that there is',
      'span.names is no attribute that there is',
    ],
  )
})

test('a dashboard is held to its metrics, their kinds, their tags and the values of these', async (t) => {
  const known = new KnownNames([COLLECTOR_NAMES.span_metrics as never, COLLECTOR_NAMES.host_metrics as never])
  const dashboard = (prefix: string, ...queries: string[]) =>
    JSON.stringify({
      title: 'Pages',
      layout_type: 'ordered',
      template_variables: [
        { name: 'env', prefix, defaults: ['*'] },
        { name: 'page', prefix: 'page', defaults: ['*'] },
      ],
      widgets: queries.map((query) => ({
        definition: {
          type: 'timeseries',
          requests: [
            { queries: [{ data_source: 'metrics', name: 'a', query }], formulas: [{ formula: 'a' }] },
          ],
        },
      })),
    })

  t.strictSame(
    known.inDatadog(
      dashboard(
        'env',
        'sum:web.page_views{page:home,$env,support:rollcall} by {page,host}.as_count()',
        'histogram:database.query.time{$page}',
        'p95:database.query.time{page IN (community, friends) AND NOT env:test} by {page}',
        'percentile(last_5m):p99.9:http.server.request.duration{http.request.method:get,!http.response.status_code:404} by {http.route} > 0.5',
        'default_zero(count:http.server.request.duration{http.response.status_code:5*}) / count:http.server.request.duration{*}',
        'avg:db.client.operation.duration{error.type:(sqlite_busy OR _other), page:$page.value}',
        'avg:system.cpu.utilization{state:idle} by {cpu}',
        'sum:traces.span.metrics.calls{span.kind:span_kind_server} by {http.route}.as_rate()',
      ),
    ),
    [],
  )
  t.strictSame(
    known.inDatadog(
      dashboard(
        'environment',
        'sum:web.page_view{*}',
        'sum:page.views{*}',
        'p95:web.page_views{*}',
        'count:rollcall.table.rows{table:users}',
        'avg:database.query.time{route:/} by {http.route}',
        'sum:web.page_views{page:hom}.as_count() + sum:web.page_views{page IN (home,about)}',
        'avg:http.server.request.duration{http.request.method:(get OR fetch)} by {pages}',
        'sum:web.page_views_total{$env,$page}',
        'histogram:rollcall.table.rows{*}',
      ),
    ),
    [
      'environment is no tag that there is',
      'web.page_view is no metric that there is',
      'page.views is no metric that there is',
      'p95 is for distributions, and web.page_views is a counter',
      'count is for distributions, and rollcall.table.rows is a gauge',
      'database.query.time has no tag route',
      'database.query.time has no tag http.route',
      'page of web.page_views is never hom',
      'page of web.page_views is never about',
      'http.request.method of http.server.request.duration is never fetch',
      'http.server.request.duration has no tag pages',
      'web.page_views_total has no tag environment',
      'web.page_views_total has no tag page',
      'histogram is for distributions, and rollcall.table.rows is a gauge',
    ],
  )
})
