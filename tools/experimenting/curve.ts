/** A chart as SVG text: no script, no external font or style, light and dark by the reader's own setting. */

export interface ChartPoint {
  readonly x: number
  readonly y: number
  readonly low?: number
  readonly high?: number
}

/** The look of its points: joined by a line, by a dashed one, or rings without any. */
export type LineStyle = 'line' | 'dashed' | 'rings'

export interface Group {
  readonly name: string
  readonly lines: readonly { readonly style: LineStyle; readonly points: readonly ChartPoint[] }[]
}

export interface Chart {
  readonly title: string
  readonly xLabel: string
  readonly yLabel: string
  readonly isLogarithmic: { readonly x: boolean; readonly y: boolean }
  /** Readers tell four colours apart. */
  readonly groups: readonly Group[]
  /** The meaning of the styles and bars: shown in grey beside the names of the groups. */
  readonly key: readonly { readonly style: LineStyle | 'bar'; readonly name: string }[]
  readonly caption: readonly string[]
}

export interface Layout {
  readonly width: number
  readonly plotHeight: number
  /** For a page that has title and caption in its own text. */
  readonly isBare: boolean
}

export const STANDALONE: Layout = { width: 880, plotHeight: 380, isBare: false }

const MARGIN = { left: 62, right: 22, legendTop: 16 }
const LEGEND_LINE = 24
const CAPTION_LINE = 19
/** Of a character in the 13 px font, at most: fonts differ, and a name must not run into the next one. */
const CHARACTER_WIDTH = 7.2
/** The same in lines of text, in which wide and narrow letters mix. */
const CAPTION_CHARACTER_WIDTH = 6.9
/** Points of one size stand side by side, so that none hides another. */
const SIDE_STEP = 8
/** Space between the first and last size and the plot's edges. */
const X_ROOM = 0.07

export const STYLE = `
.chart { --ground: #fff; --ink: #1b1f24; --soft: #5b6470; --grid: #e3e6ea; --c0: #0b62c4; --c1: #c2500b; --c2: #0f7f5f; --c3: #7c3aad; font: 13px system-ui, sans-serif; }
@media (prefers-color-scheme: dark) { .chart { --ground: #14171c; --ink: #e4e7eb; --soft: #9aa4b1; --grid: #2b313a; --c0: #6cb2ff; --c1: #ff9d5c; --c2: #53d3a4; --c3: #c79bff; } }
.chart text { fill: var(--ink); } .chart .soft { fill: var(--soft); } .chart .ground { fill: var(--ground); } .chart .grid { stroke: var(--grid); }
.chart .title { font-size: 17px; font-weight: 600; } .chart .name { font-weight: 600; }
.chart .line { fill: none; stroke-width: 2.25; stroke-linejoin: round; } .chart .bar { stroke-width: 7; stroke-opacity: 0.25; stroke-linecap: round; }
.chart .ring { fill: none; stroke-width: 1.5; }
`

export function drawChart(chart: Chart, { width, plotHeight, isBare }: Layout = STANDALONE): string {
  const legendTop = MARGIN.legendTop + (isBare ? 0 : 30)
  const edge = isBare ? 2 : MARGIN.right
  const legend = drawLegend(chart, legendTop, edge, width)
  const plot = { left: MARGIN.left, right: width - MARGIN.right, top: legendTop + legend.height + 18 }
  const bottom = plot.top + plotHeight
  const caption = isBare
    ? []
    : chart.caption.flatMap((line) => wrap(line, Math.floor((width - 2 * edge) / CAPTION_CHARACTER_WIDTH)))
  const height = bottom + 52 + (caption.length > 0 ? 14 + caption.length * CAPTION_LINE : 0)
  const points = chart.groups.flatMap(({ lines }) => lines.flatMap(({ points }) => points))
  const xs = [...new Set(points.map(({ x }) => x))].sort((one, other) => one - other)
  const x = horizontalScale(xs, chart.isLogarithmic.x, plot.left, plot.right)
  const y = verticalScale(
    points.flatMap((point) => [point.y, point.low ?? point.y, point.high ?? point.y]),
    chart.isLogarithmic.y,
    bottom,
    plot.top,
  )
  const center = (chart.groups.length - 1) / 2
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeXml(chart.title)}">`,
    `<style>${STYLE}</style>`,
    `<rect class="ground" width="${width}" height="${height}"/>`,
    ...(isBare ? [] : [text(edge, 28, chart.title, 'class="title"')]),
    ...legend.marks,
    text(plot.left - 8, plot.top - 10, chart.yLabel, 'class="soft" text-anchor="end"'),
    ...y.ticks.map((tick) => gridLine(plot.left, y.place(tick), plot.right, y.place(tick))),
    ...y.ticks.map((tick) => text(plot.left - 8, y.place(tick) + 4, label(tick), 'text-anchor="end"')),
    ...x.ticks.map((tick) => gridLine(x.place(tick), plot.top, x.place(tick), bottom)),
    ...x.ticks.map((tick) => text(x.place(tick), bottom + 20, label(tick), 'text-anchor="middle"')),
    text((plot.left + plot.right) / 2, bottom + 42, chart.xLabel, 'class="soft" text-anchor="middle"'),
    ...chart.groups.flatMap(({ lines }, color) =>
      lines.flatMap(({ style, points }) =>
        drawLine(style, color, points, (value) => x.place(value) + (color - center) * SIDE_STEP, y.place),
      ),
    ),
    ...caption.map((line, index) => text(edge, bottom + 76 + index * CAPTION_LINE, line)),
    '</svg>',
    '',
  ].join('\n')
}

/** Names of the groups in their colours, then the styles in grey; each line takes those that fit. */
function drawLegend({ groups, key }: Chart, top: number, edge: number, width: number) {
  const entries = [
    ...groups.map(({ name }, color) => ({ name, kind: 'name', style: 'line' as const, paint: `c${color}` })),
    ...key.map(({ name, style }) => ({ name, kind: 'soft', style, paint: 'soft' })),
  ]
  let [x, y] = [edge, top]
  const marks = entries.flatMap(({ name, kind, style, paint }) => {
    const entryWidth = 31 + name.length * CHARACTER_WIDTH * (kind === 'name' ? 1.1 : 1)
    if (x > edge && x + entryWidth > width) [x, y] = [edge, y + LEGEND_LINE]
    const left = x
    x += entryWidth + 15
    return [mark(style, `stroke="var(--${paint})"`, left, y), text(left + 31, y + 4, name, `class="${kind}"`)]
  })
  return { marks, height: y - top + LEGEND_LINE }
}

function mark(style: LineStyle | 'bar', stroke: string, x: number, y: number): string {
  if (style === 'rings') return `<circle class="ring" cx="${x + 13}" cy="${y}" r="5" ${stroke}/>`
  if (style === 'bar') return `<path class="bar" d="M${x + 13},${y - 7}v14" ${stroke}/>`
  return `<path class="line" d="M${x},${y}h26" ${stroke}${dashes(style)}/>`
}

interface Scale {
  readonly ticks: readonly number[]
  place(value: number): number
}

function scale(
  [start, end]: readonly [number, number],
  isLogarithmic: boolean,
  from: number,
  to: number,
  ticks: readonly number[],
): Scale {
  const position = (value: number) => (isLogarithmic ? Math.log(value) : value)
  const share = (value: number) => (position(value) - position(start)) / (position(end) - position(start))
  return { ticks, place: (value) => Math.round(10 * (from + share(value) * (to - from))) / 10 }
}

/** Its ticks are the sizes themselves, except those too close to the one before. */
function horizontalScale(sizes: readonly number[], isLogarithmic: boolean, from: number, to: number): Scale {
  const [least, most] = [sizes[0]!, sizes.at(-1)!]
  if (least === most) return scale([least / 2, least * 2], true, from, to, sizes)
  const room = X_ROOM * (to - from)
  const inner = scale([least, most], isLogarithmic, from + room, to - room, [])
  const ticks: number[] = []
  for (const size of sizes) {
    const previous = ticks.at(-1)
    const needed = (label(size).length + 3) * CHARACTER_WIDTH
    if (previous === undefined || inner.place(size) - inner.place(previous) >= needed) ticks.push(size)
  }
  return { ...inner, ticks }
}

function verticalScale(values: readonly number[], isLogarithmic: boolean, from: number, to: number): Scale {
  const [least, most] = [Math.min(...values), Math.max(...values)]
  const ticks = isLogarithmic ? logarithmicTicks(least, most) : linearTicks(most)
  return scale([ticks[0]!, ticks.at(-1)!], isLogarithmic, from, to, ticks)
}

/** Five to ten values, from 0 to above the maximum. */
export function linearTicks(most: number): number[] {
  const power = 10 ** Math.floor(Math.log10(most / 5))
  const step = power * [1, 2, 5, 10].find((factor) => most / (power * factor) <= 8)!
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, index) =>
    Number((index * step).toPrecision(6)),
  )
}

/** 1, 2, 5 in each decade for a few decades; powers of ten alone for many. */
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

function drawLine(
  style: LineStyle,
  color: number,
  points: readonly ChartPoint[],
  x: (value: number) => number,
  y: (value: number) => number,
): string[] {
  const stroke = `stroke="var(--c${color})"`
  if (style === 'rings')
    return points.map(
      (point) => `<circle class="ring" cx="${x(point.x)}" cy="${y(point.y)}" r="5" ${stroke}/>`,
    )
  const bars = points.flatMap(({ x: at, low, high }) =>
    low === undefined || high === undefined
      ? []
      : [`<path class="bar" d="M${x(at)},${y(low)}V${y(high)}" ${stroke}/>`],
  )
  const path = points.map((point) => `${x(point.x)},${y(point.y)}`).join(' ')
  const dots = points.map(
    (point) => `<circle cx="${x(point.x)}" cy="${y(point.y)}" r="3.5" fill="var(--c${color})"/>`,
  )
  return [...bars, `<polyline class="line" points="${path}" ${stroke}${dashes(style)}/>`, ...dots]
}

function dashes(style: LineStyle): string {
  return style === 'dashed' ? ' stroke-dasharray="6 4"' : ''
}

export function gridLine(x1: number, y1: number, x2: number, y2: number): string {
  return `<line class="grid" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"/>`
}

export function text(x: number, y: number, content: string, attributes = ''): string {
  return `<text x="${x}" y="${y}" ${attributes}>${escapeXml(content)}</text>`
}

function label(value: number): string {
  return value.toLocaleString('en-US', { maximumSignificantDigits: 4 })
}

/** Lines of at most this many characters, broken between words. */
export function wrap(content: string, characters: number): string[] {
  const lines: string[] = []
  for (const word of content.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= characters)
      lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** For text and attribute values. */
export function escapeXml(content: string): string {
  return content.replaceAll(/[&<>"]/g, (character) => ESCAPES[character] ?? character)
}
