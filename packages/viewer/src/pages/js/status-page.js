import { getJson } from './api.js'
import { h } from './dom.js'
import { ago, clock, dateAndClock, formatBytes, formatCount, formatMs } from './format.js'
import { onNews } from './live.js'
import { firstMinute, startShell } from './shell.js'

const CARDS = [
  ['metrics', 'Metrics', 'points'],
  ['traces', 'Traces', 'spans'],
  ['logs', 'Logs', 'lines'],
]
/** Longer than the SDKs' longest default interval of 60 seconds. */
const SILENT_MS = 70_000
const MEANINGS = {
  stored: 'taken as they came',
  repeated: 'the same item again, such as one in a body that was sent twice',
  overwritten:
    'another value for the same series and second, from two senders with the same tags or from one that sends twice a second; the earlier value is lost',
  added: 'growth of cumulative series, added to the point of the same second',
  bases: 'first points of cumulative series, from which the next ones are counted',
  refused: 'not taken; the reasons are below',
  evicted: 'removed since the start, because of their age or to make room',
}

startShell({ page: 'status', hasSpan: false })
const main = document.querySelector('#main')
const content = h('div', { class: 'status' })
main.append(h('h1', {}, 'Status'), content)

async function show() {
  const status = await getJson('/api/status').catch((error) => ({ error }))
  if (status.error) {
    content.replaceChildren(h('p', { class: 'empty error' }, status.error.message))
    return
  }
  const { memory, loopDelayMs, minutes, startedAt, now, senders, refusals, requests, version } = status
  content.replaceChildren(
    ...[
      version === 0 && firstMinute(),
      h(
        'p',
        { class: 'muted' },
        `Keeps ${minutes} minutes in at most ${formatBytes(memory.budgetBytes)}; the process takes up to ${formatBytes(memory.rssMaxBytes)}. Runs since ${dateAndClock(startedAt).slice(0, -4)}; its data end with it.`,
      ),
      h(
        'div',
        { class: 'cards' },
        h(
          'section',
          { class: 'panel' },
          h('h2', {}, 'Memory'),
          meter('kept', memory.usedBytes, memory.budgetBytes),
          meter('process', memory.rssBytes, memory.rssMaxBytes),
          facts([
            ['heap', formatBytes(memory.heapBytes)],
            [
              'late by',
              `${formatMs(loopDelayMs.p99)} (p99), ${formatMs(loopDelayMs.max)} (max)`,
              'delay of the event loop since the start',
            ],
            [
              'requests',
              Object.entries(requests)
                .map(([code, count]) => `${formatCount(count)} with ${code}`)
                .join(', ') || 'none yet',
            ],
          ]),
        ),
        CARDS.map(([key, title, items]) => signalCard(title, items, status[key], now)),
      ),
      h('h2', { class: 'section' }, 'Senders'),
      senders.length === 0
        ? h('p', { class: 'muted' }, 'No sender yet.')
        : table(
            ['Service', 'Host', 'Instance', 'SDK', 'Last'],
            senders.map(({ service, host, instance, sdk, last }) => [
              service || '(without a name)',
              host,
              instance,
              sdk,
              lastHeard(last, now),
            ]),
          ),
      h('h2', { class: 'section' }, 'Refused'),
      refusals.length === 0
        ? h('p', { class: 'muted' }, 'Nothing was refused.')
        : table(
            ['Signal', 'Reason', 'Count', 'For example', 'Last'],
            refusals.map(({ signal, reason, count, example, last }) => [
              signal,
              reason,
              formatCount(count),
              example,
              ago(last, now),
            ]),
          ),
    ].filter(Boolean),
  )
}

function lastHeard(last, now) {
  if (now - last < SILENT_MS) return ago(last, now)
  return h('span', { class: 'warn-text' }, `silent since ${clock(last)} (${ago(last, now)})`)
}

function signalCard(title, items, signal, now) {
  const { kept, bytes, bytesMax, oldest, newest, fullSince, received, series, seriesMax, names, traces } =
    signal
  const counts = ['stored', 'repeated', 'overwritten', 'added', 'bases', 'refused', 'evicted'].filter(
    (name) => signal[name] !== undefined,
  )
  return h(
    'section',
    { class: 'panel' },
    h('h2', {}, title),
    meter(`${formatCount(kept)} ${items} kept`, bytes, bytesMax),
    series !== undefined &&
      meter(`${formatCount(series)} series of ${formatCount(names)} metrics`, series, seriesMax, formatCount),
    facts([
      ...(traces === undefined ? [] : [['traces', formatCount(traces)]]),
      ['received', formatCount(received)],
      ...counts.map((name) => [
        name,
        formatCount(signal[name]),
        MEANINGS[name],
        (name === 'overwritten' || name === 'refused') && signal[name] > 0,
      ]),
      ['kept from', oldest === null ? '–' : `${clock(oldest)} to ${clock(newest)} (${ago(newest, now)})`],
    ]),
    fullSince !== null &&
      h(
        'p',
        { class: 'warn-text' },
        `Since ${clock(fullSince)} memory, not the time, decides evictions: --memory gives it more.`,
      ),
  )
}

function facts(rows) {
  return h(
    'dl',
    { class: 'pairs' },
    rows.flatMap(([name, value, meaning, isBad]) => [
      h('dt', { title: meaning }, name),
      h('dd', { class: isBad ? 'bad-text' : '' }, value),
    ]),
  )
}

function meter(label, value, most, format = formatBytes) {
  const share = most > 0 ? Math.min(1, value / most) : 0
  return h(
    'div',
    { class: 'meter' },
    h('p', {}, h('span', {}, label), h('span', { class: 'muted' }, `${format(value)} of ${format(most)}`)),
    h(
      'div',
      {
        class: 'gauge',
        role: 'meter',
        'aria-label': label,
        'aria-valuemin': '0',
        'aria-valuemax': '100',
        'aria-valuenow': String(Math.round(share * 100)),
      },
      h('span', { data: { tone: share > 0.9 ? 'warn' : '' }, style: { width: `${share * 100}%` } }),
    ),
  )
}

function table(head, rows) {
  return h(
    'div',
    { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': head.join(', ') },
    h(
      'table',
      { class: 'plain' },
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          head.map((text) => h('th', { scope: 'col' }, text)),
        ),
      ),
      h(
        'tbody',
        {},
        rows.map((row) =>
          h(
            'tr',
            {},
            row.map((text) => h('td', {}, text ?? '–')),
          ),
        ),
      ),
    ),
  )
}

onNews(['metrics', 'traces', 'logs'], show, { atLeastEveryMs: 5000 })
await show()
