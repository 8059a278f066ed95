import { type Html, html } from '../html/html.ts'

interface Bar {
  /** Told at the bar, and to those who hear the page in the table below it. */
  readonly label: string
  readonly value: number
}

const WIDTH = 10
const HEIGHT = 100

/** Bars from left to right, as high as their values, drawn by the service. Its texts stand beside it, at their size. */
export function barChart(title: string, bars: readonly Bar[]): Html {
  const most = Math.max(1, ...bars.map(({ value }) => value))
  return html`<svg class="bars" viewBox="0 0 ${bars.length * WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${title}">
${bars.map(({ label, value }, index) => {
  const height = (value / most) * HEIGHT
  return html`<rect x="${index * WIDTH + 1}" y="${HEIGHT - height}" width="${WIDTH - 2}" height="${height}"><title>${label}: ${value}</title></rect>`
})}
</svg>`
}
