import { Type } from 'typebox'
import { type Again, field } from '../html/forms.ts'
import { type Html, html } from '../html/html.ts'

/** Of a video, or of an entry of a playlist. */
export const TITLE_MAX_CODE_POINTS = 120

/** Four UTF-16 units for each code point: generous, because the rule counts normalised text. */
export const Title = Type.String({
  maxLength: 4 * TITLE_MAX_CODE_POINTS,
  description: `1 to ${TITLE_MAX_CODE_POINTS} characters`,
})

/** The field of a form. */
export function titleField(again: Again, value?: string): Html {
  // A browser counts UTF-16 units.
  const attributes = html`maxlength="${2 * TITLE_MAX_CODE_POINTS}"`
  return field({ name: 'title', label: 'Title', attributes, ...(value !== undefined && { value }) }, again)
}
