import { Type } from 'typebox'
import { type Parsed, refuse, requireParsed } from '../http/parsed.ts'
import { parseText } from '../users/text.ts'

export const SEVERITIES = ['info', 'warning', 'error'] as const
type Severity = (typeof SEVERITIES)[number]

const TITLE_MAX = 100
const TEXT_MAX = 4000
const TAGS_MAX = 20
const TAG_MAX = 200

/** Something that people want to see beside the charts, such as a deployment. */
export interface Event {
  readonly title: string
  readonly text?: string
  readonly tags: readonly string[]
  readonly severity: Severity
}

/** Lengths in UTF-16 units, generous: the exact rules count code points of normalised text. */
export const NewEvent = Type.Object(
  {
    title: Type.String({ maxLength: 4 * TITLE_MAX, description: `1 to ${TITLE_MAX} characters` }),
    text: Type.Optional(
      Type.String({ maxLength: 4 * TEXT_MAX, description: `1 to ${TEXT_MAX} characters, with line breaks` }),
    ),
    tags: Type.Optional(
      Type.Array(Type.String({ maxLength: 4 * TAG_MAX }), {
        maxItems: TAGS_MAX,
        description: `Such as \`team:web\`: each begins with a letter, has ${TAG_MAX} characters at most, and no commas or spaces`,
      }),
    ),
    severity: Type.Optional(
      Type.Union(
        SEVERITIES.map((severity) => Type.Literal(severity)),
        { description: '`info` if it is left out' },
      ),
    ),
  },
  { additionalProperties: false },
)

/** Throws `invalid` (422). */
export function parseEvent(typed: {
  title: string
  text?: string | undefined
  tags?: readonly string[] | undefined
  severity?: Severity | undefined
}): Event {
  const { title, text, tags } = requireParsed({
    title: parseText(typed.title, { maxCodePoints: TITLE_MAX }),
    text:
      typed.text === undefined
        ? undefined
        : parseText(typed.text, { maxCodePoints: TEXT_MAX, multiline: true }),
    tags: parseTags(typed.tags ?? []),
  })
  return { title, ...(text !== undefined && { text }), tags, severity: typed.severity ?? 'info' }
}

/** Tags as Datadog takes them: it would change others. */
function parseTags(tags: readonly string[]): Parsed<string[]> {
  if (tags.length > TAGS_MAX) return refuse(`must be ${TAGS_MAX} at most`)
  const stray = tags.find((tag) => [...tag].length > TAG_MAX || !/^\p{L}[\p{L}\p{N}_\-:./]*$/u.test(tag))
  if (stray === undefined) return { ok: true, value: [...tags] }
  return refuse(
    `must each begin with a letter, have ${TAG_MAX} characters at most, and no others than letters, digits, _ - : . /`,
  )
}
