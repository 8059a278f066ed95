import { type Parsed, refuse } from '../http/parsed.ts'
import { isEasilyGuessed } from './easily-guessed.ts'

export const PASSWORD_MIN_CODE_POINTS = 15
export const PASSWORD_MAX_CODE_POINTS = 128

/** The first words to try for an account here. */
const SERVICE_NAME = 'rollcall'

export interface PasswordOwner {
  name: string
  email: string
}

/**
 * A new password in NFC (NIST SP 800-63B-4 §3.1.1.2): 15 to 128 code points of any kind, without composition rules.
 * Passwords expected of many people or of its owner are refused.
 */
export async function parsePassword(text: string, owner?: PasswordOwner): Promise<Parsed<string>> {
  if (!text.isWellFormed()) return refuse('holds half a surrogate pair')
  const password = text.normalize('NFC')
  const length = [...password].length
  if (length < PASSWORD_MIN_CODE_POINTS || length > PASSWORD_MAX_CODE_POINTS)
    return refuse(`must have ${PASSWORD_MIN_CODE_POINTS} to ${PASSWORD_MAX_CODE_POINTS} characters`)
  if (/\p{Cc}/u.test(password)) return refuse('must not have control characters')
  if (await isEasilyGuessed(password, [SERVICE_NAME, ...ownTextsOf(owner)]))
    return refuse(
      'must not be easily guessed: take four or more words that do not belong together, none of them your name or address',
    )
  return { ok: true, value: password }
}

function ownTextsOf(owner: PasswordOwner | undefined): string[] {
  return owner === undefined ? [] : [owner.name, owner.email, ...owner.email.split('@')]
}
