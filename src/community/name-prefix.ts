const LAST_CODE_POINT = 0x10ffff
const BEFORE_SURROGATES = 0xd7ff
const AFTER_SURROGATES = 0xe000

/** Sorts after every name: the last code point is a noncharacter, which names do not have. */
const AFTER_EVERY_NAME = String.fromCodePoint(LAST_CODE_POINT)

/**
 * The first text after all texts with this prefix, in the database's order (UTF-8 bytes). The range replaces `LIKE`,
 * whose wildcards would come from the user and whose parameter keeps SQLite from using the index.
 */
export function endOfPrefix(prefix: string): string {
  const codePoints = Array.from(prefix, (character) => character.codePointAt(0) as number)
  while (codePoints.at(-1) === LAST_CODE_POINT) codePoints.pop()
  const last = codePoints.pop()
  if (last === undefined) return AFTER_EVERY_NAME
  return String.fromCodePoint(...codePoints, last === BEFORE_SURROGATES ? AFTER_SURROGATES : last + 1)
}
