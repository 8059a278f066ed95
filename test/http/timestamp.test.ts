import fc from 'fast-check'
import { test } from 'tap'
import { timestamp } from '../../src/http/timestamp.ts'

const LAST_MS = 8.64e15

test('a timestamp is what Date writes, to the ends of its calendar', (t) => {
  const anyTime = fc.oneof(
    fc.integer({ min: -LAST_MS, max: LAST_MS }),
    fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2040, 0) }),
    fc.constantFrom(
      0,
      -1,
      -0.5,
      0.5,
      86_399_999.9,
      1,
      86_399_999,
      86_400_000,
      -86_400_000,
      -62_198_755_200_000,
      LAST_MS,
      -LAST_MS,
    ),
  )
  fc.assert(
    fc.property(anyTime, (ms) => timestamp(ms) === new Date(ms).toISOString()),
    { numRuns: 5000 },
  )
  t.equal(timestamp(1_795_345_255_696), '2026-11-22T11:00:55.696Z')
  t.end()
})

test('days that share a place among those kept do not take each other for it', (t) => {
  const days = [0, 64, 128, 0, -64, 64].map((day) => day * 86_400_000 + 1)
  t.strictSame(
    days.map(timestamp),
    days.map((ms) => new Date(ms).toISOString()),
  )
  t.end()
})

test('what is no time throws', (t) => {
  for (const ms of [Number.NaN, Number.POSITIVE_INFINITY, LAST_MS + 1])
    t.throws(() => timestamp(ms), RangeError)
  t.end()
})
