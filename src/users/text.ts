import { domainToASCII } from 'node:url'
import { type Parsed, refuse } from '../http/parsed.ts'
import { RESERVED_DOMAIN } from './reserved-domain.ts'

/**
 * Case folding by the platform's own means: NFKC makes the four Unicode forms one, upper before lower case joins
 * letters that lower case alone keeps apart (`ß` and `SS`). Lower case writes a sigma at the end of a word in its own
 * way, so that the start of a word would not be a prefix of it: both sigmas are made one.
 */
export function fold(text: string): string {
  return text.normalize('NFKC').toUpperCase().toLowerCase().replaceAll('ς', 'σ').normalize('NFKC')
}

/** The key of sorting and prefix search: folded, with runs of white space made one space. */
export function foldName(name: string): string {
  return fold(name).replace(/\s+/gu, ' ').trimStart()
}

const NAME_MAX_CODE_POINTS = 80

/** A display name in NFC: any script, no invisible or direction-changing characters, 1 to 80 code points. */
export function parseName(text: string): Parsed<{ name: string; nameKey: string }> {
  if (!text.isWellFormed()) return refuse('holds half a surrogate pair')
  const name = text.normalize('NFC')
  const length = [...name].length
  if (length < 1 || length > NAME_MAX_CODE_POINTS)
    return refuse(`must have 1 to ${NAME_MAX_CODE_POINTS} characters`)
  const defect = characterDefect(name)
  if (defect) return refuse(defect)
  if (/^\s|\s$|\s\s/u.test(name)) return refuse('must not start or end with a space, or have two in a row')
  if (!VISIBLE.test(name)) return refuse('must have a letter, a digit or a symbol')
  if (stacksMarks(name)) return refuse('stacks too many combining marks')
  const nameKey = foldName(name)
  if (nameKey === '') return refuse('must have a visible character')
  return { ok: true, value: { name, nameKey } }
}

interface TextRules {
  /** In code points, after white space at both ends is cut off. */
  maxCodePoints: number
  /** Line breaks are allowed; each becomes `\n`, because a form sends `\r\n`. */
  multiline?: boolean
}

/**
 * A text that members read, such as a title: in NFC, without white space at its ends, at least one visible character,
 * and none that is invisible or changes the direction of others. A text is nobody's name, so alphabets may mix, and
 * spaces may be of any kind.
 */
export function parseText(text: string, { maxCodePoints, multiline = false }: TextRules): Parsed<string> {
  if (!text.isWellFormed()) return refuse('holds half a surrogate pair')
  const whole = text.normalize('NFC').trim()
  const value = multiline ? whole.replaceAll(/\r\n?/g, '\n') : whole
  const length = [...value].length
  if (length < 1 || length > maxCodePoints) return refuse(`must have 1 to ${maxCodePoints} characters`)
  const defect = unreadable(multiline ? value.replaceAll('\n', ' ') : value)
  if (defect) return refuse(defect)
  if (!VISIBLE.test(value)) return refuse('must have a letter, a digit or a symbol')
  if (stacksMarks(value)) return refuse('stacks too many combining marks')
  return { ok: true, value }
}

const VISIBLE = /[\p{L}\p{N}\p{S}]/u

/** Marks beyond what any script writes cover the lines above and below. */
function stacksMarks(text: string): boolean {
  return /\p{M}{5}/u.test(text.normalize('NFD'))
}

/** What a name or an address must not have beside {@link unreadable} characters (Unicode TR39). */
function characterDefect(text: string): string | undefined {
  const defect = unreadable(text)
  if (defect) return defect
  if (/(?! )\p{Zs}/u.test(text)) return 'must not have white space other than plain spaces'
  if (mixesScripts(text)) return 'mixes letters of different alphabets in one word'
  return undefined
}

/**
 * Characters that a reader cannot see or that change others: controls (NUL among them), unassigned and private-use code
 * points, direction overrides, tags (Unicode TR36).
 */
function unreadable(text: string): string | undefined {
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text)) return 'must not have control characters'
  if (/[\p{Cn}\p{Co}\p{Cs}]/u.test(text)) return 'must not have unassigned or private characters'
  if (INVISIBLE.test(text.replace(JOINER_IN_CONTEXT, '')))
    return 'must not have invisible or direction-changing characters'
  return undefined
}

/**
 * Characters without ink: default-ignorable and format characters, the fillers of Hangul among them, the blank of
 * Braille.
 */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Cf}\u2800]/u

/** Invisible characters that a script needs: joiners between letters or emoji, and an emoji's presentation. */
const JOINER_IN_CONTEXT =
  /(?<=[\p{L}\p{M}])[\u200C\u200D](?=\p{L})|(?<=\p{Extended_Pictographic}|\p{Emoji_Modifier}|\uFE0F)\u200D(?=\p{Extended_Pictographic})|(?<=[\p{Extended_Pictographic}0-9#*])[\uFE0E\uFE0F]/gu

const LATIN = /\p{Script=Latin}/u
const LOOK_ALIKES = /[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Cherokee}\p{Script=Armenian}]/u

/** Whether a word could pass for another one: Latin beside an alphabet that shares its shapes (TR39 §5.1). */
function mixesScripts(text: string): boolean {
  return text.split(/[^\p{L}\p{M}]+/u).some((word) => {
    const kinds = [LATIN, /\p{Script=Cyrillic}/u, /\p{Script=Greek}/u].filter((script) =>
      script.test(word),
    ).length
    return kinds > 1 || (LATIN.test(word) && LOOK_ALIKES.test(word))
  })
}

const EMAIL_MAX_BYTES = 254
const LOCAL_MAX_BYTES = 64

/**
 * An e-mail address, `local@domain` without quotes and comments (RFC 5321 lengths, RFC 6531 characters). The key is
 * the same for every letter case and Unicode form, and for a domain's Unicode and ASCII spelling.
 */
export function parseEmail(text: string): Parsed<{ email: string; emailKey: string }> {
  if (!text.isWellFormed()) return refuse('holds half a surrogate pair')
  const email = text.normalize('NFC')
  if (Buffer.byteLength(email) > EMAIL_MAX_BYTES) return refuse(`must have at most ${EMAIL_MAX_BYTES} bytes`)
  const parts = email.split('@')
  if (parts.length !== 2) return refuse('must have the form name@domain')
  const [local, domain] = parts as [string, string]
  if (local === '' || Buffer.byteLength(local) > LOCAL_MAX_BYTES)
    return refuse('must have 1 to 64 bytes before the @')
  if (!/^[\p{L}\p{N}\p{M}!#$%&'*+/=?^_`{|}~-]+(\.[\p{L}\p{N}\p{M}!#$%&'*+/=?^_`{|}~-]+)*$/u.test(local))
    return refuse('has a character before the @ that addresses do not have')
  const defect = characterDefect(email)
  if (defect) return refuse(defect)
  const host = asciiDomain(domain)
  if (host === undefined) return refuse('must have a domain name after the @')
  const emailKey = `${fold(local)}@${host}`
  // Folding can lengthen or change characters: the stored key must itself be an address.
  if (emailKey.split('@').length !== 2)
    return refuse('has a character before the @ that addresses do not have')
  if (host === RESERVED_DOMAIN) return refuse('belongs to a domain that is reserved for seeded accounts')
  return { ok: true, value: { email, emailKey } }
}

function asciiDomain(domain: string): string | undefined {
  if (!/^[\p{L}\p{N}\p{M}-]+(\.[\p{L}\p{N}\p{M}-]+)+$/u.test(domain)) return undefined
  const host = domainToASCII(domain.normalize('NFKC')).toLowerCase()
  const isHostName = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]*[a-z][a-z0-9-]*$/.test(
    host,
  )
  return isHostName ? host : undefined
}

/** The key to look an address up by; undefined if no account can have the text. Seeded accounts included. */
export function emailKeyOf(text: string): string | undefined {
  const at = text.lastIndexOf('@')
  if (at < 1 || !text.isWellFormed()) return undefined
  const host = asciiDomain(text.slice(at + 1))
  return host === undefined ? undefined : `${fold(text.slice(0, at))}@${host}`
}
