import { isDark, onScheme } from './colors.js'
import { h, icon } from './dom.js'
import { live } from './live.js'
import { spanPicker, timeSpan } from './time-span.js'

const PAGES = [
  ['dashboards', '/', 'Dashboards', 'd'],
  ['explorer', '/explorer', 'Explorer', 'e'],
  ['traces', '/traces', 'Traces', 't'],
  ['logs', '/logs', 'Logs', 'l'],
  ['status', '/status', 'Status', 's'],
]
const MARK =
  'M2 3.500h2M2 8h2M2 12.500h2m2.500-9 1.200 1.200 2.300-2.600m-3.500 10.400 1.200 1.200 2.300-2.600M6.500 8H14'
const ICONS = {
  pause: 'M5 3v10M11 3v10',
  play: 'M5 3l8 5-8 5z',
  sun: 'M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM8 1v1.500M8 13.500V15M1 8h1.500M13.500 8H15M3 3l1 1M12 12l1 1M3 13l1-1M12 4l1-1',
  moon: 'M13.500 9.500A6 6 0 0 1 6.500 2.500 6 6 0 1 0 13.500 9.500z',
}

const GENERAL_KEYS = [
  ['g then d, e, t, l, s', 'dashboards, explorer, traces, logs, status'],
  ['/', 'to the search, or the query'],
  ['p', 'pauses, and goes on'],
  ['[ and ]', 'a shorter and a longer time'],
  ['c', 'dark or light'],
  ['?', 'this list'],
  ['Escape', 'closes, or leaves a field'],
]

/** The bar on top, and the keys of all pages. `keys` are the page's own, for the list of keys. */
export function startShell({ page, keys = [], hasSpan = true }) {
  const links = PAGES.map(([name, path, title]) =>
    h('a', { href: path, 'aria-current': name === page ? 'page' : undefined }, title),
  )
  const carrySpan = () => {
    const carried = new URLSearchParams(timeSpan.parameters()).toString()
    for (const [index, link] of links.entries())
      link.setAttribute('href', carried === '' ? PAGES[index][1] : `${PAGES[index][1]}?${carried}`)
  }
  timeSpan.addEventListener('change', carrySpan)
  carrySpan()

  const dialog = keyList(keys)
  document
    .querySelector('#top')
    .append(
      h(
        'a',
        { class: 'brand', href: '/', 'aria-label': 'Rollcall, to the dashboards' },
        icon(MARK),
        h('span', {}, 'Rollcall'),
      ),
      h('nav', { 'aria-label': 'Pages' }, links),
      h('div', { class: 'tools' }, hasSpan && spanPicker(), liveButton(), schemeButton(), helpButton(dialog)),
    )
  document.body.append(dialog, connectionNote())
  listenToKeys(dialog)
  live.start()
}

function liveButton() {
  const button = h('button', { type: 'button', class: 'button live', onclick: () => live.pause() })
  const show = () => {
    const state = live.isPaused ? 'paused' : live.isConnected ? 'live' : 'away'
    button.dataset.state = state
    button.setAttribute('aria-pressed', String(live.isPaused))
    button.title = live.isPaused ? 'Go on (p)' : 'Pause (p)'
    button.replaceChildren(
      h('span', { class: 'dot', 'aria-hidden': 'true' }),
      h('span', {}, { paused: 'Paused', live: 'Live', away: 'Away' }[state]),
      icon(live.isPaused ? ICONS.play : ICONS.pause),
    )
  }
  live.addEventListener('change', show)
  show()
  return button
}

function switchScheme() {
  const theme = isDark() ? 'light' : 'dark'
  document.documentElement.dataset.theme = theme
  try {
    localStorage.setItem('theme', theme)
  } catch {
    // It holds for this page then.
  }
  document.dispatchEvent(new Event('schemechange'))
}

function schemeButton() {
  const button = h('button', { type: 'button', class: 'button square', onclick: switchScheme })
  const show = () => {
    const other = isDark() ? 'light' : 'dark'
    button.setAttribute('aria-label', `Switch to ${other}`)
    button.title = `Switch to ${other} (c)`
    button.replaceChildren(icon(isDark() ? ICONS.sun : ICONS.moon))
  }
  onScheme(show)
  show()
  return button
}

function helpButton(dialog) {
  return h(
    'button',
    {
      type: 'button',
      class: 'button square',
      'aria-label': 'Keys',
      title: 'Keys (?)',
      onclick: () => dialog.showModal(),
    },
    '?',
  )
}

function keyList(own) {
  const rows = (keys) =>
    keys.flatMap(([key, meaning]) => [
      h(
        'dt',
        {},
        key
          .split(/( then | and |, )/)
          .map((part) => (/^( then | and |, )$/.test(part) ? part : h('kbd', {}, part))),
      ),
      h('dd', {}, meaning),
    ])
  const dialog = h(
    'dialog',
    {
      class: 'keys',
      'aria-labelledby': 'keys-title',
      onclick: (event) => {
        if (event.target === dialog) dialog.close()
      },
    },
    h(
      'form',
      { method: 'dialog' },
      h('h2', { id: 'keys-title' }, 'Keys'),
      own.length > 0 && [h('h3', {}, 'Here'), h('dl', {}, rows(own))],
      h('h3', {}, 'Everywhere'),
      h('dl', {}, rows(GENERAL_KEYS)),
      h('button', { class: 'button' }, 'Close'),
    ),
  )
  return dialog
}

function connectionNote() {
  const note = h('p', { class: 'away', role: 'status', hidden: true })
  live.addEventListener('change', () => {
    note.textContent = live.isConnected ? '' : 'The viewer does not answer. Trying again …'
    note.hidden = live.isConnected
  })
  return note
}

export const isTyping = ({ target }) =>
  target.matches?.('input, textarea, select, [contenteditable]') ?? false

function listenToKeys(dialog) {
  let isGoing = false
  addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key === 'Escape' && isTyping(event)) event.target.blur()
    if (isTyping(event) || dialog.open) return
    const to = isGoing && PAGES.find(([, , , key]) => key === event.key)
    isGoing = event.key === 'g'
    const action = {
      '/': () => document.querySelector('[data-search]')?.focus(),
      '?': () => dialog.showModal(),
      p: () => live.pause(),
      c: switchScheme,
      '[': () => timeSpan.step(-1),
      ']': () => timeSpan.step(1),
    }[event.key]
    if (to) location.assign(document.querySelectorAll('#top nav a')[PAGES.indexOf(to)].href)
    else if (action) {
      event.preventDefault()
      action()
    }
  })
}

/** The text of a page before any data have arrived, or before its own have. */
export function firstMinute(what = 'the first data') {
  const command = 'npm run load -- --rate 20 --duration 60'
  const address = location.origin
  const copy = h(
    'button',
    {
      type: 'button',
      class: 'button',
      onclick: async () => {
        await navigator.clipboard?.writeText(command).catch(() => {})
        copy.textContent = 'Copied'
      },
    },
    'Copy',
  )
  return h(
    'section',
    { class: 'first', role: 'status' },
    h('h2', {}, h('span', { class: 'waiting', 'aria-hidden': 'true' }), `Waiting for ${what}`),
    h(
      'p',
      {},
      what === 'the first data'
        ? 'Nothing has arrived yet. A service sends within seconds of its start. To fill the pages, visit it from a second terminal:'
        : 'It fills with visitors. Be one, or let them come from a second terminal:',
    ),
    h('p', { class: 'command' }, h('code', {}, command), copy),
    h(
      'p',
      { class: 'muted' },
      'Any OpenTelemetry SDK can send here as well: ',
      h('code', {}, `OTEL_EXPORTER_OTLP_ENDPOINT=${address}`),
      '. This page fills by itself.',
    ),
  )
}
