import { getJson } from './api.js'
import { onScheme } from './colors.js'
import { debounced, h, option } from './dom.js'
import { clock, counted, dateAndClock, formatMs } from './format.js'
import { live, onNews } from './live.js'
import { logRow } from './log-rows.js'
import { firstMinute, startShell } from './shell.js'
import { timeSpan, updateAddress } from './time-span.js'
import { Waterfall } from './waterfall.js'

const FILTERS = ['text', 'service', 'route', 'name', 'status', 'min', 'max', 'sort']
const PAGE = 100

startShell({
  page: 'traces',
  keys: [
    ['/', 'to the search'],
    ['up and down', 'the next and the previous trace or span'],
    ['left and right', 'to a span’s parent, and to its first child'],
    ['Enter', 'opens a trace'],
    ['Escape', 'back to the list'],
  ],
})

const main = document.querySelector('#main')
const given = new URLSearchParams(location.search)
if (given.has('trace')) await showTrace(given.get('trace'))
else await showList()

async function showTrace(traceId) {
  const back = h('a', { class: 'button', href: listAddress(), title: 'Escape' }, '← Traces')
  addEventListener('keydown', (event) => {
    const isFree =
      !event.target.matches?.('input, textarea, select') && !document.querySelector('dialog[open]')
    if (event.key === 'Escape' && isFree) back.click()
  })
  const found = await findTrace(traceId, back)
  const { trace, logs } = found
  document.title = `${trace.name} · Rollcall`
  const waterfall = new Waterfall(found)
  const holder = h('div', {}, waterfall.element)
  main.append(
    h(
      'div',
      { class: 'trace-head' },
      back,
      h('h1', {}, trace.name),
      statusBadge(trace),
      h(
        'span',
        { class: 'facts' },
        h('b', {}, formatMs(trace.duration)),
        h('span', {}, counted(trace.spans, 'span')),
        h('span', {}, trace.services.join(', ')),
        h('time', { datetime: new Date(trace.start).toISOString() }, dateAndClock(trace.start)),
      ),
    ),
    h(
      'p',
      { class: 'muted small' },
      'Trace ',
      h('code', {}, trace.traceId),
      !trace.isComplete && ' · its root has not arrived, or is not kept',
    ),
    holder,
    h(
      'h2',
      { class: 'section' },
      logs.length === 0 ? 'No log lines of this trace' : `${counted(logs.length, 'log line')} of this trace`,
    ),
    h(
      'div',
      { class: 'logs' },
      logs.map((line) => logRow(line, { withTrace: false })),
    ),
  )
  waterfall.focus()
  onScheme(() => holder.replaceChildren(new Waterfall(found).element))
}

/** Log lines may arrive before their trace. A missing trace is looked for again whenever traces arrive. */
async function findTrace(traceId, back) {
  const find = () => getJson(`/api/traces/${encodeURIComponent(traceId)}`).catch((error) => ({ error }))
  const found = await find()
  if (!found.error) return found
  const message = h('p', { class: 'empty', role: 'status' }, found.error.message)
  main.replaceChildren(h('p', {}, back), message)
  return new Promise((resolve) => {
    onNews(['traces'], async () => {
      const later = await find()
      message.textContent = later.error?.message ?? ''
      if (later.error || !message.isConnected) return
      main.replaceChildren()
      resolve(later)
    })
  })
}

/** The list as the reader left it. */
function listAddress() {
  const parameters = new URLSearchParams(location.search)
  parameters.delete('trace')
  const text = parameters.toString()
  return text === '' ? '/traces' : `/traces?${text}`
}

function statusBadge({ httpStatus, errors }) {
  const isBad = errors > 0 || httpStatus >= 500
  const tone = isBad ? 'bad' : httpStatus >= 400 ? 'warn' : 'good'
  return h(
    'span',
    { class: `badge ${tone}` },
    httpStatus === null ? (isBad ? 'error' : 'ok') : String(httpStatus),
  )
}

async function showList() {
  const input = (name, placeholder, properties = {}) =>
    h('input', {
      type: 'text',
      placeholder,
      value: given.get(name) ?? '',
      oninput: debounced(changed),
      ...properties,
    })
  const fields = {
    text: input('text', 'Anywhere in a span', { type: 'search', data: { search: '' } }),
    service: input('service', 'all'),
    route: input('route', '/v1/*'),
    name: input('name', 'part of the root’s name'),
    status: input('status', 'error, ok, 5xx, 404', { list: 'statuses' }),
    min: input('min', 'ms', { type: 'number', min: '0' }),
    max: input('max', 'ms', { type: 'number', min: '0' }),
    sort: h(
      'select',
      { onchange: changed },
      option('newest', 'newest first'),
      option('slowest', 'slowest first'),
    ),
  }
  fields.sort.value = given.get('sort') === 'slowest' ? 'slowest' : 'newest'
  const label = (name, text, className = '') =>
    h('label', { class: className }, h('span', {}, text), fields[name])
  const status = h('p', { class: 'muted small', role: 'status' })
  const body = h('tbody')
  const table = h(
    'table',
    { class: 'traces' },
    h('caption', { class: 'hidden' }, 'Traces'),
    h(
      'thead',
      {},
      h(
        'tr',
        {},
        ['Began', 'Root', 'Status', 'Duration', 'Spans', 'Service'].map((text) =>
          h('th', { scope: 'col' }, text),
        ),
      ),
    ),
    body,
  )
  const waiting = h('div')
  const more = h('button', { type: 'button', class: 'button', hidden: true }, 'More traces')
  main.append(
    h('h1', { class: 'hidden' }, 'Traces'),
    h(
      'div',
      { class: 'filters', role: 'search' },
      label('text', 'Search', 'wide'),
      label('service', 'Service'),
      label('route', 'Route'),
      label('name', 'Name'),
      label('status', 'Status'),
      label('min', 'At least', 'narrow'),
      label('max', 'At most', 'narrow'),
      label('sort', 'Order'),
      h(
        'datalist',
        { id: 'statuses' },
        ['error', 'ok', '2xx', '4xx', '5xx'].map((value) => option(value)),
      ),
    ),
    status,
    waiting,
    table,
    h('p', { class: 'more' }, more),
  )

  let asked = 0
  let cursor = null
  let shown = []

  function filter() {
    const range = timeSpan.isFixed ? timeSpan.range() : { from: Math.floor(timeSpan.range().from) }
    return { ...range, ...Object.fromEntries(FILTERS.map((name) => [name, fields[name].value.trim()])) }
  }

  function changed() {
    const { sort, from: _from, to: _to, ...rest } = filter()
    updateAddress({ ...rest, sort: sort === 'newest' ? undefined : sort })
    void reload()
  }

  async function reload() {
    asked += 1
    const mine = asked
    const page = await getJson('/api/traces', { ...filter(), limit: PAGE }).catch((error) => ({ error }))
    if (mine !== asked) return
    if (page.error) {
      status.textContent = page.error.message
      status.classList.add('bad-text')
      return
    }
    status.classList.remove('bad-text')
    cursor = page.nextCursor
    draw(page.traces)
  }

  function draw(traces) {
    shown = traces
    const focused = document.activeElement?.dataset?.trace
    const longest = Math.max(...traces.map(({ duration }) => duration), 0.001)
    body.replaceChildren(...traces.map((trace) => row(trace, longest)))
    if (focused) body.querySelector(`[data-trace="${focused}"]`)?.focus({ preventScroll: true })
    const { from, to } = timeSpan.range()
    const isEmpty = traces.length === 0
    table.hidden = isEmpty
    waiting.hidden = !isEmpty
    more.hidden = cursor === null
    status.textContent = isEmpty
      ? ''
      : `${counted(traces.length, 'trace')}${cursor === null ? '' : ', and there are more'}`
    if (!isEmpty) return
    const isFiltered =
      timeSpan.isFixed || FILTERS.some((name) => name !== 'sort' && fields[name].value !== '')
    if (live.version === 0) waiting.replaceChildren(firstMinute())
    else if (!isFiltered) waiting.replaceChildren(firstMinute('a trace'))
    else
      waiting.replaceChildren(
        h(
          'p',
          { class: 'empty' },
          `No trace between ${clock(from)} and ${clock(to)} that fits. New ones appear by themselves.`,
        ),
      )
  }

  function row(trace, longest) {
    const { traceId, start, name, duration, spans, errors, services, isComplete } = trace
    const address = `/traces?${new URLSearchParams({ ...Object.fromEntries(new URLSearchParams(location.search)), trace: traceId })}`
    return h(
      'tr',
      {
        onclick: (event) => {
          if (!event.target.closest('a')) location.assign(address)
        },
      },
      h(
        'td',
        { class: 'mono' },
        h(
          'time',
          { datetime: new Date(start).toISOString(), title: dateAndClock(start) },
          clock(start, true),
        ),
      ),
      h(
        'td',
        { class: 'root' },
        h('a', { href: address, data: { trace: traceId } }, name || '(no name)'),
        !isComplete &&
          h('span', { class: 'badge', title: 'Its root has not arrived, or is not kept' }, 'part'),
      ),
      h(
        'td',
        { class: 'outcome' },
        // For a trace without an HTTP status the number of errors is enough.
        (trace.httpStatus !== null || errors === 0) && statusBadge(trace),
        errors > 0 && h('span', { class: 'badge bad' }, counted(errors, 'error')),
      ),
      h(
        'td',
        { class: 'duration' },
        h('span', { class: 'length', style: { width: `${(duration / longest) * 100}%` } }),
        h('span', {}, formatMs(duration)),
      ),
      h('td', { class: 'number' }, String(spans)),
      h('td', {}, services.join(', ')),
    )
  }

  more.addEventListener('click', async () => {
    const page = await getJson('/api/traces', { ...filter(), limit: PAGE, cursor }).catch(() => undefined)
    if (!page) return
    cursor = page.nextCursor
    draw([...shown, ...page.traces])
  })
  addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches?.('input, textarea, select'))
      return
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return
    const all = [...body.querySelectorAll('a')]
    const next = all[all.indexOf(document.activeElement) + (event.key === 'ArrowDown' ? 1 : -1)]
    if (!next) return
    event.preventDefault()
    next.focus()
  })
  timeSpan.addEventListener('change', reload)
  onNews(['traces'], () => {
    // Rows must not move while a reader is further down, or about to click.
    const isReading = scrollY > 80 || shown.length > PAGE || table.matches(':hover')
    return timeSpan.isFixed || isReading ? undefined : reload()
  })
  await reload()
}
