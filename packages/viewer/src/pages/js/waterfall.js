import { attributeTable } from './attributes.js'
import { colorOf } from './colors.js'
import { h } from './dom.js'
import { formatMs } from './format.js'
import { traceAddress } from './log-rows.js'

const TICKS = 4
/** More spans would make the page slow. A sentence gives the number of the rest. */
const MOST_SPANS = 1000

/** Spans as bars on the trace's time, in a tree for the arrow keys. A chosen span shows its attributes. */
export class Waterfall {
  element
  #rows
  #details = h('aside', { class: 'span-details', 'aria-label': 'Span', 'aria-live': 'polite' })
  #spans
  #chosen = -1
  #duration

  constructor({ trace, spans }) {
    this.#spans = spans.slice(0, MOST_SPANS)
    this.#duration = Math.max(
      trace.duration,
      ...this.#spans.map(({ offset, duration }) => offset + duration),
      0.001,
    )
    this.#rows = h(
      'div',
      {
        class: 'spans',
        role: 'tree',
        'aria-label': 'Spans',
        tabindex: '0',
        onkeydown: (event) => this.#key(event),
      },
      this.#spans.map((span, index) => this.#row(span, index)),
    )
    const rest = spans.length - this.#spans.length
    this.element = h(
      'div',
      { class: 'waterfall' },
      h(
        'div',
        { class: 'timeline' },
        this.#ruler(),
        this.#rows,
        rest > 0 && h('p', { class: 'muted' }, `${rest} more spans are kept, too many to draw.`),
      ),
      this.#details,
    )
    this.choose(0)
  }

  focus() {
    this.#rows.focus({ preventScroll: true })
  }

  choose(index) {
    const span = this.#spans[index]
    if (!span) return
    this.#chosen = index
    for (const [at, row] of [...this.#rows.children].entries())
      row.setAttribute('aria-selected', String(at === index))
    const row = this.#rows.children[index]
    this.#rows.setAttribute('aria-activedescendant', row.id)
    row.scrollIntoView({ block: 'nearest' })
    this.#details.replaceChildren(...detailsOf(span).filter(Boolean))
  }

  #ruler() {
    const marks = Array.from({ length: TICKS + 1 }, (_, tick) => (this.#duration * tick) / TICKS)
    return h(
      'div',
      { class: 'ruler', 'aria-hidden': 'true' },
      h('span', {}, 'Span'),
      h(
        'div',
        {},
        marks.map((ms) => h('span', {}, formatMs(ms))),
      ),
    )
  }

  #row(span, index) {
    const { name, kind, service, depth, offset, duration, status, attributes, isOrphan, events } = span
    const query = attributes['db.query.summary'] ?? attributes['db.operation.name']
    const left = (offset / this.#duration) * 100
    const width = (duration / this.#duration) * 100
    return h(
      'div',
      {
        id: `span-${index}`,
        class: `span ${status === 'error' ? 'failed' : ''}`,
        role: 'treeitem',
        'aria-level': String(depth + 1),
        'aria-selected': 'false',
        style: {
          '--depth': String(Math.min(depth, 12)),
          '--color': colorOf(query ? 'query' : `service ${service}`, 0),
        },
        onclick: () => this.choose(index),
      },
      h(
        'span',
        { class: 'label' },
        h('span', { class: 'mark', 'aria-hidden': 'true' }),
        h('span', { class: 'name', title: name }, name),
        h('span', { class: 'hidden' }, `, ${kind}, `),
        isOrphan &&
          h('span', { class: 'badge', title: 'The span that it belongs to is not kept here' }, 'orphan'),
        status === 'error' && h('span', { class: 'badge bad' }, 'error'),
      ),
      h(
        'span',
        { class: 'track' },
        h('span', { class: 'bar', style: { left: `${left}%`, width: `max(2px, ${width}%)` } }),
        events.map((event) =>
          h('span', {
            class: 'event',
            title: event.name,
            style: { left: `${(event.offset / this.#duration) * 100}%` },
          }),
        ),
        durationLabel(left, width, formatMs(duration)),
      ),
    )
  }

  #key(event) {
    const last = this.#spans.length - 1
    const target = {
      ArrowDown: Math.min(last, this.#chosen + 1),
      ArrowUp: Math.max(0, this.#chosen - 1),
      Home: 0,
      End: last,
      // To its parent, and to its first child.
      ArrowLeft: this.#spans.findLastIndex(
        ({ depth }, at) => at < this.#chosen && depth < this.#spans[this.#chosen].depth,
      ),
      ArrowRight:
        this.#spans[this.#chosen + 1]?.depth > this.#spans[this.#chosen]?.depth ? this.#chosen + 1 : -1,
    }[event.key]
    if (event.key === 'Enter') {
      event.preventDefault()
      this.#details.scrollIntoView({ block: 'nearest' })
    }
    if (target === undefined) return
    event.preventDefault()
    if (target >= 0) this.choose(target)
  }
}

/** Behind the bar, or before it, or in it, where there is room. */
function durationLabel(left, width, text) {
  if (left + width <= 72) return h('span', { class: 'time', style: { left: `${left + width}%` } }, text)
  if (left > 28) return h('span', { class: 'time', style: { right: `${100 - left}%` } }, text)
  return h('span', { class: 'time inside', style: { right: `${100 - left - width}%` } }, text)
}

function detailsOf({
  name,
  kind,
  service,
  scope,
  status,
  statusMessage,
  offset,
  duration,
  attributes,
  resource,
  events,
  links,
  spanId,
  tracestate,
}) {
  const query = attributes['db.query.text']
  return [
    h('h2', {}, name),
    h(
      'p',
      { class: 'facts' },
      h('span', { class: 'badge' }, kind),
      h(
        'span',
        { class: `badge ${status === 'error' ? 'bad' : ''}` },
        status === 'unset' ? 'no error' : status,
      ),
      h('span', {}, `${formatMs(duration)}, from ${formatMs(offset)} on`),
    ),
    statusMessage && h('p', { class: 'bad-text' }, statusMessage),
    query && h('section', { class: 'attributes' }, h('h3', {}, 'Query'), h('pre', {}, String(query))),
    attributeTable('Attributes', attributes),
    events.length > 0 &&
      h(
        'section',
        { class: 'attributes' },
        h('h3', {}, 'Events'),
        events.map((event) =>
          h(
            'details',
            {},
            h('summary', {}, `${event.name} at ${formatMs(event.offset)}`),
            attributeTable('', event.attributes),
          ),
        ),
      ),
    links.length > 0 &&
      h(
        'section',
        { class: 'attributes' },
        h('h3', {}, 'Links'),
        links.map(({ traceId }) => h('p', {}, h('a', { href: traceAddress(traceId) }, traceId))),
      ),
    attributeTable('Span', { service, scope, 'span id': spanId, ...(tracestate ? { tracestate } : {}) }),
    attributeTable('Resource', resource),
  ]
}
