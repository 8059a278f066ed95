/** A chart as SVG text: no script, no font or style from elsewhere, light and dark by the reader's own setting. */

export interface ChartPoint {
  readonly x: number
  readonly y: number
  readonly low?: number
  readonly high?: number
}

export interface Series {
  readonly name: string
  /** Which of the six colours. */
  readonly color: number
  /** Points without a line are drawn hollow. */
  readonly style: 'line' | 'dashed' | 'points'
  readonly points: readonly ChartPoint[]
}

export interface Chart {
  readonly title: string
  readonly xLabel: string
  readonly yLabel: string
  readonly isLogarithmic: boolean
  readonly series: readonly Series[]
  readonly caption: readonly string[]
}

const WIDTH = 860
const PLOT = { left: 70, right: 620, top: 46, bottom: 400 }
const CAPTION_TOP = 466
const LINE_HEIGHT = 18

const STYLE = `
.chart { --ground: #fff; --ink: #1b1f24; --grid: #d9dde3; --c0: #0b62c4; --c1: #b3470a; --c2: #13795b; --c3: #7c3aad; font: 13px system-ui, sans-serif; }
@media (prefers-color-scheme: dark) { .chart { --ground: #14171c; --ink: #e4e7eb; --grid: #363c45; --c0: #6cb2ff; --c1: #ff9d5c; --c2: #53d3a4; --c3: #c79bff; } }
.chart text { fill: var(--ink); } .chart .ground { fill: var(--ground); } .chart .grid { stroke: var(--grid); }
.chart .title { font-size: 16px; font-weight: 600; }
`

export function drawChart(chart: Chart): string {
  const points = chart.series.flatMap((series) => series.points)
  const x = scaleOf(
    points.map((point) => point.x),
    chart.isLogarithmic,
    PLOT.left,
    PLOT.right,
  )
  const y = scaleOf(
    points.flatMap((point) => [point.y, point.low ?? point.y, point.high ?? point.y]),
    chart.isLogarithmic,
    PLOT.bottom,
    PLOT.top,
  )
  const height = CAPTION_TOP + chart.caption.length * LINE_HEIGHT
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeXml(chart.title)}">`,
    `<style>${STYLE}</style>`,
    `<rect class="ground" width="${WIDTH}" height="${height}"/>`,
    text(PLOT.left, 26, chart.title, 'class="title"'),
    ...x.ticks.map((tick) => gridLine(x.place(tick), PLOT.top, x.place(tick), PLOT.bottom)),
    ...x.ticks.map((tick) => text(x.place(tick), PLOT.bottom + 18, label(tick), 'text-anchor="middle"')),
    ...y.ticks.map((tick) => gridLine(PLOT.left, y.place(tick), PLOT.right, y.place(tick))),
    ...y.ticks.map((tick) => text(PLOT.left - 8, y.place(tick) + 4, label(tick), 'text-anchor="end"')),
    text((PLOT.left + PLOT.right) / 2, PLOT.bottom + 40, chart.xLabel, 'text-anchor="middle"'),
    text(PLOT.left - 8, PLOT.top - 14, chart.yLabel, 'text-anchor="end"'),
    ...chart.series.flatMap((series) => drawSeries(series, x.place, y.place)),
    ...chart.series.flatMap(legendEntry),
    ...chart.caption.map((line, index) => text(PLOT.left, CAPTION_TOP + index * LINE_HEIGHT, line)),
    '</svg>',
    '',
  ].join('\n')
}

interface Scale {
  readonly ticks: readonly number[]
  place(value: number): number
}

function scaleOf(values: readonly number[], isLogarithmic: boolean, from: number, to: number): Scale {
  const [least, most] = [Math.min(...values), Math.max(...values)]
  const ticks = isLogarithmic ? logarithmicTicks(least, most) : linearTicks(most)
  const position = (value: number) => (isLogarithmic ? Math.log(value) : value)
  const [start, end] = [position(ticks[0]!), position(ticks.at(-1)!)]
  return {
    ticks,
    place: (value) =>
      Math.round(10 * (from + ((position(value) - start) / (end - start)) * (to - from))) / 10,
  }
}

/** From 0 up to beyond the most, five to ten of them. */
function linearTicks(most: number): number[] {
  const power = 10 ** Math.floor(Math.log10(most / 5))
  const step = power * [1, 2, 5, 10].find((factor) => most / (power * factor) <= 8)!
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, index) =>
    Number((index * step).toPrecision(6)),
  )
}

/** 1, 2, 5 in each decade while they are few; powers of ten alone where they are many. */
function logarithmicTicks(least: number, most: number): number[] {
  const decades = Math.log10(most / least)
  const factors = decades > 3 ? [1] : [1, 2, 5]
  const first = Math.floor(Math.log10(least))
  const all = Array.from({ length: Math.ceil(decades) + 3 }, (_, index) =>
    factors.map((factor) => Number((factor * 10 ** (first + index)).toPrecision(1))),
  ).flat()
  const start = all.findLastIndex((tick) => tick <= least)
  const end = all.findIndex((tick) => tick >= most)
  return all.slice(Math.max(0, start), Math.max(end, start + 1) + 1)
}

function drawSeries(series: Series, x: (value: number) => number, y: (value: number) => number): string[] {
  const stroke = `stroke="var(--c${series.color})"`
  const path = series.points.map((point) => `${x(point.x)},${y(point.y)}`).join(' ')
  const line =
    series.style === 'points'
      ? []
      : [`<polyline points="${path}" fill="none" ${stroke} stroke-width="2"${dashes(series)}/>`]
  return [...line, ...series.points.flatMap((point) => drawPoint(series, point, x(point.x), y))]
}

function drawPoint(series: Series, point: ChartPoint, x: number, y: (value: number) => number): string[] {
  const stroke = `stroke="var(--c${series.color})"`
  const dot = `<circle cx="${x}" cy="${y(point.y)}" r="${series.style === 'points' ? 6 : 3.5}" ${fill(series)} ${stroke} stroke-width="1.5"/>`
  if (point.low === undefined || point.high === undefined) return [dot]
  const [low, high] = [y(point.low), y(point.high)]
  const interval = `M${x},${low}V${high}M${x - 4},${low}h8M${x - 4},${high}h8`
  return [`<path d="${interval}" ${stroke} stroke-width="1.5"/>`, dot]
}

function legendEntry(series: Series, index: number): string[] {
  const [x, y] = [PLOT.right + 20, PLOT.top + 10 + index * 22]
  const stroke = `stroke="var(--c${series.color})"`
  const mark =
    series.style === 'points'
      ? `<circle cx="${x + 13}" cy="${y}" r="6" fill="none" ${stroke} stroke-width="1.5"/>`
      : `<path d="M${x},${y}h26" ${stroke} stroke-width="2"${dashes(series)}/>`
  return [mark, text(x + 34, y + 4, series.name)]
}

function dashes({ style }: Series): string {
  return style === 'dashed' ? ' stroke-dasharray="6 4"' : ''
}

function fill({ style, color }: Series): string {
  return style === 'points' ? 'fill="none"' : `fill="var(--c${color})"`
}

function gridLine(x1: number, y1: number, x2: number, y2: number): string {
  return `<line class="grid" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"/>`
}

function text(x: number, y: number, content: string, attributes = ''): string {
  return `<text x="${x}" y="${y}" ${attributes}>${escapeXml(content)}</text>`
}

function label(value: number): string {
  return value.toLocaleString('en-US', { maximumSignificantDigits: 4 })
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

export function escapeXml(content: string): string {
  return content.replaceAll(/[&<>"]/g, (character) => ESCAPES[character] ?? character)
}
