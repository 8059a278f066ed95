import { getJson } from './api.js'
import { h } from './dom.js'
import { clock } from './format.js'

/** Distance of the cursor from a line whose event is told, in pixels. */
const NEAR_PX = 6

/** The last answer, for all charts that show the same time. */
let asked = {}

/** The events of a time, such as deployments; none if they cannot be asked for: charts are drawn all the same. */
export function eventsWithin({ from, to }) {
  if (asked.from !== from || asked.to !== to) {
    const events = getJson('/api/events', { from, to }).then(
      (answer) => answer.events,
      () => [],
    )
    asked = { from, to, events }
  }
  return asked.events
}

/** A vertical line for each event over a chart, which tells its title: to the cursor, to the focus, and to those who hear it. */
export class EventLines {
  element = h('div', { class: 'event-lines' })
  #events = []
  #drawn = ''

  show(events) {
    this.#events = events
    // Made anew once a second, a line would lose the focus.
    const drawn = JSON.stringify(events)
    if (drawn === this.#drawn) return
    this.#drawn = drawn
    this.element.replaceChildren(
      ...events.map((event) =>
        h(
          'div',
          {
            class: 'event-line',
            tabindex: '0',
            role: 'note',
            'aria-label': `Event at ${clock(event.time)}: ${event.title}`,
            data: { level: event.level },
          },
          h('span', { class: 'event-title', 'aria-hidden': 'true' }, event.title),
        ),
      ),
    )
  }

  /** Lays the lines over the plot as it is now. */
  place(plot, chart) {
    if (this.#events.length === 0) return
    const over = plot.over.getBoundingClientRect()
    const frame = chart.getBoundingClientRect()
    for (const [index, line] of [...this.element.children].entries()) {
      const left = plot.valToPos(this.#events[index].time, 'x')
      line.hidden = !(left >= 0 && left <= over.width)
      line.classList.toggle('is-right', left > over.width / 2)
      line.style.left = `${over.left - frame.left + left}px`
      line.style.top = `${over.top - frame.top}px`
      line.style.height = `${over.height}px`
    }
  }

  /** What the tooltip says of the events at the cursor. */
  rowsAt(plot) {
    return this.#events
      .filter(({ time }) => Math.abs(plot.valToPos(time, 'x') - plot.cursor.left) <= NEAR_PX)
      .map(({ time, title, level }) =>
        h('p', { class: 'event', data: { level } }, h('span', {}, `${clock(time)} `, h('strong', {}, title))),
      )
  }
}
