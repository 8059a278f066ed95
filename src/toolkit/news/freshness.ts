import type { IncomingHttpHeaders } from 'node:http'

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS

/** A copy is used at least this long: most feeds change less often, and no host asks for less traffic than it gets. */
const FRESH_MS = 10 * MINUTE_MS
/** Failures in a row are retried after one minute, two, four, … and at last every six hours. */
const RETRY_MS = { first: MINUTE_MS, last: 360 * MINUTE_MS }

/** When to ask again after an answer: as its `Cache-Control` says, within ten minutes and a day (RFC 9111 §5.2.2.1). */
export function nextAfterSuccess(headers: IncomingHttpHeaders, now: number): number {
  const seconds = /(?:^|[,\s])max-age="?(\d{1,9})(?!\d)/i.exec(headers['cache-control'] ?? '')?.[1]
  return now + Math.min(Math.max(Number(seconds ?? 0) * 1000, FRESH_MS), DAY_MS)
}

/** When to ask again after the given number of failures; later if the host has said so, within a day. */
export function nextAfterFailure(failures: number, retryAt: number | undefined, now: number): number {
  const pause = Math.min(RETRY_MS.first * 2 ** Math.min(failures - 1, 20), RETRY_MS.last)
  return Math.max(now + pause, Math.min(retryAt ?? 0, now + DAY_MS))
}

/** The time that `Retry-After` names: seconds or a date (RFC 9110 §10.2.3). */
export function retryAtOf(headers: IncomingHttpHeaders, now: number): number | undefined {
  const text = headers['retry-after']
  if (text === undefined) return undefined
  const at = /^\d{1,9}$/.test(text) ? now + Number(text) * 1000 : Date.parse(text)
  return Number.isNaN(at) ? undefined : at
}
