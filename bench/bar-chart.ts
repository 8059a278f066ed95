import { escapeXml, gridLine, linearTicks, STYLE, text } from '../tools/experimenting/curve.ts'
import type { Spread } from './measure/statistics.ts'

/** Horizontal bars from nought, one below the other, each with its quartiles as a whisker. */
export interface BarChart {
  readonly title: string
  /** The quantity of the scale, with its unit. */
  readonly label: string
  readonly bars: readonly Bar[]
}

export interface Bar {
  readonly name: string
  readonly value: Spread
  /** Beside the bar. */
  readonly note: string
  readonly isOurs: boolean
}

const WIDTH = 880
const NAME_WIDTH = 250
/** For the note beside the longest bar. */
const NOTE_WIDTH = 130
const ROW = 30
const BAR = 16
const TOP = 58
const BELOW = 58

const BAR_STYLE = `
.chart .ours { fill: var(--c0); } .chart .theirs { fill: color-mix(in srgb, var(--soft) 45%, var(--ground)); }
.chart .whisker { stroke: var(--ink); stroke-width: 1.5; fill: none; }
`

/** As SVG text with its own background, light or dark by the reader's setting. */
export function drawBars({ title, label, bars }: BarChart): string {
  const bottom = TOP + ROW * bars.length
  const ticks = linearTicks(Math.max(...bars.map(({ value }) => value.high)))
  const most = ticks.at(-1) as number
  const x = (value: number) =>
    Math.round(10 * (NAME_WIDTH + (value / most) * (WIDTH - NAME_WIDTH - NOTE_WIDTH))) / 10
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 ${WIDTH} ${bottom + BELOW}" role="img" aria-label="${escapeXml(title)}">`,
    `<style>${STYLE}${BAR_STYLE}</style>`,
    `<rect class="ground" width="${WIDTH}" height="${bottom + BELOW}"/>`,
    text(20, 32, title, 'class="title"'),
    ...ticks.map((tick) => gridLine(x(tick), TOP, x(tick), bottom)),
    ...ticks.map((tick) => text(x(tick), bottom + 20, tick.toLocaleString('en'), 'text-anchor="middle"')),
    text(x(0), bottom + 42, label, 'class="soft"'),
    ...bars.flatMap((bar, index) => drawBar(bar, TOP + ROW * (index + 0.5), x)),
    '</svg>',
    '',
  ].join('\n')
}

function drawBar({ name, value, note, isOurs }: Bar, y: number, x: (value: number) => number): string[] {
  const { median, low, high } = value
  const [left, right] = [x(low), x(high)]
  return [
    text(NAME_WIDTH - 10, y + 4, name, `text-anchor="end"${isOurs ? ' class="name"' : ''}`),
    `<rect class="${isOurs ? 'ours' : 'theirs'}" x="${x(0)}" y="${y - BAR / 2}" width="${x(median) - x(0)}" height="${BAR}"/>`,
    `<path class="whisker" d="M${left},${y}H${right}M${left},${y - 4}v8M${right},${y - 4}v8"/>`,
    text(Math.max(x(median), right) + 8, y + 4, note, isOurs ? 'class="name"' : 'class="soft"'),
  ]
}
