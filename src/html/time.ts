import { type Html, html } from './html.ts'

const MONTHS = 'January February March April May June July August September October November December'.split(
  ' ',
)

/** A time as the API writes it (RFC 3339 in UTC), for reading: `29 November 2026, 12:15 UTC`. */
export function time(timestamp: string): Html {
  return html`<time datetime="${timestamp}">${inWords(timestamp)}</time>`
}

/** The same for a place that takes no markup, such as the name of a button. */
export function inWords(timestamp: string): string {
  return `${dayOf(timestamp)}, ${timestamp.slice(11, 16)} UTC`
}

/** The day of such a time: `29 November 2026`. */
export function day(timestamp: string): Html {
  return html`<time datetime="${timestamp}">${dayOf(timestamp)}</time>`
}

function dayOf(timestamp: string): string {
  return `${Number(timestamp.slice(8, 10))} ${MONTHS[Number(timestamp.slice(5, 7)) - 1]} ${timestamp.slice(0, 4)}`
}
