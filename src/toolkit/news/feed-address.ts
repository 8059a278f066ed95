import { type InputError, Problem } from '../../errors.ts'
import { type Parsed, refuse } from '../../http/parsed.ts'

export const FEEDS_MAX = 10
export const ADDRESS_MAX_CHARACTERS = 2048

/** The address of a feed in its one spelling. Whether it may be asked is decided when its IP address is known. */
export function parseFeedAddress(text: string): Parsed<string> {
  if (!text.isWellFormed()) return refuse('holds half a surrogate pair')
  if (/[\p{Cc}\s]/u.test(text)) return refuse('must not have white space or control characters')
  if (!URL.canParse(text)) return refuse('must be a web address such as https://example.com/feed.xml')
  const url = new URL(text)
  if (!/^https?:$/.test(url.protocol)) return refuse('must begin with https:// or http://')
  if (url.username !== '' || url.password !== '') return refuse('must not have a user name or a password')
  url.hash = ''
  if (url.href.length > ADDRESS_MAX_CHARACTERS)
    return refuse(`must have at most ${ADDRESS_MAX_CHARACTERS} characters`)
  return { ok: true, value: url.href }
}

/** A whole list of addresses. Throws `invalid` (422) that names every defective one, by the pointer that `place` gives. */
export function requireFeedAddresses(
  texts: readonly string[],
  place: (index: number) => string = (index) => `#/urls/${index}`,
): string[] {
  const urls: string[] = []
  const errors: InputError[] = []
  for (const [index, text] of texts.entries()) {
    const parsed = parseFeedAddress(text)
    if (!parsed.ok) errors.push({ pointer: place(index), detail: parsed.detail })
    else if (urls.includes(parsed.value))
      errors.push({ pointer: place(index), detail: 'is in the list already' })
    else urls.push(parsed.value)
  }
  if (urls.length > FEEDS_MAX)
    errors.push({ pointer: place(FEEDS_MAX), detail: `is one too many: at most ${FEEDS_MAX} feeds` })
  if (errors.length > 0) throw new Problem('invalid', 'The list breaks a rule.', { errors })
  return urls
}
