import type { AnyValue, Attributes } from '@rollcall/otlp'

export type PlainValue = string | number | boolean | null | PlainValue[] | { [key: string]: PlainValue }

const LONGEST_TEXT = 8192
const MOST_KEYS = 256

/** A value for JSON: long texts are cut, whole numbers beyond a double's are text, bytes are base64. */
export function plainAttributes(attributes: Attributes): Record<string, PlainValue> {
  const plain: Record<string, PlainValue> = Object.create(null)
  for (const [key, value] of Object.entries(attributes).slice(0, MOST_KEYS))
    plain[key.slice(0, 255)] = plainValue(value)
  return plain
}

export function plainValue(value: AnyValue): PlainValue {
  if (typeof value === 'string') return cutText(value)
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return cutText(Buffer.from(value).toString('base64'))
  if (Array.isArray(value)) return value.map(plainValue)
  return plainAttributes(value)
}

/**
 * The beginning of a text, as a copy: the result of `slice` points into the whole text, and keeps it in memory.
 */
export function beginning(text: string, length: number): string {
  return text.length <= length ? text : Buffer.from(text.slice(0, length)).toString()
}

/** Adds the original length. */
export function cutText(text: string): string {
  return text.length <= LONGEST_TEXT ? text : `${text.slice(0, LONGEST_TEXT)}… (${text.length} characters)`
}

/** Bytes of a string in V8: one for each character if all are Latin-1. */
export function bytesOfText(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a range of code points
  return 24 + (/^[\u0000-\u00ff]*$/.test(text) ? text.length : 2 * text.length)
}

/** Milliseconds with their fraction. A double is exact to a quarter of a microsecond there. */
export function milliseconds(nanoseconds: bigint): number {
  return Number(nanoseconds / 1000n) / 1000
}

/** Finds the text anywhere, letter case aside. Faster than changing the case of the searched text. */
export function containing(text: string): RegExp {
  return new RegExp(RegExp.escape(text), 'iu')
}

/** A text as it stands in JSON. */
export function asInJson(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}
