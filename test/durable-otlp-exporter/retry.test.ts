import { test } from 'tap'
import {
  meaningOf,
  pauseAfter,
  RETRY_PACE,
  readRetryAfter,
} from '../../packages/durable-otlp-exporter/src/retry.ts'

test('pauses double up to the longest, by chance at least half of it', (t) => {
  const pauses = (random: number) =>
    [1, 2, 3, 6, 7, 1000].map((failures) => pauseAfter(failures, RETRY_PACE, () => random))
  t.same(pauses(1), [250, 500, 1000, 8000, 10_000, 10_000])
  t.same(pauses(0), [125, 250, 500, 4000, 5000, 5000])
  t.end()
})

test('Retry-After is seconds or a date, and bounded', (t) => {
  const now = Date.parse('2026-11-22T10:00:00Z')
  const cases: [string | undefined, number | undefined][] = [
    ['0', 0],
    [' 7 ', 7000],
    ['86400', 300_000],
    ['Sun, 22 Nov 2026 10:00:30 GMT', 30_000],
    ['Sun, 22 Nov 2026 09:00:00 GMT', 0],
    ['Sun, 22 Nov 2027 10:00:00 GMT', 300_000],
    ['soon', undefined],
    ['', undefined],
    [undefined, undefined],
  ]
  for (const [text, ms] of cases) t.equal(readRetryAfter(text, now), ms, String(text))
  t.end()
})

test('what may pass later is told from what never will', (t) => {
  for (const status of [408, 425, 429, 500, 502, 503, 504, 599]) t.equal(meaningOf(status), 'later')
  for (const status of [300, 302, 400, 401, 403, 404, 415, 422]) t.equal(meaningOf(status), 'refused')
  for (const status of [200, 202, 204]) t.equal(meaningOf(status), 'accepted')
  t.equal(meaningOf(413), 'too large')
  t.end()
})
