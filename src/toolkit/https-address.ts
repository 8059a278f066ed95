import { type Parsed, refuse } from '../http/parsed.ts'

export const ADDRESS_MAX_CHARACTERS = 2048

/** Labels of a host's name, the last of which starts with a letter: no number, so no IP address in any spelling. */
const HOST_NAME = /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*$/

/**
 * An address that a member's browser may be sent to: https, a host with a name, and neither password nor port, which
 * are ways to make an address look like another one.
 */
export function parseHttpsAddress(text: string): Parsed<URL> {
  if (!text.isWellFormed()) return refuse('holds half a surrogate pair')
  // The parser cuts these off or leaves them out, and would store an address that nobody sent.
  if (/[\s\p{Cc}]/u.test(text)) return refuse('must not have white space or control characters')
  const url = URL.parse(text)
  if (url?.protocol !== 'https:') return refuse('must be an address that starts with https://')
  if (url.username !== '' || url.password !== '') return refuse('must not have a user name or a password')
  if (url.port !== '') return refuse('must not have a port')
  if (!HOST_NAME.test(url.hostname)) return refuse('must be at a host with a name, such as media.example')
  url.hash = ''
  if (url.href.length > ADDRESS_MAX_CHARACTERS)
    return refuse(`must have at most ${ADDRESS_MAX_CHARACTERS} characters`)
  return { ok: true, value: url }
}
