import { getJson } from './api.js'
import { onScheme } from './colors.js'
import { h, option } from './dom.js'
import { live, onNews } from './live.js'
import { firstMinute, startShell } from './shell.js'
import { SPANS, timeSpan } from './time-span.js'
import { VariablePicker } from './variable-picker.js'
import { makeWidget } from './widgets.js'

const TABLET_COLUMNS = 6
/** Charts move on also without new data. */
const AT_LEAST_EVERY_MS = 10_000

const main = document.querySelector('#main')
startShell({
  page: 'dashboards',
  keys: [
    ['j and k', 'the next and the previous dashboard'],
    ['drag in a chart', 'that time alone'],
  ],
})

const given = new URLSearchParams(location.search)
const list = await getJson('/dashboards.json').catch((error) => ({ error, dashboards: [] }))
const { dashboards } = list
const shown = dashboards.find(({ name }) => name === given.get('dashboard')) ?? dashboards[0]
if (shown) await showDashboard()
else
  main.append(
    h(
      'p',
      { class: 'empty' },
      list.error?.message ??
        'There is no dashboard: give --dashboards a folder with files that end in .json.',
    ),
  )

async function showDashboard() {
  const header = h('div', { class: 'page-head' })
  const first = h('div', { hidden: true })
  const board = h('div', { class: 'board' })
  const content = h('div', { class: 'content' }, header, first, board)
  main.classList.add('with-side')
  main.append(sideList(), content)
  if (shown.problem !== null) {
    board.append(h('p', { class: 'empty error' }, `${shown.name}.json cannot be shown. ${shown.problem}`))
    return
  }
  const definition = await getJson(`/dashboards/${shown.name}.json`).catch((error) => ({ error }))
  if (definition.error) {
    board.append(h('p', { class: 'empty error' }, definition.error.message))
    return
  }
  document.title = `${definition.title} · Rollcall`
  takeTimeframe(definition.default_timeframe)
  const variables = templateVariables(definition, () => refreshAll())
  header.append(
    h(
      'div',
      {},
      h('h1', {}, definition.title),
      definition.description && h('p', { class: 'muted' }, definition.description),
    ),
    variables.element,
  )
  const widgets = []
  for (const section of sectionsOf(definition.widgets)) board.append(drawSection(section, widgets))

  const visible = new WeakMap()
  const seen = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        const widget = widgets.find(({ element }) => element === target)
        visible.set(widget, isIntersecting)
        if (isIntersecting && widget.isStale) void refreshOne(widget, timeSpan.range())
      }
    },
    { rootMargin: '200px' },
  )
  const refreshOne = (widget, range) => {
    widget.isStale = false
    return widget.refresh({ ...range, variables: variables.values() })
  }
  const refreshAll = async () => {
    // One time for all, so their cursors agree.
    const range = timeSpan.range()
    for (const widget of widgets) widget.isStale = true
    await Promise.all(
      widgets.filter((widget) => visible.get(widget)).map((widget) => refreshOne(widget, range)),
    )
    showFirst()
    await variables.refresh()
  }
  for (const widget of widgets) {
    widget.isStale = true
    seen.observe(widget.element)
  }
  // One sentence for all charts, with the mend, above the sentence in each chart's box.
  let hasData = true
  let waitsFor
  const showFirst = () => {
    hasData ||= live.version > 0
    const states = widgets.map(({ element }) => element.dataset.state).filter(Boolean)
    const isNarrowed = timeSpan.isFixed || variables.areChosen()
    const isEmpty = !isNarrowed && states.length > 0 && states.every((state) => state === 'empty')
    const wish = !hasData ? 'the first data' : isEmpty ? 'numbers of this dashboard' : undefined
    if (wish === waitsFor) return
    waitsFor = wish
    first.hidden = wish === undefined
    first.replaceChildren(...(wish === undefined ? [] : [firstMinute(wish)]))
  }
  timeSpan.addEventListener('change', refreshAll)
  onScheme(refreshAll)
  onNews(['metrics'], () => (timeSpan.isFixed ? undefined : refreshAll()), {
    atLeastEveryMs: AT_LEAST_EVERY_MS,
  })
  const { version } = await getJson('/api/status').catch(() => ({ version: 1 }))
  hasData = version > 0
  showFirst()
  await variables.refresh()
}

/** Titles without their common beginning, such as a name and a colon. */
function shortTitles() {
  const heads = new Set(dashboards.map(({ title }) => /^[^:]{1,40}: /.exec(title)?.[0]))
  const [head] = heads
  return dashboards.map(({ title }) => {
    const short = heads.size === 1 && head ? title.slice(head.length) : title
    return short.charAt(0).toUpperCase() + short.slice(1)
  })
}

function addressOf(name) {
  return `/?${new URLSearchParams({ dashboard: name, ...timeSpan.parameters() })}`
}

function sideList() {
  const titles = shortTitles()
  const index = dashboards.indexOf(shown)
  const links = dashboards.map(({ name, problem }, at) =>
    h(
      'a',
      { href: addressOf(name), 'aria-current': at === index ? 'page' : undefined },
      titles[at],
      problem !== null && h('span', { class: 'badge bad', title: problem }, '!'),
    ),
  )
  timeSpan.addEventListener('change', () => {
    for (const [at, link] of links.entries()) link.setAttribute('href', addressOf(dashboards[at].name))
  })
  const select = h(
    'select',
    {
      'aria-label': 'Dashboard',
      onchange: () => location.assign(addressOf(select.value)),
      value: shown.name,
    },
    dashboards.map(({ name }, at) => option(name, titles[at])),
  )
  addEventListener('keydown', ({ key, target, ctrlKey, metaKey, altKey }) => {
    if (ctrlKey || metaKey || altKey || target.matches?.('input, textarea, select')) return
    const next = dashboards[index + { j: 1, k: -1 }[key]]
    if (next) location.assign(addressOf(next.name))
  })
  return h(
    'nav',
    { class: 'side', 'aria-label': 'Dashboards' },
    h('h2', {}, 'Dashboards'),
    h('div', { class: 'links' }, links),
    select,
  )
}

/** The dashboard's own time, unless the address has another. */
function takeTimeframe(frame) {
  if (frame?.type !== 'live' || given.has('span') || given.has('from')) return
  const seconds = frame.value * { minute: 60, hour: 3600, day: 86_400 }[frame.unit]
  const known = SPANS.find(([, length]) => length === seconds)
  if (known && known[0] !== timeSpan.name) timeSpan.choose(known[0])
}

/** Runs of widgets, and groups, which have a section of their own. */
function sectionsOf(widgets) {
  const placed = (Array.isArray(widgets) ? widgets : [])
    .filter((widget) => typeof widget?.definition === 'object' && widget.definition !== null)
    .map((widget, index) => ({ widget, index }))
  placed.sort(
    (one, other) => (one.widget.layout?.y ?? 0) - (other.widget.layout?.y ?? 0) || one.index - other.index,
  )
  const sections = []
  for (const { widget } of placed) {
    const { definition } = widget
    if (definition?.type === 'group')
      sections.push({
        title: definition.title,
        isTitled: definition.show_title !== false,
        widgets: (definition.widgets ?? []).filter((widget) => widget?.definition),
      })
    else if (sections.at(-1)?.isRun) sections.at(-1).widgets.push(widget)
    else sections.push({ isRun: true, widgets: [widget] })
  }
  return sections
}

function drawSection({ title, isTitled, isRun, widgets }, all) {
  const top = Math.min(...widgets.map(({ layout }) => layout?.y ?? 0))
  const grid = h('div', { class: 'grid' })
  for (const { definition, layout } of [...widgets].sort(byPlace)) {
    const isTable = layout ? layout.height >= 4 && layout.width >= 4 : false
    const widget = makeWidget(
      { ...definition, legendTable: isTable && definition.legend_layout !== 'horizontal' },
      {
        onZoom: (from, to) => timeSpan.fix(from, to),
      },
    )
    place(widget.element, layout, top, definition)
    grid.append(widget.element)
    all.push(widget)
  }
  if (isRun) return grid
  return h(
    'details',
    { class: 'group', open: true },
    h('summary', {}, isTitled ? (title ?? 'Group') : 'Group'),
    grid,
  )
}

function byPlace({ layout: one }, { layout: other }) {
  return (one?.y ?? 0) - (other?.y ?? 0) || (one?.x ?? 0) - (other?.x ?? 0)
}

/** Datadog's twelve columns if there is room. Narrower pages use the width alone (style.css). */
function place(element, layout, top, { type } = {}) {
  const size = layout ?? { width: type === 'query_value' ? 3 : 6, height: type === 'query_value' ? 2 : 3 }
  // Four in a row become two and two. All others keep their share of the row.
  const half = size.width <= 3 ? 3 : Math.min(TABLET_COLUMNS, Math.ceil(size.width / 2))
  element.style.setProperty('--width', size.width)
  element.style.setProperty('--height', size.height)
  element.style.setProperty('--tablet-width', half)
  if (!layout) return
  element.style.setProperty('--column', layout.x + 1)
  element.style.setProperty('--row', layout.y - top + 1)
}

/** Boxes for the dashboard's variables; their values are the tags of the metrics whose queries use them. */
function templateVariables({ template_variables: definitions = [], widgets }, onChange) {
  const text = JSON.stringify(widgets)
  const queries = [...text.matchAll(/"(?:query|q)":"((?:[^"\\]|\\.)*)"/g)].map(([, query]) => query)
  const metricsOf = (name) => [
    ...new Set(
      queries
        .filter((query) => query.includes(`$${name}`))
        .flatMap((query) => [...query.matchAll(/\w+:([A-Za-z_][\w.]*)\{/g)].map(([, metric]) => metric)),
    ),
  ]
  const known = definitions.filter((variable) => typeof variable?.name === 'string')
  const pickers = known.map((variable) => {
    const { name, defaults, default: one } = variable
    const picker = new VariablePicker({ name, fallback: defaults ?? [one ?? '*'], onChange })
    picker.offer(variable.available_values ?? [])
    return { variable, picker, metrics: metricsOf(name) }
  })
  const element = h(
    'div',
    { class: 'variables' },
    pickers.map(({ picker }) => picker.element),
  )
  const values = () =>
    Object.fromEntries(
      pickers.map(({ variable, picker }) => [
        variable.name,
        { prefix: variable.prefix ?? variable.name, values: picker.values },
      ]),
    )
  const refresh = async () => {
    const used = new Set(pickers.flatMap(({ metrics }) => metrics))
    const { metrics: known } = await getJson('/api/metrics').catch(() => ({ metrics: [] }))
    const names = known.map(({ name }) => name).filter((name) => used.has(name))
    const found = await Promise.all(
      names.slice(0, 12).map((name) => getJson('/api/metrics', { name }).catch(() => ({ metrics: [] }))),
    )
    const tags = found.flatMap(({ metrics }) => metrics).map((metric) => metric.tags)
    for (const { variable, picker } of pickers) {
      const found = new Set(tags.flatMap((tag) => tag[variable.prefix ?? variable.name] ?? []))
      picker.offer([...(variable.available_values ?? []), ...[...found].sort()])
    }
  }
  const areChosen = () => pickers.some(({ picker }) => picker.values.length > 0)
  return { element, values, areChosen, refresh }
}
