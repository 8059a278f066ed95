import { themeColor } from './colors.js'
import { h } from './dom.js'
import { clock, formatCount, formatValue, plainUnit } from './format.js'
import { cursorOptions, Plot, placeTooltip, timeAxis, valueAxis, zoomHook } from './plot.js'

/** The common part of both charts: cells that a hook paints, and a box about the cell under the cursor. */
class CellChart {
  element
  plot = new Plot()
  tooltip = h('div', { class: 'tooltip', hidden: true })
  caption = h('p', { class: 'legend' })
  answer

  constructor({ onZoom } = {}) {
    this.onZoom = onZoom
    this.element = h('div', { class: 'chart' }, this.plot.element, this.caption, this.tooltip)
  }

  options({ scales, axes, sync, paint, describe }) {
    return {
      ms: 1,
      legend: { show: false },
      padding: [8, 8, 0, 0],
      cursor: {
        ...cursorOptions,
        points: { show: false },
        ...(sync ? { sync: { key: 'time', scales: ['x', null] } } : { drag: { x: false } }),
      },
      scales,
      axes,
      // Points that are never drawn: the scales need them.
      series: [{}, { scale: 'y', paths: () => null, points: { show: false } }],
      hooks: {
        draw: [paint],
        setSelect: sync ? [zoomHook(this.onZoom)] : [],
        setCursor: [(plot) => this.#describe(plot, describe)],
        ready: [
          (plot) => {
            plot.over.addEventListener('mouseenter', () => {
              this.isHovered = true
            })
            plot.over.addEventListener('mouseleave', () => {
              this.isHovered = false
              this.tooltip.hidden = true
            })
          },
        ],
      },
    }
  }

  #describe(plot, describe) {
    const { left, top } = plot.cursor
    const found = this.isHovered && left >= 0 ? describe(plot, left, top) : undefined
    this.tooltip.hidden = found === undefined
    if (found === undefined) return
    this.tooltip.replaceChildren(...found)
    placeTooltip(this.tooltip, plot, this.element)
  }
}

/** Pixels: smaller cells look like dust, and not like a shape. */
const LEAST_CELL = { width: 6, height: 5 }

/** Joins neighbouring rows and times until cells are large enough to be seen in a box of this size. */
function coarser(answer, { clientWidth, clientHeight }) {
  const rows = usedRows(answer.edges, answer.totals)
  if (!rows) return answer
  const inOne = (cells, pixels, least) => Math.max(1, Math.ceil((cells * least) / Math.max(least, pixels)))
  const tall = inOne(rows.last - rows.first + 1, clientHeight, LEAST_CELL.height)
  const wide = inOne(answer.times.length, clientWidth, LEAST_CELL.width)
  const joined = (counts) => {
    const sums = new Array(Math.ceil(counts.length / tall)).fill(0)
    for (const [row, count] of counts.entries()) sums[Math.floor(row / tall)] += count
    return sums
  }
  const last = answer.edges.length - 1
  const interval = answer.interval * wide
  const columns = new Map()
  for (const [index, time] of answer.times.entries()) {
    // The start of a column does not depend on the time of the request, or cells would flicker.
    const start = Math.floor(time / (interval * 1000)) * interval * 1000
    const own = joined(answer.counts[index])
    const before = columns.get(start)
    columns.set(start, before ? before.map((count, row) => count + own[row]) : own)
  }
  return {
    ...answer,
    interval,
    times: [...columns.keys()],
    counts: [...columns.values()],
    edges: answer.edges.filter((_, row) => row % tall === 0 || row === last),
    totals: joined(answer.totals),
  }
}

/** The rows with observations, and one more on either side. */
function usedRows(edges, totals) {
  const first = totals.findIndex((count) => count > 0)
  const last = totals.findLastIndex((count) => count > 0)
  if (first < 0) return undefined
  return { first: Math.max(0, first - 1), last: Math.min(edges.length - 2, last + 1) }
}

/** Whether a logarithm shows more. Within few multiples it has hardly a round number for a label. */
const isWide = ({ edges, scale }, { first, last }) =>
  scale === 'log' && edges[first] > 0 && edges[last + 1] > 4 * edges[first]

const valueScale = (isLogarithmic, bounds) => ({
  time: false,
  ...(isLogarithmic && { distr: 3 }),
  range: bounds,
})

/** The frequency of values over time: the darker (in the dark: the lighter), the more often. */
export class HeatChart extends CellChart {
  draw(title, whole, unit) {
    const answer = coarser(whole, this.plot.element)
    this.answer = answer
    const { edges, totals, times } = answer
    const rows = usedRows(edges, totals)
    if (!rows) return
    const isLogarithmic = isWide(answer, rows)
    const bounds = () => {
      const { edges, totals } = this.answer
      const { first, last } = usedRows(edges, totals) ?? rows
      return [edges[first], edges[last + 1]]
    }
    const signature = JSON.stringify([isLogarithmic, unit])
    const options = () =>
      this.options({
        scales: {
          x: { time: true, range: () => [this.answer.from, this.answer.to] },
          y: valueScale(isLogarithmic, bounds),
        },
        axes: [timeAxis(), valueAxis(unit, { scale: 'y', isLogarithmic })],
        sync: true,
        paint: (plot) => this.#paint(plot),
        describe: (plot, left, top) => this.#cell(plot, left, top, unit),
      })
    this.plot.show(signature, options, [times, times.map(() => edges[rows.first])])
    this.plot.element.setAttribute('role', 'img')
    this.plot.element.setAttribute('aria-label', `${title}: frequency of values over time`)
    this.caption.textContent = `${formatCount(totals.reduce((sum, count) => sum + count, 0))} observations · ${percentiles(whole.edges, whole.totals, unit)}`
  }

  #paint(plot) {
    const { times, interval, edges, counts } = this.answer
    const most = Math.max(1, ...counts.map((row) => Math.max(...row)))
    const { ctx, bbox } = plot
    ctx.save()
    ctx.beginPath()
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height)
    ctx.clip()
    ctx.fillStyle = themeColor('--heat')
    const heights = edges.map((edge) => plot.valToPos(edge, 'y', true))
    const gap = devicePixelRatio
    for (const [index, time] of times.entries()) {
      const left = plot.valToPos(time, 'x', true)
      const width = Math.max(1, plot.valToPos(time + interval * 1000, 'x', true) - left - gap)
      for (const [row, count] of counts[index].entries()) {
        if (count === 0) continue
        ctx.globalAlpha = 0.2 + 0.8 * Math.sqrt(count / most)
        const [bottom, top] = [heights[row], heights[row + 1]]
        ctx.fillRect(left, top, width, Math.max(1, bottom - top - gap))
      }
    }
    ctx.restore()
  }

  #cell(plot, left, top, unit) {
    const { times, interval, edges, counts } = this.answer
    const column = Math.floor((plot.posToVal(left, 'x') - (times[0] ?? 0)) / (interval * 1000))
    const value = plot.posToVal(top, 'y')
    const row = edges.findLastIndex((edge) => edge <= value)
    const count = counts[column]?.[row]
    if (count === undefined || row < 0) return undefined
    return [
      h('p', { class: 'time' }, clock(times[column]), ' ', h('span', { class: 'muted' }, `${interval} s`)),
      h(
        'p',
        {},
        h(
          'span',
          { class: 'name' },
          `${formatValue(edges[row], unit)} to ${formatValue(edges[row + 1], unit)}`,
        ),
        h('b', {}, formatCount(count)),
      ),
    ]
  }
}

/** The frequency of values over the whole time. */
export class DistributionChart extends CellChart {
  draw(title, answer, unit) {
    this.answer = answer
    const { edges, totals } = answer
    const rows = usedRows(edges, totals)
    if (!rows) return
    const isLogarithmic = isWide(answer, rows)
    const bounds = () => {
      const { edges, totals } = this.answer
      const { first, last } = usedRows(edges, totals) ?? rows
      return [edges[first], edges[last + 1]]
    }
    const middles = totals.map((_, row) =>
      isLogarithmic ? Math.sqrt(edges[row] * edges[row + 1]) : (edges[row] + edges[row + 1]) / 2,
    )
    const options = () =>
      this.options({
        scales: {
          x: valueScale(isLogarithmic, bounds),
          y: { range: (_plot, _min, max) => [0, (max || 1) * 1.08] },
        },
        axes: [
          valueAxis(unit, { scale: 'x', isLogarithmic, space: 70, size: 26, gap: 7 }),
          valueAxis(plainUnit(''), { scale: 'y' }),
        ],
        sync: false,
        paint: (plot) => this.#paint(plot),
        describe: (plot, left) => this.#bar(plot, left, unit),
      })
    const used = middles.map((_, row) => row).filter((row) => row >= rows.first && row <= rows.last)
    const signature = JSON.stringify([isLogarithmic, unit])
    this.plot.show(signature, options, [used.map((row) => middles[row]), used.map((row) => totals[row])])
    this.plot.element.setAttribute('role', 'img')
    this.plot.element.setAttribute('aria-label', `${title}: frequency of values`)
    this.caption.textContent = `${formatCount(totals.reduce((sum, count) => sum + count, 0))} observations · ${percentiles(edges, totals, unit)}`
  }

  #paint(plot) {
    const { edges, totals } = this.answer
    const { ctx, bbox } = plot
    ctx.save()
    ctx.beginPath()
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height)
    ctx.clip()
    ctx.fillStyle = themeColor('--heat')
    const gap = devicePixelRatio
    const floor = bbox.top + bbox.height
    for (const [row, count] of totals.entries()) {
      if (count === 0) continue
      const left = plot.valToPos(edges[row], 'x', true)
      const right = plot.valToPos(edges[row + 1], 'x', true)
      const top = plot.valToPos(count, 'y', true)
      // One of thousands is visible, too.
      ctx.fillRect(
        left,
        Math.min(top, floor - 2 * gap),
        Math.max(1, right - left - gap),
        Math.max(2 * gap, floor - top),
      )
    }
    ctx.restore()
  }

  #bar(plot, left, unit) {
    const { edges, totals } = this.answer
    const row = edges.findLastIndex((edge) => edge <= plot.posToVal(left, 'x'))
    if (row < 0 || totals[row] === undefined) return undefined
    return [
      h(
        'p',
        {},
        h(
          'span',
          { class: 'name' },
          `${formatValue(edges[row], unit)} to ${formatValue(edges[row + 1], unit)}`,
        ),
        h('b', {}, formatCount(totals[row])),
      ),
    ]
  }
}

/** Percentiles as the upper bounds of their rows. */
function percentiles(edges, totals, unit) {
  const all = totals.reduce((sum, count) => sum + count, 0)
  return [50, 95, 99]
    .map((percent) => {
      let seen = 0
      const row = totals.findIndex((count) => {
        seen += count
        return seen >= Math.ceil((percent / 100) * all)
      })
      return `p${percent} below ${formatValue(edges[row + 1], unit)}`
    })
    .join(' · ')
}
