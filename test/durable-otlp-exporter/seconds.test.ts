import fc from 'fast-check'
import { test } from 'tap'
import { Seconds } from '../../packages/durable-otlp-exporter/src/seconds.ts'

const S = 1000
const NOON = 1_800_000_000 * S

test('an interval ends at its true time, but never twice in one second', (t) => {
  const seconds = new Seconds(NOON)
  t.equal(seconds.next(NOON + 999), undefined, 'not in the second in which the process started')
  t.equal(seconds.next(NOON + 1000), NOON + 1000)
  seconds.take(NOON + 1000)
  t.equal(seconds.next(NOON + 1999), undefined)
  t.equal(seconds.waitForFinal(NOON + 1250), 750)
  t.equal(seconds.next(NOON + 2000), NOON + 2000)
  t.equal(seconds.waitForFinal(NOON + 2000), 0)
  t.end()
})

test('a clock that steps back: waited for, overtaken, or too far away to matter', (t) => {
  const after = (step: number) => {
    const seconds = new Seconds(NOON - S)
    seconds.take(NOON)
    return { next: seconds.next(NOON - step), final: seconds.final(NOON - step) }
  }
  t.same(after(10 * S), { next: undefined, final: NOON + S })
  t.same(after(11 * S), { next: NOON + S, final: NOON + S })
  t.same(after(540 * S), { next: NOON + S, final: NOON + S })
  t.same(
    after(541 * S),
    { next: undefined, final: NOON + S },
    'not where Datadog drops it as from the future',
  )
  t.same(after(3600 * S), { next: undefined, final: NOON + S })
  t.same(after(3601 * S), { next: NOON - 3601 * S, final: NOON - 3601 * S })
  t.end()
})

test('the last second of an earlier process counts, unless it is out of reach', (t) => {
  const after = (second: number) => {
    const seconds = new Seconds(NOON)
    seconds.remember(second, NOON)
    return seconds.last * S
  }
  t.equal(after((NOON + 5 * S) / S), NOON + 5 * S)
  t.equal(after((NOON - 5 * S) / S), NOON)
  t.equal(after((NOON + 9999 * S) / S), NOON)
  t.end()
})

test('a clock that leaps ahead and comes back finds the seconds that it had used', (t) => {
  const seconds = new Seconds(NOON - S)
  seconds.take(NOON)
  seconds.take(NOON + 7200 * S)
  t.equal(seconds.next(NOON - 30 * S), NOON + S)
  t.end()
})

test('whatever the clock does within the reach of Datadog, no second is given twice', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: -1_700_000, max: 1_800_000 }), fc.boolean())),
      (steps) => {
        const seconds = new Seconds(NOON)
        const given: number[] = []
        for (const [offset, isFinal] of steps) {
          const now = NOON + offset
          const end = isFinal ? seconds.final(now) : seconds.next(now)
          if (end === undefined) continue
          seconds.take(end)
          given.push(Math.floor(end / S))
        }
        t.equal(new Set(given).size, given.length)
        t.same(given, [...given].sort())
      },
    ),
  )
  t.end()
})
