import type { OtlpLimits } from './limits.ts'
import { OtlpError } from './otlp-error.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c

/**
 * Holds JSON text to the limits of depth and count before it is parsed, because the parser has no limits: 16 MiB of
 * opening brackets would become 16 million arrays. The text need not be well-formed: the parser checks that.
 */
export function checkJsonBounds(text: Buffer, { maxDepth, maxElements }: OtlpLimits): void {
  const most = maxElements * 4
  let depth = 0
  let elements = 0
  for (let at = 0; at < text.length; at += 1) {
    const byte = text[at]!
    if (byte === QUOTE) at = endOfString(text, at)
    else if (byte === 0x7b || byte === 0x5b) {
      depth += 1
      elements += 1
      if (depth > maxDepth) throw new OtlpError(413, `The request is nested deeper than ${maxDepth} levels.`)
    } else if (byte === 0x7d || byte === 0x5d) depth -= 1
    else if (byte === COMMA) elements += 1
    if (elements > most) throw new OtlpError(413, `The request has more than ${most} elements.`)
  }
}

/** Index of the closing quote of the string that opens at `start`. */
function endOfString(text: Buffer, start: number): number {
  for (let at = start + 1; ; at += 1) {
    const byte = text[at]
    if (byte === QUOTE || byte === undefined) return at
    if (byte === BACKSLASH) at += 1
  }
}
