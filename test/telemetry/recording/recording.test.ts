import assert from 'node:assert/strict'
import { AggregationTemporality } from '@opentelemetry/sdk-metrics'
import fc from 'fast-check'
import { test } from 'tap'
import { METRICS } from '../../../src/telemetry/catalogue.ts'
import { BoundHistogram } from '../../../src/telemetry/recording/bound.ts'
import { besideTheSdk } from './sdk-oracle.ts'

const { DELTA, CUMULATIVE } = AggregationTemporality

type Step = { record: number; value: number } | { wait: number } | 'collect'

/** More attribute sets than the smallest limit takes, and equal ones whose keys come in another order. */
const SERIES = [
  { page: 'home' },
  { page: 'login', table: 'users' },
  { table: 'users', page: 'login' },
  {},
  { page: 'friends' },
]

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ record: fc.nat(14), value: fc.integer({ min: -2, max: 9 }) }) },
  { weight: 2, arbitrary: fc.record({ wait: fc.nat(3) }) },
  { weight: 3, arbitrary: fc.constant('collect' as const) },
)

test('what is collected is what the SDK would have made of the same records, times and order included', async (t) => {
  let now = 0
  t.intercept(Date, 'now', { value: () => now })
  const seen = { points: 0, overflows: 0, goingOn: 0 }
  const property = fc.asyncProperty(
    fc.array(step, { maxLength: 60, size: 'max' }),
    // The SDK's limit is for an interval, which is no limit where series go on from one to the next.
    fc.constantFrom(
      [2, DELTA] as const,
      [3, DELTA] as const,
      [2000, DELTA] as const,
      [2000, CUMULATIVE] as const,
    ),
    async (steps, [cardinalityLimit, counters]) => {
      now = 1_700_000_000_999
      const pair = besideTheSdk({ cardinalityLimit, counters })
      const recorders = SERIES.flatMap((attributes) => [
        pair.counter(METRICS.pageViews, attributes),
        pair.histogram(METRICS.queryTime, attributes),
        ...(cardinalityLimit === 2000 ? [pair.counter(METRICS.activeRequests, attributes)] : []),
      ])
      for (const next of [...steps, 'collect' as const]) {
        if (next === 'collect') {
          const { ours, sdk } = await pair.collect()
          assert.deepEqual(ours, sdk)
          for (const { dataPoints } of sdk)
            for (const { attributes, startTime } of dataPoints) {
              seen.points += 1
              if ('otel.metric.overflow' in attributes) seen.overflows += 1
              if (startTime[1] !== 999e6) seen.goingOn += 1
            }
        } else if ('wait' in next) now += next.wait
        else recorders[next.record % recorders.length]?.(next.value)
      }
    },
  )
  await fc.assert(property, { numRuns: 100 })
  for (const [what, times] of Object.entries(seen)) t.ok(times > 10, `${times} ${what}`)
})

test('one record into both is one into each', async (t) => {
  const { recording, collect } = besideTheSdk()
  const [one, other, twice] = [METRICS.queryTime, METRICS.operationDuration, METRICS.connectionWait].map(
    (metric) => recording.histogram(metric, {}),
  ) as [BoundHistogram, BoundHistogram, BoundHistogram]
  const both = BoundHistogram.both(one, other)
  for (const value of [0.001, 0.25, 0, 3, 1e-310, Number.NaN, -1, Infinity]) {
    both.record(value)
    twice.record(value)
  }
  one.record(1000)
  const [first, second, third] = (await collect()).ours.map(({ dataPoints }) => dataPoints[0]?.value)
  t.strictSame(second, third)
  t.match(second, { count: 5, sum: 3.251, min: 0, max: 3 })
  t.match(first, { count: 6, sum: 1003.251, max: 1000 }, 'each is a histogram of its own')
})
