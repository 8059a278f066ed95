import { attributeTable } from './attributes.js'
import { h } from './dom.js'
import { clock, dateAndClock } from './format.js'
import { timeSpan } from './time-span.js'

/** Lines and spans arrive apart: for this time the trace of a line may still be on its way. */
const ARRIVING_MS = 30_000

const TONES = { fatal: 'bad', error: 'bad', warn: 'warn', info: '', debug: '', trace: '' }

/** A log line that opens to its attributes. Without `withTrace` it has no link to its trace, for the trace's own page. */
export function logRow(line, { withTrace = true } = {}) {
  const { time, level, service, body, attributes, resource, traceId, hasTrace } = line
  const details = h(
    'details',
    {},
    h(
      'summary',
      {},
      h(
        'time',
        { class: 'mono', datetime: new Date(time).toISOString(), title: dateAndClock(time) },
        clock(time, true),
      ),
      h('span', { class: `badge ${TONES[level] ?? ''}` }, level ?? '–'),
      h('span', { class: 'service' }, service ?? ''),
      h(
        'span',
        { class: 'text' },
        h('span', {}, bodyText(body)),
        h('span', { class: 'muted' }, ` ${brief(attributes)}`),
      ),
    ),
  )
  // Made at the first opening: most lines are never opened.
  details.addEventListener('toggle', () => {
    if (!details.open || details.querySelector('.details')) return
    const more = h(
      'div',
      { class: 'details' },
      h('pre', {}, bodyText(body)),
      attributeTable('Attributes', attributes),
      attributeTable('Resource', resource),
      traceId &&
        h(
          'p',
          { class: 'muted' },
          'Trace ',
          withTrace && hasTrace ? h('a', { href: traceAddress(traceId) }, traceId) : h('code', {}, traceId),
          !hasTrace && ', which is not kept here: not sampled, or evicted.',
        ),
    )
    details.append(more)
  })
  const isLinked = withTrace && traceId && (hasTrace || Date.now() - time < ARRIVING_MS)
  return h(
    'article',
    { class: 'log', data: { level: level ?? 'info' } },
    details,
    // Not within the summary, which is one control for a screen reader.
    isLinked &&
      h('a', { href: traceAddress(traceId), class: 'to-trace', 'aria-label': 'Trace of this line' }, 'trace'),
  )
}

export function traceAddress(traceId) {
  return `/traces?${new URLSearchParams({ trace: traceId, ...timeSpan.parameters() })}`
}

const bodyText = (body) => (typeof body === 'string' ? body : JSON.stringify(body))

function brief(attributes = {}) {
  return Object.entries(attributes)
    .slice(0, 8)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ')
    .slice(0, 300)
}
