import { type Parsed, refuse } from '../http/parsed.ts'
import { fold } from '../users/text.ts'

export const PASSWORD_MIN_CODE_POINTS = 15
export const PASSWORD_MAX_CODE_POINTS = 128

/**
 * A new password in NFC (NIST SP 800-63B-4 §3.1.1.2): 15 to 128 code points of any kind, no composition rules, but
 * not one that is guessed first: a short pattern repeated, a run of neighbours, or the account's own words.
 */
export function parsePassword(text: string, context: readonly string[]): Parsed<string> {
  if (!text.isWellFormed()) return refuse('holds half a surrogate pair')
  const password = text.normalize('NFC')
  const length = [...password].length
  if (length < PASSWORD_MIN_CODE_POINTS || length > PASSWORD_MAX_CODE_POINTS)
    return refuse(`must have ${PASSWORD_MIN_CODE_POINTS} to ${PASSWORD_MAX_CODE_POINTS} characters`)
  if (/\p{Cc}/u.test(password)) return refuse('must not have control characters')
  const detail = guessable(fold(password), context)
  return detail === undefined ? { ok: true, value: password } : refuse(detail)
}

const RUNS = [
  'abcdefghijklmnopqrstuvwxyz',
  '01234567890123456789',
  'qwertyuiopasdfghjklzxcvbnm',
  'qwertzuiopasdfghjklyxcvbnm',
]

function guessable(folded: string, context: readonly string[]): string | undefined {
  const letters = [...folded]
  const repeats = [1, 2, 3, 4, 5].some((period) =>
    letters.every((letter, at) => letter === letters[at % period]),
  )
  if (repeats) return 'repeats a short pattern'
  if (RUNS.some((run) => run.includes(folded) || [...run].reverse().join('').includes(folded)))
    return 'is a run of neighbouring keys or letters'
  const words = context.map(fold).filter((word) => word.length >= 3)
  const rest = words.reduce((left, word) => left.replaceAll(word, ''), folded)
  if (rest !== folded && [...rest.replace(/[^\p{L}\p{N}]/gu, '')].length < 5)
    return "is made of the account's own words"
  return undefined
}
