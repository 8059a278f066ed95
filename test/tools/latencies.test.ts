import fc from 'fast-check'
import { test } from 'tap'
import { Latencies } from '../../tools/loading/latencies.ts'

/** 1 µs to 600 s, as evenly over the powers of ten as real latencies never are. */
const MS = fc.double({ min: Math.log(0.001), max: Math.log(600_000), noNaN: true }).map(Math.exp)
const PERCENTS = [0, 0.1, 25, 50, 90, 95, 99, 99.9, 100]

/** The value of rank ⌈percent × n / 100⌉, in whole numbers: percents here have one decimal. */
function exactPercentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((one, other) => one - other)
  const rank = Math.ceil((Math.round(percent * 10) * sorted.length) / 1000)
  return sorted[Math.max(1, rank) - 1]!
}

function recorded(values: readonly number[]): Latencies {
  const latencies = new Latencies()
  for (const value of values) latencies.record(value)
  return latencies
}

test('each percentile is at most 0.1 % above the value of its exact rank, from 1 µs to 600 s', async () => {
  const values = fc.array(MS, { minLength: 1, maxLength: 400, size: 'max' })
  fc.assert(
    fc.property(values, fc.nat(400), (values, at) => {
      // Whether recorded in one or put together from two.
      const whole = recorded(values)
      const halves = recorded(values.slice(0, at))
      halves.add(recorded(values.slice(at)))
      for (const latencies of [whole, halves]) {
        if (latencies.count !== values.length || latencies.maxMs !== Math.max(...values)) return false
        for (const percent of PERCENTS) {
          const excess = latencies.percentileMs(percent)! / exactPercentile(values, percent) - 1
          // Half a nanosecond of rounding is 0.05 % of the shortest.
          if (excess < -0.0005 || excess > 0.0015) return false
        }
      }
      return true
    }),
    { numRuns: 300 },
  )
})

test('what lies outside of the range counts at its ends, and the maximum is exact', async (t) => {
  const latencies = recorded([0, -0.002, 2e6])
  t.equal(latencies.count, 3)
  t.ok(latencies.percentileMs(50)! <= 0.001)
  t.ok(Math.abs(latencies.percentileMs(100)! / 1e6 - 1) < 0.001)
  t.equal(latencies.maxMs, 2e6)
  latencies.reset()
  t.equal(latencies.count, 0)
  t.equal(latencies.maxMs, 0)
  t.equal(latencies.percentileMs(50), undefined)
})
