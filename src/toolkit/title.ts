import { Type } from 'typebox'

/** Of a video, or of an entry of a playlist. */
export const TITLE_MAX_CODE_POINTS = 120

/** Four UTF-16 units for each code point: generous, because the rule counts normalised text. */
export const Title = Type.String({
  maxLength: 4 * TITLE_MAX_CODE_POINTS,
  description: `1 to ${TITLE_MAX_CODE_POINTS} characters`,
})
