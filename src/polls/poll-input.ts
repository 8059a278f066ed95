import { type Parsed, refuse, requireParsed } from '../http/parsed.ts'
import { parseTimestamp } from '../http/timestamp.ts'
import { fold, parseText } from '../users/text.ts'
import type { ResultsShown } from './poll-views.ts'

export const QUESTION_MAX = 200
export const CHOICE_MAX = 100
export const DESCRIPTION_MAX = 1000
export const CHOICES_MIN = 2
export const CHOICES_MAX = 20

/** What an administrator sends of a poll; a field that is missing keeps its value, or takes its default. */
export interface TypedPoll {
  question?: string | undefined
  description?: string | null | undefined
  choices?: readonly string[] | undefined
  opensAt?: string | undefined
  closesAt?: string | null | undefined
  draft?: boolean | undefined
  resultsShown?: ResultsShown | undefined
}

/** Throws `invalid` (422) that names every defective field. */
export function parsePoll(typed: TypedPoll) {
  const { question, description, choices, opensAt, closesAt, draft, resultsShown } = typed
  const texts = requireParsed({
    question: question === undefined ? undefined : parseText(question, { maxCodePoints: QUESTION_MAX }),
    description: description === undefined ? undefined : parseDescription(description),
    choices: choices === undefined ? undefined : parseChoices(choices),
    opensAt: opensAt === undefined ? undefined : parseTimestamp(opensAt),
    closesAt: closesAt === undefined ? undefined : parseClosing(closesAt),
  })
  return { ...texts, draft, resultsShown }
}

export type PollChange = ReturnType<typeof parsePoll>

type New<T> = Omit<T, 'question' | 'choices'> & { question: string; choices: readonly string[] }

/** The same for a poll that is new: it has a question and choices. */
export function parseNewPoll(typed: New<TypedPoll>): NewPoll {
  return parsePoll(typed) as NewPoll
}

export type NewPoll = New<PollChange>

function parseDescription(text: string | null): Parsed<string | null> {
  if (text === null) return { ok: true, value: null }
  return parseText(text, { maxCodePoints: DESCRIPTION_MAX, multiline: true })
}

function parseClosing(text: string | null): Parsed<number | null> {
  return text === null ? { ok: true, value: null } : parseTimestamp(text)
}

function parseChoices(texts: readonly string[]): Parsed<string[]> {
  if (texts.length < CHOICES_MIN || texts.length > CHOICES_MAX)
    return refuse(`must be ${CHOICES_MIN} to ${CHOICES_MAX} choices`)
  const choices: string[] = []
  const seen = new Map<string, number>()
  for (const [index, text] of texts.entries()) {
    const parsed = parseText(text, { maxCodePoints: CHOICE_MAX })
    if (!parsed.ok) return refuse(`choice ${index + 1} ${parsed.detail}`)
    const key = fold(parsed.value)
    const earlier = seen.get(key)
    if (earlier !== undefined) return refuse(`choice ${index + 1} repeats choice ${earlier}`)
    seen.set(key, index + 1)
    choices.push(parsed.value)
  }
  return { ok: true, value: choices }
}
