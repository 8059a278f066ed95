import { getJson } from './api.js'
import { onScheme } from './colors.js'
import { debounced, h, option } from './dom.js'
import { counted } from './format.js'
import { live, onNews } from './live.js'
import { QueryEditor } from './query-editor.js'
import { firstMinute, startShell } from './shell.js'
import { timeSpan, updateAddress } from './time-span.js'
import { makeWidget } from './widgets.js'

const KINDS = [
  ['line', 'Lines'],
  ['area', 'Areas'],
  ['bars', 'Bars'],
  ['toplist', 'Top list'],
  ['query_value', 'Value'],
  ['heatmap', 'Heat map'],
  ['distribution', 'Distribution'],
]
const AGGREGATIONS = ['avg', 'sum', 'min', 'max']
const OF_DISTRIBUTIONS = ['count', 'p50', 'p75', 'p90', 'p95', 'p99', 'histogram']
const FIRST_AGGREGATION = { count: 'sum', gauge: 'avg', distribution: 'p95' }
const METHODS = ['avg', 'sum', 'min', 'max', 'count']

const main = document.querySelector('#main')
startShell({
  page: 'explorer',
  keys: [
    ['/', 'to the query'],
    ['Ctrl+Space', 'suggestions'],
    ['Enter', 'takes a suggestion, or draws'],
    ['1 to 7', 'kind of chart'],
  ],
})

const given = new URLSearchParams(location.search)
const state = {
  q: given.get('q') ?? '',
  kind: KINDS.some(([kind]) => kind === given.get('kind')) ? given.get('kind') : 'line',
  isLogarithmic: given.get('scale') === 'log',
}
let metrics = []

// The query as text
const editor = new QueryEditor({
  label: 'Query',
  placeholder: 'p95:database.query.time{*} by {page}',
  isMultiline: true,
  isSearch: true,
  onChange: (q) => choose({ q }),
})
const problem = h('p', { class: 'problem', role: 'alert', hidden: true })

// The same as a form
const form = {
  metric: new QueryEditor({
    label: 'Metric',
    placeholder: 'name of a metric',
    around: () => [`${form.aggregation.value || 'avg'}:`, ''],
    onChange: (name) => fromForm(name),
  }),
  aggregation: h('select', { 'aria-label': 'Aggregation', onchange: () => fromForm() }),
  filter: new QueryEditor({
    label: 'Filter',
    placeholder: '* (everything)',
    around: () => [`avg:${form.metric.value}{`, '}'],
    onChange: () => fromForm(),
  }),
  by: new QueryEditor({
    label: 'Group by',
    placeholder: 'nothing (one line)',
    around: () => [`avg:${form.metric.value}{*} by {`, '}'],
    onChange: () => fromForm(),
  }),
  as: h(
    'select',
    { 'aria-label': 'Counted as', onchange: () => fromForm() },
    option('', 'as it is'),
    option('count', 'as_count()'),
    option('rate', 'as_rate()'),
  ),
  method: h(
    'select',
    { 'aria-label': 'Rollup', onchange: () => fromForm() },
    option('', 'automatic'),
    METHODS.map((method) => option(method)),
  ),
  seconds: h('input', {
    type: 'number',
    min: '1',
    max: '86400',
    placeholder: 's',
    'aria-label': 'Rollup in seconds',
    oninput: debounced(() => fromForm()),
  }),
}
const field = (label, ...parts) =>
  h(
    'div',
    { class: 'field' },
    h('span', { 'aria-hidden': 'true' }, label),
    h('div', { class: 'parts' }, parts),
  )
const parts = h(
  'div',
  { class: 'query-form', role: 'group', 'aria-label': 'Parts of the query' },
  field('Metric', form.metric.element),
  field('Aggregation', form.aggregation),
  field('Filter', form.filter.element),
  field('Group by', form.by.element),
  field('Counted', form.as),
  field('Rollup', form.method, form.seconds),
)
const notAForm = h(
  'p',
  { class: 'muted small', hidden: true },
  'This query has parts that the form cannot show; it is drawn as it is written.',
)

// The chart
const kinds = h(
  'div',
  { class: 'segments', role: 'group', 'aria-label': 'Kind of chart' },
  KINDS.map(([kind, text]) =>
    h('button', { type: 'button', data: { kind }, onclick: () => choose({ kind }) }, text),
  ),
)
const scale = h(
  'button',
  { type: 'button', class: 'button', onclick: () => choose({ isLogarithmic: !state.isLogarithmic }) },
  'Log scale',
)
const copy = h(
  'button',
  {
    type: 'button',
    class: 'button',
    title: 'For a widget of a dashboard in Datadog',
    onclick: async () => {
      await navigator.clipboard?.writeText(JSON.stringify(definitionOf(), null, 2)).catch(() => {})
      copy.textContent = 'Copied'
      setTimeout(() => {
        copy.textContent = 'Copy as widget'
      }, 1500)
    },
  },
  'Copy as widget',
)
const chart = h('div', { class: 'explorer-chart' })

// All metrics
const search = h('input', {
  type: 'search',
  placeholder: 'Find a metric',
  'aria-label': 'Find a metric',
  oninput: () => listMetrics(),
})
const list = h('ul', { class: 'metrics' })
const count = h('p', { class: 'muted small', role: 'status' })

const first = firstMinute()
first.hidden = true
main.classList.add('explorer')
main.append(
  h('h1', { class: 'hidden' }, 'Explorer'),
  h('aside', { class: 'metric-list', 'aria-label': 'Metrics' }, search, count, list),
  h(
    'div',
    { class: 'content' },
    first,
    h('div', { class: 'panel' }, editor.element, problem, parts, notAForm),
    h('div', { class: 'panel-head' }, kinds, h('span', { class: 'right' }, scale, copy)),
    chart,
  ),
)

let widget
let isFormAhead = false

function choose(change) {
  Object.assign(state, change)
  updateAddress({
    q: state.q,
    kind: state.kind === 'line' ? undefined : state.kind,
    scale: state.isLogarithmic ? 'log' : undefined,
  })
  for (const button of kinds.children)
    button.setAttribute('aria-pressed', String(button.dataset.kind === state.kind))
  scale.setAttribute('aria-pressed', String(state.isLogarithmic))
  scale.hidden = !['line', 'area', 'bars'].includes(state.kind)
  editor.value = state.q
  void check()
}

function definitionOf() {
  const format = { timeseries: 'timeseries', toplist: 'scalar', query_value: 'scalar' }
  const isOverTime = ['line', 'area', 'bars'].includes(state.kind)
  const type = isOverTime ? 'timeseries' : state.kind
  const isHistogram = type === 'heatmap' || type === 'distribution'
  const metricsQuery = { data_source: 'metrics', name: 'query1', query: state.q }
  // Datadog needs histogram: there. A query with another aggregation means the same metric.
  const asHistogram = state.q.replace(/^\s*(avg|sum|min|max|count|p\d\d):/, (all, aggregation) =>
    isDistribution(state.q) && aggregation !== 'histogram' ? 'histogram:' : all,
  )
  return {
    type,
    title: state.q,
    ...(isOverTime && {
      show_legend: true,
      legend_layout: 'vertical',
      legend_columns: ['min', 'avg', 'max', 'value'],
    }),
    requests: [
      isHistogram
        ? { request_type: 'histogram', query: { ...metricsQuery, query: asHistogram } }
        : {
            response_format: format[type],
            queries: [metricsQuery],
            formulas: [{ formula: 'query1' }],
            ...(isOverTime && { display_type: state.kind }),
          },
    ],
    ...(isOverTime && state.isLogarithmic && { yaxis: { scale: 'log' } }),
  }
}

function isDistribution(q) {
  const name = /^\s*\w+:([\w.]+)/.exec(q)?.[1]
  return metrics.find((metric) => metric.name === name)?.kind === 'distribution'
}

let checks = 0

/** Shows an error, fills the form and draws. */
async function check() {
  checks += 1
  const mine = checks
  if (state.q.trim() === '') {
    say(undefined)
    chart.replaceChildren(
      h(
        'p',
        { class: 'empty' },
        metrics.length > 0
          ? 'Choose a metric from the list, or write a query.'
          : 'The metrics that arrive are listed here.',
      ),
    )
    widget = undefined
    return
  }
  try {
    const { expression } = await getJson('/api/parse', { query: state.q })
    if (mine !== checks) return
    say(undefined)
    fillForm(expression)
  } catch (error) {
    if (mine !== checks) return
    say(error)
    return
  }
  widget = makeWidget(definitionOf(), { onZoom: (from, to) => timeSpan.fix(from, to) })
  chart.replaceChildren(widget.element)
  await refresh()
}

function say(error) {
  problem.hidden = error === undefined
  problem.textContent = error?.message ?? ''
  editor.mark(error?.place)
}

async function refresh() {
  await widget?.refresh({ ...timeSpan.range(), variables: {} })
}

function fillForm(expression) {
  const isSimple = expression.kind === 'metric' && expression.fill === undefined
  parts.classList.toggle('off', !isSimple)
  notAForm.hidden = isSimple
  if (!isSimple) return
  offer(expression.metric, expression.aggregation)
  if (isFormAhead) return
  form.metric.value = expression.metric
  form.filter.value = /\{(.*?)\}/.exec(state.q)?.[1].trim().replace(/^\*$/, '') ?? ''
  form.by.value = (expression.by ?? []).join(', ')
  form.as.value = expression.as ?? ''
  form.method.value = expression.rollup?.method ?? ''
  form.seconds.value = expression.rollup?.seconds ?? ''
}

/** The aggregations that a metric has. */
function offer(name, chosen) {
  const { kind } = metrics.find((metric) => metric.name === name) ?? {}
  const offered = kind === 'distribution' ? [...OF_DISTRIBUTIONS, ...AGGREGATIONS] : AGGREGATIONS
  const all = offered.includes(chosen) ? offered : [chosen, ...offered]
  form.aggregation.replaceChildren(...all.map((aggregation) => option(aggregation)))
  form.aggregation.value = chosen
}

function fromForm(newName) {
  const name = form.metric.value.trim()
  if (name === '') return
  if (newName !== undefined) {
    const known = metrics.find((metric) => metric.name === name)
    if (known) offer(name, keptAggregation(known))
  }
  const by = form.by.value.trim().replace(/,$/, '')
  const seconds = Number(form.seconds.value)
  const rollup = [form.method.value, seconds > 0 ? seconds : ''].filter((part) => part !== '').join(', ')
  isFormAhead = true
  choose({
    q: [
      `${form.aggregation.value || 'avg'}:${name}{${form.filter.value.trim() || '*'}}`,
      by && ` by {${by}}`,
      form.as.value && `.as_${form.as.value}()`,
      rollup && `.rollup(${rollup})`,
    ]
      .filter(Boolean)
      .join(''),
  })
  setTimeout(() => {
    isFormAhead = false
  }, 500)
}

function keptAggregation({ kind }) {
  const { value } = form.aggregation
  const isOfDistributions = OF_DISTRIBUTIONS.includes(value)
  return value === '' || isOfDistributions !== (kind === 'distribution') ? FIRST_AGGREGATION[kind] : value
}

function listMetrics() {
  const wanted = search.value.trim().toLowerCase()
  const found = metrics.filter(({ name }) => name.toLowerCase().includes(wanted))
  count.textContent =
    wanted === ''
      ? counted(metrics.length, 'metric')
      : `${found.length} of ${counted(metrics.length, 'metric')}`
  list.replaceChildren(
    ...found.slice(0, 500).map(({ name, kind, unit, description, series }) =>
      h(
        'li',
        {},
        h(
          'button',
          {
            type: 'button',
            title: description || name,
            onclick: () =>
              choose({ q: `${FIRST_AGGREGATION[kind]}:${name}{*}${kind === 'count' ? '.as_rate()' : ''}` }),
          },
          h('span', { class: 'name' }, name),
          h(
            'span',
            { class: 'muted' },
            [kind, unit, counted(series, 'series', 'series')].filter(Boolean).join(' · '),
          ),
        ),
      ),
    ),
  )
}

async function loadMetrics() {
  const before = metrics.length
  metrics = (await getJson('/api/metrics').catch(() => ({ metrics }))).metrics
  first.hidden = metrics.length > 0 || live.version > 0
  if (metrics.length !== before) listMetrics()
}

addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches?.('input, textarea, select'))
    return
  const kind = KINDS[Number(event.key) - 1]
  if (kind) choose({ kind: kind[0] })
})
timeSpan.addEventListener('change', refresh)
onScheme(refresh)
onNews(
  ['metrics'],
  async () => {
    await loadMetrics()
    if (!timeSpan.isFixed) await refresh()
  },
  { atLeastEveryMs: 10_000 },
)
await loadMetrics()
listMetrics()
choose({})
