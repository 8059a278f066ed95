import { h } from './dom.js'
import { formatBrief } from './format.js'

const MOST = 60
/** Share of the chart's height. The drawing above it keeps the rest, and this height at least. */
const MOST_SHARE = 0.54
const LEAST_PLOT_PX = 96
/** With the space around it. */
const ONE_LINE_PX = 32
const SUMMARIES = {
  avg: (values) => values.reduce((sum, value) => sum + value, 0) / values.length,
  min: (values) => Math.min(...values),
  max: (values) => Math.max(...values),
  sum: (values) => values.reduce((sum, value) => sum + value, 0),
  value: (values) => values.at(-1),
}

/**
 * The names of a chart's lines, and their values: side by side, or as a table. Shows whole lines only: a button for the
 * rest lays all of them over the chart.
 */
export class ChartLegend {
  element = h('div', { class: 'legend' })
  #series = []
  #wanted
  #off
  #isTable
  #drawn
  #isOpen = false
  #more = h('button', { type: 'button', class: 'more-series', onclick: () => this.#toggle() })
  #onIsolate
  #height = 0

  constructor({ onIsolate }) {
    this.#onIsolate = onIsolate
  }

  /** `isTable` with `mayShrink` is a table if there is room for all its rows. */
  draw(
    series,
    { isHidden = false, isTable = false, mayShrink = false, columns = ['value'] } = {},
    off = new Set(),
  ) {
    this.#series = series
    this.element.hidden = isHidden
    if (isHidden) return
    this.#wanted = { isTable, mayShrink, columns }
    this.#off = off
    const drawn = JSON.stringify([
      this.#wanted,
      series.map(({ key, label, color, type }) => [label, color, type, off.has(key)]),
    ])
    // Made anew once a second, it would lose the focus and the scroll position.
    if (drawn !== this.#drawn) {
      this.#drawn = drawn
      this.#make(isTable)
    }
    this.showValues(undefined)
    this.fit(this.#height)
  }

  #make(isTable) {
    this.#isTable = isTable
    const off = this.#off
    const { columns } = isTable || !this.#wanted.isTable ? this.#wanted : { columns: ['value'] }
    const rows = this.#series.slice(0, MOST).map(({ key, label, color, type }) => {
      const cells = columns.map((column) => h(isTable ? 'td' : 'span', { class: 'value', data: { column } }))
      const name = h(
        'button',
        {
          type: 'button',
          'aria-pressed': String(!off.has(key)),
          title: `${label} (click: this one alone, or all)`,
          onclick: () => this.#isolate(key),
        },
        swatch({ color, type }),
        h('span', { class: 'name' }, label),
      )
      const attributes = { class: off.has(key) ? 'item off' : 'item' }
      return isTable
        ? h('tr', attributes, h('th', { scope: 'row' }, name), cells)
        : h('span', attributes, name, cells)
    })
    this.element.classList.toggle('table', isTable)
    if (!isTable) {
      this.element.replaceChildren(...rows, this.#more)
      return
    }
    const head = h(
      'tr',
      {},
      h('td'),
      columns.map((column) => h('th', { scope: 'col' }, column)),
    )
    this.element.replaceChildren(h('table', {}, h('thead', {}, head), h('tbody', {}, rows)), this.#more)
  }

  /** Values at the cursor, or of the whole time. */
  showValues(at) {
    if (this.element.hidden) return
    for (const [index, item] of this.element.querySelectorAll('.item').entries()) {
      const one = this.#series[index]
      const known = one.values.filter((value) => value !== null)
      for (const cell of item.querySelectorAll('.value')) {
        const { column } = cell.dataset
        const value =
          column === 'value' && at !== undefined
            ? valueAt(one, at)?.value
            : known.length > 0
              ? SUMMARIES[column]?.(known)
              : undefined
        cell.textContent = formatBrief(value, one.unit)
      }
    }
  }

  /** `height` is that of the chart with the legend. */
  fit(height) {
    const isNewHeight = height !== this.#height
    this.#height = height
    if (this.element.hidden || height === 0 || this.#wanted === undefined) return
    if (isNewHeight && this.#isTable !== this.#wanted.isTable) this.#remake(this.#wanted.isTable)
    this.#fitItems(height)
  }

  #remake(isTable) {
    this.#make(isTable)
    this.showValues(undefined)
  }

  #fitItems(height) {
    const items = [...this.element.querySelectorAll('.item')]
    for (const item of items) item.hidden = false
    const beyond = this.#series.length - items.length
    this.element.classList.toggle('open', this.#isOpen)
    this.#more.setAttribute('aria-expanded', String(this.#isOpen))
    if (this.#isOpen) {
      this.#more.hidden = false
      this.#more.textContent = beyond > 0 ? `fewer (${beyond} are not listed)` : 'fewer'
      return
    }
    const room = Math.max(ONE_LINE_PX, Math.min(MOST_SHARE * height, height - LEAST_PLOT_PX))
    this.#more.hidden = beyond === 0
    this.#more.textContent = beyond === 0 ? '' : `+${beyond} more`
    if (this.element.offsetHeight <= room) return
    if (this.#isTable && this.#wanted.mayShrink) {
      this.#remake(false)
      this.#fitItems(height)
      return
    }
    this.#more.hidden = false
    const { top } = this.element.getBoundingClientRect()
    let shown = items.findIndex((item) => item.getBoundingClientRect().bottom - top > room)
    if (shown === -1) shown = items.length
    for (const item of items.slice(shown)) item.hidden = true
    // The button needs a place, too.
    for (; shown >= 0; shown -= 1) {
      if (items[shown]) items[shown].hidden = true
      this.#more.textContent =
        shown === 0 ? `${this.#series.length} series` : `+${this.#series.length - shown} more`
      if (this.element.offsetHeight <= room) return
    }
  }

  #toggle() {
    this.#isOpen = !this.#isOpen
    this.fit(this.#height)
    this.#more.focus()
  }

  #isolate(key) {
    const index = this.#series.findIndex((one) => one.key === key)
    this.#onIsolate(key)
    this.element.querySelectorAll('.item button')[index]?.focus()
  }
}

export function swatch({ color, type }) {
  return h('span', { class: `swatch ${type}`, style: { '--color': color }, 'aria-hidden': 'true' })
}

/** Index of the bucket of a time. */
export function valueAt({ times, values, interval }, ms) {
  if (times.length === 0) return undefined
  const index = Math.floor((ms - times[0]) / (interval * 1000))
  const value = values[index]
  return value === null || value === undefined ? undefined : { value, time: times[index] }
}
