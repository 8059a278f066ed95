import type { Spread } from './measure/statistics.ts'

/** Formats of figures in the page. */
export const count = (value: number) => Math.round(value).toLocaleString('en')
export const micro = (value: number) => value.toFixed(value < 100 ? 1 : 0)
export const percent = (part: number) => `${(100 * part).toFixed(1)} %`
export const seconds = (value: number) => `${value.toFixed(2)} s`
export const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`
export const nanoseconds = (value: number) => `${value.toFixed(0)} ns`
export const times = (value: number) => value.toFixed(2)

export type Writer = (value: number) => string

export function range({ low, high }: Pick<Spread, 'low' | 'high'>, write: Writer): string {
  return `${write(low)} to ${write(high)}`
}

/** The median with its quartiles; alone if there was one value. */
export function spread(found: Spread, write: Writer): string {
  return found.count === 1 ? write(found.median) : `${write(found.median)} (${range(found, write)})`
}
