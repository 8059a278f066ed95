import { html as template } from 'ghtml'

/** Markup. Only {@link html} makes it, so that a text can never pass for it. */
export class Html {
  readonly markup: string
  constructor(markup: string) {
    this.markup = markup
  }
}

type Value = string | number | boolean | null | undefined | Html | readonly Value[]

/**
 * Markup from a template. Texts and numbers are escaped, also within the quotes of an attribute; markup and lists of it
 * stay as they are; null, undefined and booleans are left out.
 *
 *     html`<ul>${users.map((user) => html`<li>${user.name}</li>`)}</ul>`
 */
export function html(strings: TemplateStringsArray, ...values: Value[]): Html {
  let markup = strings[0] as string
  for (const [index, value] of values.entries()) markup += markupOf(value) + strings[index + 1]
  return new Html(markup)
}

function markupOf(value: Value): string {
  if (value instanceof Html) return value.markup
  if (typeof value === 'string' || typeof value === 'number') return template`${String(value)}`
  if (Array.isArray(value)) return value.map(markupOf).join('')
  return ''
}
