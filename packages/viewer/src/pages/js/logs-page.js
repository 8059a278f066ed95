import { getJson } from './api.js'
import { debounced, h, option } from './dom.js'
import { clock, counted } from './format.js'
import { live, onNews } from './live.js'
import { logRow } from './log-rows.js'
import { firstMinute, startShell } from './shell.js'
import { timeSpan, updateAddress } from './time-span.js'

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal']
/** More rows than people read, and few enough to stay quick. */
const MOST_ROWS = 500
const PAGE = 100

startShell({
  page: 'logs',
  keys: [
    ['/', 'to the search'],
    ['up and down', 'the next and the previous line'],
    ['Enter', 'opens a line'],
    ['f', 'follows new lines, or stops'],
  ],
})

const main = document.querySelector('#main')
const given = new URLSearchParams(location.search)
const text = h('input', {
  type: 'search',
  placeholder: 'Search in text and attributes',
  'aria-label': 'Search',
  value: given.get('text') ?? '',
  data: { search: '' },
  oninput: debounced(changed),
})
const level = h(
  'select',
  { onchange: changed },
  option('', 'all levels'),
  LEVELS.map((name) => option(name, `${name} and above`)),
)
level.value = LEVELS.includes(given.get('level')) ? given.get('level') : ''
const service = h('input', {
  type: 'text',
  placeholder: 'all',
  'aria-label': 'Service',
  value: given.get('service') ?? '',
  oninput: debounced(changed),
})
const traceId = given.get('traceId') ?? ''
const follow = h(
  'button',
  { type: 'button', class: 'button', 'aria-pressed': 'true', onclick: () => setFollow(!isFollowing) },
  'Follow',
)
let isFollowing = true

const status = h('p', { class: 'muted small', role: 'status' })
const rows = h('div', { class: 'logs', role: 'feed', 'aria-label': 'Log lines, newest first' })
const older = h(
  'button',
  { type: 'button', class: 'button', hidden: true, onclick: loadOlder },
  'Older lines',
)
const waiting = h('div')
main.append(
  h('h1', { class: 'hidden' }, 'Logs'),
  h(
    'div',
    { class: 'filters', role: 'search' },
    h('label', { class: 'wide' }, h('span', {}, 'Search'), text),
    h('label', {}, h('span', {}, 'Level'), level),
    h('label', {}, h('span', {}, 'Service'), service),
    h('div', { class: 'field' }, h('span', { 'aria-hidden': 'true' }, 'New lines'), follow),
  ),
  status,
  waiting,
  rows,
  h('p', { class: 'more' }, older),
)

let cursor = null
let newest = 0
let asked = 0

const filter = () => ({ text: text.value.trim(), level: level.value, service: service.value.trim(), traceId })

function changed() {
  const { text, level, service } = filter()
  updateAddress({ text, level, service })
  void reload()
}

function setFollow(wish) {
  isFollowing = wish
  follow.setAttribute('aria-pressed', String(wish))
  follow.textContent = wish ? 'Follow' : 'Stopped'
  if (wish) void addNewer()
}

async function reload() {
  asked += 1
  const mine = asked
  const range = timeSpan.isFixed ? timeSpan.range() : { from: Math.floor(timeSpan.range().from) }
  const page = await getJson('/api/logs', { ...filter(), ...range, limit: PAGE }).catch((error) => ({
    error,
  }))
  if (mine !== asked) return
  if (page.error) {
    status.textContent = page.error.message
    return
  }
  cursor = page.nextCursor
  newest = page.logs[0]?.id ?? newest
  rows.replaceChildren(...page.logs.map((line) => logRow(line)))
  summarize()
}

/** Adds later lines on top. Open lines stay open. */
async function addNewer() {
  if (!isFollowing || timeSpan.isFixed) return
  if (rows.childElementCount === 0) return reload()
  asked += 1
  const mine = asked
  const { logs } = await getJson('/api/logs', { ...filter(), limit: MOST_ROWS }).catch(() => ({ logs: [] }))
  if (mine !== asked) return
  const fresh = logs.filter(({ id }) => id > newest)
  if (fresh.length === 0) return
  newest = fresh[0].id
  const made = fresh.map((line) => logRow(line))
  for (const row of made) row.classList.add('fresh')
  rows.prepend(...made)
  while (rows.childElementCount > MOST_ROWS) {
    rows.lastElementChild.remove()
    cursor = null
  }
  summarize()
}

async function loadOlder() {
  if (cursor === null) return
  const { from } = timeSpan.range()
  const page = await getJson('/api/logs', { ...filter(), from: Math.floor(from), limit: PAGE, cursor }).catch(
    () => undefined,
  )
  if (!page) return
  cursor = page.nextCursor
  rows.append(...page.logs.map((line) => logRow(line)))
  summarize()
}

function summarize() {
  const count = rows.childElementCount
  const { from, to } = timeSpan.range()
  older.hidden = cursor === null || count >= MOST_ROWS
  status.textContent =
    count === 0
      ? ''
      : `${counted(count, 'line')}, newest first${cursor === null ? '' : '; there are older ones'}`
  const isEmpty = count === 0
  waiting.hidden = !isEmpty
  if (!isEmpty) return
  if (live.version === 0) waiting.replaceChildren(firstMinute())
  else
    waiting.replaceChildren(
      h(
        'div',
        { class: 'empty' },
        h('p', {}, `No line between ${clock(from)} and ${clock(to)} that fits.`),
        h(
          'p',
          { class: 'muted' },
          'The service sends warnings and worse; a slow request is a warning. New lines appear by themselves.',
        ),
      ),
    )
}

addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches?.('input, textarea, select'))
    return
  if (event.key === 'f') setFollow(!isFollowing)
  if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return
  const all = [...rows.querySelectorAll('summary')]
  const next = all[all.indexOf(document.activeElement) + (event.key === 'ArrowDown' ? 1 : -1)]
  if (!next) return
  event.preventDefault()
  next.focus()
})
timeSpan.addEventListener('change', reload)
onNews(['logs'], addNewer)
await reload()
