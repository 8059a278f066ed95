import { applyFormat } from './conditional-format.js'
import { h } from './dom.js'
import { formatValue, unitOf } from './format.js'

/**
 * A row for each group, a column for each formula of each request. A click on a column's head sorts by it. Until then the
 * order is the widget's.
 */
export class QueryTable {
  element = h('div', { class: 'table-scroll', tabindex: '0' })
  #table = h('table', { class: 'query-table' })
  #title
  #rows = []
  #keys = []
  #columns = []
  #order
  #most

  constructor(definition) {
    const [request] = definition.requests ?? []
    this.#title = definition.title ?? ''
    const [wanted] = request?.sort?.order_by ?? []
    const limited = (request?.formulas ?? []).findIndex(({ limit }) => limit?.order)
    this.#order =
      wanted?.type === 'group'
        ? { key: wanted.name, isDescending: wanted.order === 'desc' }
        : {
            column: wanted?.index ?? Math.max(0, limited),
            isDescending: (wanted?.order ?? request?.formulas?.[limited]?.limit?.order ?? 'desc') === 'desc',
          }
    this.#most = request?.sort?.count ?? request?.limit ?? Number.POSITIVE_INFINITY
    this.element.append(this.#table)
  }

  /** `answers` are those of the definition's requests. Gives the number of rows. */
  draw(requests, answers) {
    this.#columns = requests.flatMap((request, index) => columnsOf(request, index, answers[index]))
    const rows = new Map()
    for (const [index, { values }] of answers.entries())
      for (const { tags, formula, value, unit } of values) {
        const id = JSON.stringify(tags)
        if (!rows.has(id)) rows.set(id, { tags, cells: [] })
        const column = this.#columns.findIndex((one) => one.request === index && one.formula === formula)
        rows.get(id).cells[column] = { value, unit }
      }
    this.#rows = [...rows.values()].filter(({ cells }) =>
      cells.some((cell) => (cell?.value ?? null) !== null),
    )
    this.#keys = [...new Set(this.#rows.flatMap(({ tags }) => Object.keys(tags)))]
    this.#show()
    return this.#rows.length
  }

  #show() {
    const focused = this.#table.contains(document.activeElement)
      ? document.activeElement.dataset.column
      : undefined
    const rows = this.#sorted().slice(0, this.#most)
    const most = this.#columns.map((_, column) =>
      Math.max(0, ...this.#rows.map(({ cells }) => Math.abs(cells[column]?.value ?? 0))),
    )
    this.#table.replaceChildren(
      h('caption', { class: 'hidden' }, this.#title),
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          this.#keys.map((key) => this.#head(key.replace(/^@/, ''), { key }, 'group')),
          this.#columns.map(({ label }, column) => this.#head(label, { column }, 'number')),
        ),
      ),
      h(
        'tbody',
        {},
        rows.map(({ tags, cells }) =>
          h(
            'tr',
            {},
            this.#keys.map((key, index) =>
              h(
                index === 0 ? 'th' : 'td',
                { class: 'group', scope: index === 0 ? 'row' : undefined, title: tags[key] },
                tags[key] ?? '–',
              ),
            ),
            this.#columns.map((column, index) => drawCell(column, cells[index], most[index])),
          ),
        ),
      ),
    )
    if (focused !== undefined)
      this.#table.querySelector(`button[data-column="${CSS.escape(focused)}"]`)?.focus()
  }

  #head(label, by, kind) {
    const isOrder = by.key === undefined ? this.#order.column === by.column : this.#order.key === by.key
    const direction = this.#order.isDescending ? 'descending' : 'ascending'
    return h(
      'th',
      { class: kind, scope: 'col', 'aria-sort': isOrder ? direction : 'none' },
      h(
        'button',
        {
          type: 'button',
          title: `${label}: sort by it`,
          data: { column: by.key ?? String(by.column) },
          onclick: () => {
            const isDescending = isOrder ? !this.#order.isDescending : by.key === undefined
            this.#order = { ...by, isDescending }
            this.#show()
          },
        },
        h('span', {}, label),
        isOrder && h('span', { class: 'arrow', 'aria-hidden': 'true' }, this.#order.isDescending ? '↓' : '↑'),
      ),
    )
  }

  /** Rows without a value are last in both directions. */
  #sorted() {
    const { key, column, isDescending } = this.#order
    const sign = isDescending ? -1 : 1
    const compare = (one, other) => {
      if (key !== undefined)
        return (
          sign *
          String(one.tags[key] ?? '').localeCompare(String(other.tags[key] ?? ''), 'en', { numeric: true })
        )
      const [a, b] = [one, other].map(({ cells }) => cells[column]?.value ?? null)
      if (a === null || b === null) return Number(a === null) - Number(b === null)
      return sign * (a - b)
    }
    return [...this.#rows].sort(compare)
  }
}

function columnsOf(request, index, answer) {
  const formulas = request.formulas?.length
    ? request.formulas
    : Array.from(request.queries ?? [{}], () => ({}))
  return formulas.map((formula, position) => ({
    request: index,
    formula: position,
    label:
      formula.alias ??
      request.alias ??
      answer.values.find((one) => one.formula === position)?.label ??
      formula.formula,
    format: formula.number_format,
    formats: formula.conditional_formats ?? request.conditional_formats,
    isBar: (formula.cell_display_mode ?? request.cell_display_mode?.[position]) === 'bar',
  }))
}

function drawCell({ format, formats, isBar }, cell, most) {
  const value = cell?.value ?? null
  const element = h(
    'td',
    { class: isBar ? 'number bar' : 'number' },
    h('span', {}, value === null ? '–' : formatValue(value, unitOf(cell.unit, format))),
  )
  if (value === null) return element
  if (isBar) {
    element.style.setProperty('--share', `${most === 0 ? 0 : (Math.abs(value) / most) * 100}%`)
  }
  applyFormat(element, formats, value)
  return element
}
