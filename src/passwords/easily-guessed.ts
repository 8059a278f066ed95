import type { ZxcvbnFactory } from '@zxcvbn-ts/core'
import { fold } from '../users/text.ts'

/** zxcvbn's highest score, 4, begins at this number of guesses; fewer are too few. */
const GUESSES_MIN = 1e10

/**
 * zxcvbn's time grows with the square of the length and more, on the event loop: the worst inputs take 2 to 4 ms at 32
 * UTF-16 units; with its own limits 90 ms at 64, and half a second at 128. If the first 32 units are hard to guess, so
 * is the whole password; if they are easily guessed, the password is refused whole.
 */
const JUDGED_LENGTH = 32

/** Readings of a password with digits and signs for letters; 100, zxcvbn's own limit, take five times as long. */
const LETTER_SUBSTITUTIONS_MAX = 3

let loaded: Promise<ZxcvbnFactory> | undefined

/** Takes 0.1 s of processor time and 16 MiB once: from the first new password on, not from the start. */
async function loadEstimator(): Promise<ZxcvbnFactory> {
  const { ZxcvbnFactory } = await import('@zxcvbn-ts/core')
  const { adjacencyGraphs, dictionary } = await import('@zxcvbn-ts/language-common')
  return new ZxcvbnFactory({
    dictionary,
    graphs: adjacencyGraphs,
    maxLength: JUDGED_LENGTH,
    l33tMaxSubstitutions: LETTER_SUBSTITUTIONS_MAX,
  })
}

/**
 * Whether a password is among the first guesses: common passwords and words, names and addresses of its owner
 * (`ownTexts`), repeats, runs, dates and combinations of a few of them. Case and Unicode form do not hide it.
 */
export async function isEasilyGuessed(password: string, ownTexts: readonly string[]): Promise<boolean> {
  loaded ??= loadEstimator()
  const estimator = await loaded
  const { guesses } = estimator.check(fold(password), ownTexts.flatMap(wordsOf))
  return guesses < GUESSES_MIN
}

/** The text and each of its words, cut to the judged length. */
function wordsOf(text: string): string[] {
  const folded = fold(text)
  return [folded, ...folded.split(/[^\p{L}\p{N}]+/u)]
    .filter((word) => word.length >= 3)
    .map((word) => word.slice(0, JUDGED_LENGTH))
}
