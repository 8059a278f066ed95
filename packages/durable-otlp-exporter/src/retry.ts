/** The pause before the same bytes are sent again. */
export interface RetryPace {
  /** The first pause, doubled with each failure in a row … */
  readonly firstMs: number
  /** … up to this. */
  readonly longestMs: number
}

/** Short, to reach a restarted Collector at once. A failed attempt costs little. */
export const RETRY_PACE: RetryPace = { firstMs: 250, longestMs: 10_000 }

/** A receiver may ask for more than our longest pause, up to this. */
const RETRY_AFTER_MAX_MS = 300_000

/** Doubling, and a random part from half to the whole: processes that lost one Collector must not return at once. */
export function pauseAfter(
  failures: number,
  { firstMs, longestMs }: RetryPace,
  random = Math.random,
): number {
  const whole = Math.min(longestMs, firstMs * 2 ** Math.min(failures - 1, 30))
  return whole * (0.5 + random() / 2)
}

/** Retry-After in milliseconds: seconds or a date (RFC 9110, 10.2.3). Undefined for any other text. */
export function readRetryAfter(text: string | undefined, now: number): number | undefined {
  if (text === undefined || text.trim() === '') return undefined
  const ms = /^\s*\d+\s*$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now
  return Number.isNaN(ms) ? undefined : Math.min(RETRY_AFTER_MAX_MS, Math.max(0, ms))
}

/** The meaning of a status for the sent request. */
export function meaningOf(status: number): 'accepted' | 'later' | 'too large' | 'refused' {
  if (status >= 200 && status < 300) return 'accepted'
  if (status === 413) return 'too large'
  return status === 408 || status === 425 || status === 429 || status >= 500 ? 'later' : 'refused'
}
