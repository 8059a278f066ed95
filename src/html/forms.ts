import { Type } from 'typebox'
import type { Problem } from '../errors.ts'
import { type Html, html } from './html.ts'

/** What a person typed, by the name of its field; from outside, so of any type until a schema has passed it. */
export type Typed = Readonly<Record<string, unknown>>

/** Schema of a form without fields: a button. */
export const NoFields = Type.Object({}, { additionalProperties: false })

interface Field {
  name: string
  label: string
  type?: 'text' | 'email' | 'password' | 'url' | 'number' | 'datetime-local' | 'search'
  hint?: string
  /** What it holds at first. What was typed comes before it. */
  value?: string | number | null
  /** Further attributes, such as html`maxlength="80" autocomplete="name"`. */
  attributes?: Html
  /** More lines than one. */
  rows?: number
  isOptional?: boolean
}

/** The state of a form that is shown again: what was typed, and why it was refused. */
export interface Again {
  readonly typed?: Typed | undefined
  readonly refusal?: Problem | undefined
}

/** A labelled field with its hint and, if the form is shown again, what was typed and what is wrong with it. */
export function field(
  { name, label, type = 'text', hint, value, attributes, rows, isOptional = false }: Field,
  { typed, refusal }: Again = {},
): Html {
  const error = errorsOf(refusal).find((each) => each.name === name)?.detail
  const text = typed?.[name] ?? value ?? ''
  const shown = type === 'password' || typeof text === 'object' ? '' : String(text)
  const described = [hint !== undefined && `${name}-hint`, error !== undefined && `${name}-error`].filter(
    Boolean,
  )
  // A search may always be left empty, so nothing has to be said of it.
  const isRequired = !isOptional && type !== 'search'
  const common = html`id="${name}" name="${name}" ${attributes} ${isRequired && html`required`} ${
    described.length > 0 && html`aria-describedby="${described.join(' ')}"`
  } ${error !== undefined && html`aria-invalid="true"`}`
  return html`<div class="field">
<label for="${name}">${label}${isOptional && html` <span class="muted">(optional)</span>`}</label>
${hint !== undefined && html`<p class="hint" id="${name}-hint">${hint}</p>`}
${
  rows === undefined
    ? html`<input type="${type}" value="${shown}" ${common}>`
    : // The parser drops the first line break of a text area (HTML, "textarea").
      html`<textarea rows="${rows}" ${common}>
${shown}</textarea>`
}
${error !== undefined && html`<p class="error" id="${name}-error">${error}</p>`}
</div>`
}

/**
 * Why a form was refused, in front of it; each defect leads to its field. Empty for a form that is shown first. `labels`
 * are those of fields whose label is not their name in words.
 */
export function refusalNote(
  { refusal }: Again,
  labels: Readonly<Record<string, string>> = {},
): Html | undefined {
  if (refusal === undefined) return undefined
  const errors = errorsOf(refusal)
  return html`<div class="refusal" role="alert" tabindex="-1">
<p>${errors.length > 0 ? 'Please correct what is marked.' : refusal.message}</p>
${
  errors.length > 0 &&
  html`<ul>${errors.map(({ name, detail }) => html`<li><a href="#${name}">${labels[name] ?? inWords(name)}</a> ${detail}</li>`)}</ul>`
}
</div>`
}

/** A button that posts; for what changes something without a field to type in. */
export function postButton(
  action: string,
  text: string,
  more?: { label?: string; style?: 'danger' | 'quiet'; fields?: Readonly<Record<string, string | number>> },
): Html {
  const label = more?.label
  return html`<form method="post" action="${action}" class="inline">${hiddenFields(more?.fields)}<button ${
    more?.style !== undefined && html`class="${more.style}"`
  } ${label !== undefined && html`aria-label="${label}"`}>${text}</button></form>`
}

/** What a form sends beside what a person types. */
export function hiddenFields(fields: Readonly<Record<string, string | number>> = {}): Html {
  return html`${Object.entries(fields).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  )}`
}

/** `currentPassword` as `Current password`. */
function inWords(name: string): string {
  const words = name.replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
  return words.charAt(0).toUpperCase() + words.slice(1)
}

function errorsOf(refusal: Problem | undefined): { name: string; detail: string }[] {
  return (refusal?.errors ?? []).flatMap(({ pointer, parameter, detail }) => {
    const name = pointer === undefined ? parameter : pointer.split('/')[1]
    return name === undefined || name === '' ? [] : [{ name, detail }]
  })
}
