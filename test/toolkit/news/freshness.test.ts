import { test } from 'tap'
import { nextAfterFailure, nextAfterSuccess, retryAtOf } from '../../../src/toolkit/news/freshness.ts'

const NOW = Date.parse('2026-11-29T12:00:00Z')
const MINUTE = 60_000
const minutes = (at: number) => (at - NOW) / MINUTE

test('a copy is fresh for as long as the host says, within ten minutes and a day', (t) => {
  for (const [control, expected] of [
    [undefined, 10],
    ['max-age=0', 10],
    ['no-store', 10],
    ['public, max-age=3600', 60],
    ['MAX-AGE="3600"', 60],
    ['max-age=99999999', 1440],
    ['max-age=9999999999999', 10],
    ['max-age=-5', 10],
    ['x-max-age=3600', 10],
    ['max-age=later', 10],
  ] as const)
    t.equal(minutes(nextAfterSuccess({ 'cache-control': control }, NOW)), expected, String(control))
  t.end()
})

test('failures are retried ever later, and when the host says, within a day', (t) => {
  t.strictSame(
    [1, 2, 3, 9, 10, 1000].map((failures) => minutes(nextAfterFailure(failures, undefined, NOW))),
    [1, 2, 4, 256, 360, 360],
  )
  const after = (text: string) => minutes(nextAfterFailure(1, retryAtOf({ 'retry-after': text }, NOW), NOW))
  for (const [text, expected] of [
    ['0', 1],
    ['7200', 120],
    ['999999999', 1440],
    ['Sun, 29 Nov 2026 13:00:00 GMT', 60],
    ['Sun, 29 Nov 2020 13:00:00 GMT', 1],
    ['Sun, 29 Nov 2099 13:00:00 GMT', 1440],
    ['soon', 1],
    ['-5', 1],
  ] as const)
    t.equal(after(text), expected, text)
  t.end()
})
