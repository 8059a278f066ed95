const LAST_CODE_POINT = 0x10ffff
const BEFORE_SURROGATES = 0xd7ff
const AFTER_SURROGATES = 0xe000

/** Sorts after every name: the last code point is a noncharacter, which names do not have. */
const AFTER_EVERY_NAME = String.fromCodePoint(LAST_CODE_POINT)

/**
 * The first text, by code points (the order of UTF-8 bytes, in which the database compares), after all texts that
 * start with the prefix. A range instead of `LIKE`, whose wildcards come from the user and whose pattern, being a
 * parameter, keeps SQLite from using the index.
 */
export function endOfPrefix(prefix: string): string {
  const codePoints = Array.from(prefix, (character) => character.codePointAt(0) as number)
  while (codePoints.at(-1) === LAST_CODE_POINT) codePoints.pop()
  const last = codePoints.pop()
  if (last === undefined) return AFTER_EVERY_NAME
  return String.fromCodePoint(...codePoints, last === BEFORE_SURROGATES ? AFTER_SURROGATES : last + 1)
}
