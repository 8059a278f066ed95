import { ChartLegend, swatch, valueAt } from './chart-legend.js'
import { faint, themeColor } from './colors.js'
import { h } from './dom.js'
import { EventLines } from './event-lines.js'
import { clock, formatValue, plainUnit, sameUnit } from './format.js'
import { drawMarkers } from './markers.js'
import { cursorOptions, Plot, placeTooltip, timeAxis, uPlot, valueAxis, zoomHook } from './plot.js'

const MOST_IN_TOOLTIP = 14
/** In pixels. */
const SHORTEST_LINE = 8

/**
 * Lines, stacked areas and stacked bars over time, with a legend.
 *
 * A model is {title, from, to, series, yaxis, rightYaxis, markers, events, legend}, and a series {key, label, times, interval,
 * completeUntil, values, unit, type: 'line' | 'area' | 'bars', stack, isRight, color, width, dash}. Series of one `stack`
 * share their times.
 */
export class TimeChart {
  element
  #plot = new Plot()
  #legend = new ChartLegend({ onIsolate: (key) => this.#isolate(key) })
  #events = new EventLines()
  #tooltip = h('div', { class: 'tooltip', hidden: true })
  #model
  #hidden = new Set()
  #isHovered = false
  #drawn = []
  #onZoom

  constructor({ onZoom } = {}) {
    this.#onZoom = onZoom
    this.element = h(
      'div',
      { class: 'chart' },
      this.#plot.element,
      this.#events.element,
      this.#legend.element,
      this.#tooltip,
    )
    new ResizeObserver(() => this.#legend.fit(this.element.clientHeight)).observe(this.element)
  }

  draw(model) {
    this.#model = model
    const isLogarithmic = { left: model.yaxis?.scale === 'log', right: model.rightYaxis?.scale === 'log' }
    const shown = model.series.filter(({ key }) => !this.#hidden.has(key))
    const drawn = inDrawingOrder(shown)
    const levels = stacked(shown)
    this.#drawn = drawn
    const data = joined(drawn, (one) => {
      const values = levels.get(one) ?? one.values
      return isLogarithmic[one.isRight ? 'right' : 'left']
        ? values.map((value) => (value > 0 ? value : null))
        : values
    })
    const signature = JSON.stringify([
      drawn.map(({ key, type, values, color, width, dash, isRight, unit }) => [
        key,
        type,
        isFlat(values),
        color,
        width,
        dash,
        isRight,
        unit.base,
        unit.word,
        unit.per,
      ]),
      model.yaxis,
      model.rightYaxis,
      model.markers,
    ])
    this.#events.show(model.events ?? [])
    this.#plot.show(signature, () => this.#options(drawn, isLogarithmic), data)
    this.#plot.element.setAttribute('role', 'img')
    this.#plot.element.setAttribute('aria-label', `${model.title}: ${model.series.length} series over time`)
    this.#legend.draw(model.series, model.legend, this.#hidden)
  }

  #options(drawn, isLogarithmic) {
    const onRight = drawn.filter(({ isRight }) => isRight)
    const onLeft = drawn.filter(({ isRight }) => !isRight)
    const { yaxis, rightYaxis } = this.#model
    return {
      ms: 1,
      legend: { show: false },
      padding: [8, onRight.length > 0 ? 0 : 8, 0, 0],
      cursor: { ...cursorOptions, sync: { key: 'time', scales: ['x', null] } },
      scales: {
        x: { time: true, range: () => [this.#model.from, this.#model.to] },
        left: scaleOf(yaxis, isLogarithmic.left),
        right: scaleOf(rightYaxis, isLogarithmic.right),
      },
      axes: [
        timeAxis(),
        valueAxis(commonUnit(onLeft), {
          scale: 'left',
          isLogarithmic: isLogarithmic.left,
          show: onLeft.length > 0,
        }),
        valueAxis(commonUnit(onRight), {
          scale: 'right',
          side: 1,
          isLogarithmic: isLogarithmic.right,
          show: onRight.length > 0,
          grid: { show: onLeft.length === 0, stroke: themeColor('--grid'), width: 1 },
        }),
      ],
      series: [{}, ...drawn.map(seriesOptions)],
      bands: bandsOf(drawn),
      hooks: {
        drawClear: [(plot) => this.#shadeUnfinished(plot)],
        draw: [
          (plot) => drawMarkers(plot, this.#model.markers ?? [], onLeft.length > 0 ? 'left' : 'right'),
          (plot) => this.#events.place(plot, this.element),
        ],
        setSelect: [zoomHook(this.#onZoom)],
        setCursor: [(plot) => this.#follow(plot)],
        ready: [(plot) => this.#listen(plot)],
      },
    }
  }

  #listen(plot) {
    plot.over.addEventListener('mouseenter', () => {
      this.#isHovered = true
    })
    plot.over.addEventListener('mouseleave', () => {
      this.#isHovered = false
      this.#tooltip.hidden = true
    })
  }

  /** The last values may still grow, and would look like a fall. */
  #shadeUnfinished(plot) {
    const from = Math.min(
      ...this.#drawn.map(({ completeUntil }) => completeUntil ?? Number.POSITIVE_INFINITY),
    )
    const { from: begin, to: end } = this.#model
    if (!(from < end)) return
    const left = plot.valToPos(Math.max(from, begin), 'x', true)
    const right = plot.valToPos(end, 'x', true)
    plot.ctx.fillStyle = themeColor('--unfinished')
    plot.ctx.fillRect(left, plot.bbox.top, right - left, plot.bbox.height)
  }

  #follow(plot) {
    const { left } = plot.cursor
    const at = left >= 0 ? plot.posToVal(left, 'x') : undefined
    this.#legend.showValues(at)
    if (!this.#isHovered || at === undefined) {
      this.#tooltip.hidden = true
      return
    }
    const rows = this.#drawn
      .map((one) => ({ one, found: valueAt(one, at) }))
      .filter(({ found }) => found !== undefined)
      .sort((a, b) => b.found.value - a.found.value)
    const events = this.#events.rowsAt(plot)
    if (rows.length + events.length === 0) {
      this.#tooltip.hidden = true
      return
    }
    const more = rows.length - MOST_IN_TOOLTIP
    this.#tooltip.replaceChildren(
      ...events,
      rows.length > 0
        ? h(
            'p',
            { class: 'time' },
            clock(rows[0].found.time),
            ' ',
            h('span', { class: 'muted' }, `${rows[0].one.interval} s`),
          )
        : '',
      ...rows
        .slice(0, MOST_IN_TOOLTIP)
        .map(({ one, found }) =>
          h(
            'p',
            {},
            swatch(one),
            h('span', { class: 'name' }, one.label),
            h('b', {}, formatValue(found.value, one.unit)),
          ),
        ),
      more > 0 ? h('p', { class: 'muted' }, `and ${more} more`) : '',
    )
    placeTooltip(this.#tooltip, plot, this.element)
  }

  #isolate(key) {
    const others = this.#model.series.map((one) => one.key).filter((other) => other !== key)
    const isAlone =
      others.length > 0 && others.every((other) => this.#hidden.has(other)) && !this.#hidden.has(key)
    this.#hidden = new Set(isAlone ? [] : others)
    this.draw(this.#model)
  }
}

/** Bars behind areas behind lines, and the tallest of a stack first, so each shows its own part. */
function inDrawingOrder(series) {
  const of = (type) => series.filter((one) => one.type === type)
  return [...of('bars').reverse(), ...of('area').reverse(), ...of('line')]
}

/** The heights of stacked series. A time without a value in the whole stack is a gap. */
function stacked(series) {
  const levels = new Map()
  const heights = new Map()
  for (const one of series) {
    if (one.type === 'line') continue
    const stack = series.filter(({ stack, type }) => stack === one.stack && type === one.type)
    const key = `${one.type} ${one.stack}`
    const below = heights.get(key) ?? one.values.map(() => 0)
    const level = one.values.map((value, index) =>
      stack.every(({ values }) => values[index] === null) ? null : below[index] + (value ?? 0),
    )
    heights.set(
      key,
      level.map((value) => value ?? 0),
    )
    levels.set(one, level)
  }
  return levels
}

/** One table for all series: those of one request share their times, and the others are joined to them. */
function joined(series, valuesOf) {
  if (series.length === 0) return [[], []].slice(0, 1)
  const tables = new Map()
  for (const one of series) {
    const key = `${one.times[0]} ${one.interval} ${one.times.length}`
    if (!tables.has(key)) tables.set(key, { times: one.times, members: [] })
    tables.get(key).members.push(one)
  }
  if (tables.size === 1) return [series[0].times, ...series.map(valuesOf)]
  const all = [...tables.values()]
  const [times, ...columns] = uPlot.join(all.map(({ times, members }) => [times, ...members.map(valuesOf)]))
  const order = all.flatMap(({ members }) => members)
  return [times, ...series.map((one) => columns[order.indexOf(one)])]
}

function bandsOf(drawn) {
  const bands = []
  for (const [index, one] of drawn.entries()) {
    if (one.type !== 'area') continue
    const below = drawn.findIndex(
      (other, at) => at > index && other.type === 'area' && other.stack === one.stack,
    )
    if (below >= 0) bands.push({ series: [index + 1, below + 1], fill: faint(one.color, 0.35) })
  }
  return bands
}

function seriesOptions(one) {
  const scale = one.isRight ? 'right' : 'left'
  const common = { scale, label: one.label, stroke: one.color, spanGaps: false }
  if (one.type === 'bars')
    return {
      ...common,
      // Bars of 0 have no height, and would look like no data.
      width: isFlat(one.values) ? 1 : 0,
      fill: one.color,
      paths: uPlot.paths.bars({ size: [0.86, 60], align: 1 }),
      points: { show: false },
    }
  const lonely = { show: false, size: 7, width: 0, fill: one.color, filter: tooShortForALine }
  if (one.type === 'area') return { ...common, width: 1, fill: faint(one.color, 0.35), points: lonely }
  return { ...common, width: one.width ?? 1.5, dash: one.dash, points: lonely }
}

function isFlat(values) {
  return values.every((value) => !value)
}

/** Values between two gaps are drawn as points, if a line between the gaps would be too short to see. */
function tooShortForALine(plot, index) {
  const [times] = plot.data
  const values = plot.data[index]
  const points = []
  let run = []
  const endRun = () => {
    const width =
      run.length === 0 ? 0 : plot.valToPos(times[run.at(-1)], 'x') - plot.valToPos(times[run[0]], 'x')
    if (width < SHORTEST_LINE) points.push(...run)
    run = []
  }
  // An undefined value belongs to another series' times, and is no gap.
  for (let at = 0; at < values.length; at += 1)
    if (values[at] === null) endRun()
    else if (values[at] !== undefined) run.push(at)
  endRun()
  return points
}

function scaleOf(axis, isLogarithmic) {
  const wished = (value) =>
    value === undefined || value === 'auto' || value === '' ? undefined : Number(value)
  const [least, most] = [wished(axis?.min), wished(axis?.max)]
  if (isLogarithmic)
    return {
      distr: 3,
      range: (_plot, min, max) =>
        min === null || max === null
          ? [1, 10]
          : uPlot.rangeLog(least > 0 ? least : min, most ?? max, 10, false),
    }
  const withZero = axis?.include_zero !== false
  return {
    range: (_plot, min, max) => {
      if (min === null || max === null) return [0, 1]
      const room = (max - (withZero ? Math.min(0, min) : min)) * 0.08 || Math.abs(max) * 0.1 || 1
      const low = least ?? (withZero ? (min < 0 ? min - room : 0) : min - room)
      // A line of zeros would lie on the edge, and be cut off.
      return [low === 0 && min === 0 ? -0.15 * room : low, most ?? max + room]
    },
  }
}

function commonUnit(series) {
  const first = series[0]?.unit
  return first && series.every(({ unit }) => sameUnit(unit, first)) ? first : plainUnit('')
}
