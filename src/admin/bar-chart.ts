import { type Html, html } from '../html/html.ts'

interface Bar {
  /** Told at the bar. */
  readonly label: string
  readonly value: number
}

/** Bars from left to right, as high as their values, drawn by the service in any width. Its texts stand beside it. */
export function barChart(title: string, bars: readonly Bar[]): Html {
  const most = Math.max(1, ...bars.map(({ value }) => value))
  const percent = (share: number) => `${Number((100 * share).toFixed(2))}%`
  return html`<svg class="day-bars" role="img" aria-label="${title}">
${bars.map(({ label, value }, index) => {
  const [left, width] = [percent((index + 0.1) / bars.length), percent(0.8 / bars.length)]
  return html`<rect x="${left}" y="${percent(1 - value / most)}" width="${width}" height="${percent(value / most)}"><title>${label}: ${value}</title></rect>`
})}
</svg>`
}
