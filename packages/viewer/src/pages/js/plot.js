import uPlot from '/vendor/uplot.js'
import { isDark, onScheme, themeColor } from './colors.js'
import { axisLabels } from './format.js'

export { uPlot }

const FONT = '11px ui-sans-serif, system-ui, sans-serif'
/** Average width of a character. */
const CHARACTER_PX = 6.3
const two = (number) => String(number).padStart(2, '0')

/**
 * A uPlot that fills its box and follows its size. It is made anew only when `signature` changes. New data alone go to the
 * existing one.
 */
export class Plot {
  element = document.createElement('div')
  plot
  #signature
  #observer
  #latest

  constructor() {
    this.element.className = 'plot'
    this.#observer = new ResizeObserver(() => this.#resize())
    this.#observer.observe(this.element)
    onScheme(() => {
      if (this.#latest && this.element.isConnected) this.show(...this.#latest)
    })
  }

  /** `options` is called for a new uPlot. `data` has uPlot's own form. */
  show(signature, options, data) {
    this.#latest = [signature, options, data]
    const { clientWidth: width, clientHeight: height } = this.element
    // It is drawn when it gets a size.
    if (width === 0 || height === 0) return
    const made = `${signature}${isDark() ? ' dark' : ''}`
    if (this.plot && made === this.#signature) {
      this.plot.setData(data)
      return
    }
    this.plot?.destroy()
    this.#signature = made
    this.plot = new uPlot({ width, height, ...options() }, data, this.element)
  }

  clear() {
    this.plot?.destroy()
    this.plot = undefined
    this.#latest = undefined
  }

  #resize() {
    const { clientWidth: width, clientHeight: height } = this.element
    if (!this.#latest || width === 0 || height === 0) return
    if (this.plot) this.plot.setSize({ width, height })
    else this.show(...this.#latest)
  }
}

export function timeAxis() {
  return {
    ...lines(),
    space: 64,
    size: 26,
    gap: 7,
    values: (plot, splits, _axis, _space, step) => withoutCutOff(plot, splits, (ms) => timeLabel(ms, step)),
  }
}

function timeLabel(ms, step) {
  const time = new Date(ms)
  if (step >= 86_400_000) return `${two(time.getMonth() + 1)}-${two(time.getDate())}`
  const minutes = `${two(time.getHours())}:${two(time.getMinutes())}`
  return step < 60_000 ? `${minutes}:${two(time.getSeconds())}` : minutes
}

/** The labels of a horizontal axis, but for those that the edge would cut off. */
function withoutCutOff(plot, splits, labelOf) {
  const { min, max } = plot.scales.x
  const { left, width } = plot.bbox
  return splits.map((split) => {
    const label = labelOf(split)
    if (!label || !(width > 0)) return label
    const middle = (left + width * shareOf(plot, split, min, max)) / devicePixelRatio
    const half = (label.length * CHARACTER_PX) / 2
    return middle - half < 0 || middle + half > plot.width ? '' : label
  })
}

function shareOf(plot, value, min, max) {
  if (plot.scales.x.distr === 3) return Math.log(value / min) / Math.log(max / min)
  return (value - min) / (max - min)
}

export function valueAxis(unit, { isLogarithmic = false, ...more } = {}) {
  const binary = unit.base === 'By' ? { incrs: POWERS_OF_TWO } : {}
  const plain = lines()
  return {
    ...plain,
    ...(isLogarithmic ? { splits: logSplits, grid: { ...plain.grid, filter: wholePowers } } : binary),
    size: (_plot, labels) => 14 + Math.max(3, ...(labels ?? []).map((label) => label.length)) * CHARACTER_PX,
    gap: 4,
    space: 28,
    values: (plot, splits) => {
      const labels = axisLabels(splits, unit, isLogarithmic)
      return more.scale === 'x'
        ? withoutCutOff(plot, splits, (split) => labels[splits.indexOf(split)])
        : labels
    },
    ...more,
  }
}

/**
 * The splits of a logarithmic axis with any bounds. uPlot's own never end from 0.0982, since its step is the first value.
 */
function logSplits(_plot, _axis, min, max) {
  const splits = []
  for (let power = Math.floor(Math.log10(min)); power <= Math.log10(max); power += 1)
    for (let digit = 1; digit <= 9; digit += 1) splits.push(Number(`${digit}e${power}`))
  return splits.filter((value) => value >= min && value <= max)
}

/** Nine lines for each power of ten would hide the data. */
const wholePowers = (_plot, splits) =>
  splits.map((value) => (Number.isInteger(Math.round(Math.log10(value) * 1e6) / 1e6) ? value : null))

/** Splits of bytes at whole KiB and MiB. */
const POWERS_OF_TWO = Array.from({ length: 60 }, (_, power) => 2 ** power)

function lines() {
  const grid = themeColor('--grid')
  return {
    font: FONT,
    stroke: themeColor('--muted'),
    grid: { stroke: grid, width: 1 },
    ticks: { show: false },
    border: { show: false },
  }
}

export const cursorOptions = {
  drag: { x: true, y: false, setScale: false, dist: 8 },
  points: { size: 6 },
  y: false,
}

/** A selection with the mouse is the page's new time. */
export const zoomHook = (onZoom) => (plot) => {
  const { left, width } = plot.select
  if (width < 4) return
  const [from, to] = [plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x')]
  plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false)
  if (to - from >= 2000) onZoom?.(from, to)
}

/** Places a box beside the cursor, within the plot's width if there is room. */
export function placeTooltip(tooltip, plot, element) {
  const { left, top } = plot.cursor
  const origin = plot.over.getBoundingClientRect()
  const bounds = element.getBoundingClientRect()
  const x = origin.left - bounds.left + left
  const y = origin.top - bounds.top + top
  tooltip.hidden = false
  const { offsetWidth: width, offsetHeight: height } = tooltip
  const isRight = origin.left + left + width + 24 < document.documentElement.clientWidth
  tooltip.style.left = `${isRight ? x + 14 : Math.max(4 - bounds.left, x - width - 14)}px`
  tooltip.style.top = `${Math.min(y + 10, window.innerHeight - bounds.top - height - 8)}px`
}
