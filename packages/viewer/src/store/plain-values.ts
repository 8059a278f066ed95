import type { AnyValue, Attributes } from '@rollcall/otlp'

export type PlainValue = string | number | boolean | null | PlainValue[] | { [key: string]: PlainValue }

const LONGEST_TEXT = 8192
const MOST_KEYS = 256

/** As JSON can say it: long texts are cut, whole numbers beyond a double's are text, bytes are base64. */
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
 * As much of it as is kept, as a text of its own: what `slice` gives points into the whole, which stays in memory as long
 * as the part does.
 */
export function beginning(text: string, length: number): string {
  return text.length <= length ? text : Buffer.from(text.slice(0, length)).toString()
}

/** Says how long it was. */
export function cutText(text: string): string {
  return text.length <= LONGEST_TEXT ? text : `${text.slice(0, LONGEST_TEXT)}… (${text.length} characters)`
}

/** What a string takes in V8: one byte for each character if all are Latin-1. */
export function bytesOfText(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a range of code points
  return 24 + (/^[\u0000-\u00ff]*$/.test(text) ? text.length : 2 * text.length)
}

/** Milliseconds with their fraction, which a double has room for down to a quarter of a microsecond. */
export function milliseconds(nanoseconds: bigint): number {
  return Number(nanoseconds / 1000n) / 1000
}

/** Finds the text anywhere, whatever its letter case; faster than changing the case of what is searched. */
export function containing(text: string): RegExp {
  return new RegExp(RegExp.escape(text), 'iu')
}

/** As it stands in the JSON of what has it. */
export function asInJson(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}
