import fc from 'fast-check'
import { test } from 'tap'
import type { ExponentialBuckets } from '../../packages/otlp/src/exponential-buckets.ts'
import { MergedHistogram, percentileRank } from '../../packages/otlp/src/merged-histogram.ts'

/** What an exponential histogram of that scale knows of the values. */
function bucketsOf(values: readonly number[], scale: number): ExponentialBuckets {
  const signed = (magnitudes: readonly number[]) => {
    const indexes = magnitudes.map((value) => Math.ceil(Math.log2(value) * 2 ** scale) - 1)
    if (indexes.length === 0) return { offset: 0, counts: [] }
    const offset = Math.min(...indexes)
    const counts = Array.from({ length: Math.max(...indexes) - offset + 1 }, () => 0)
    for (const index of indexes) counts[index - offset]! += 1
    return { offset, counts }
  }
  return {
    scale,
    zeroCount: values.filter((value) => value === 0).length,
    positive: signed(values.filter((value) => value > 0)),
    negative: signed(values.filter((value) => value < 0).map((value) => -value)),
  }
}

function merge(histograms: readonly ExponentialBuckets[], limits = {}): MergedHistogram {
  const merged = new MergedHistogram(limits)
  for (const histogram of histograms) merged.add(histogram)
  return merged
}

const FRACTIONS = [0, 0.001, 0.07, 0.5, 0.95, 0.99, 1]
// Not on a bound, where the logarithm's last digit decides on the bucket.
const value = fc
  .tuple(fc.constantFrom(-1, 0, 1, 1), fc.double({ min: -30, max: 30, noNaN: true }))
  .map(([sign, octave]) => sign * 1.000_000_1 * 2 ** octave)
const part = fc.record({
  values: fc.array(value, { minLength: 1, maxLength: 60 }),
  scale: fc.integer({ min: -2, max: 6 }),
})

test('every percentile is within the relative error of the exact order statistic', (t) => {
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), (parts) => {
      const merged = merge(parts.map(({ values, scale }) => bucketsOf(values, scale)))
      const ascending = parts.flatMap(({ values }) => values).sort((one, other) => one - other)
      // Zeros have no bucket, and a histogram of nothing else makes none coarser.
      const bucketed = parts.filter(({ values }) => values.some((value) => value !== 0))
      const coarsest = Math.min(20, ...bucketed.map(({ scale }) => scale))
      if (merged.count !== ascending.length || merged.scale !== coarsest) return false
      return FRACTIONS.every((fraction) => {
        const exact = ascending[Math.max(1, Math.ceil(fraction * ascending.length)) - 1]!
        return (
          Math.abs(merged.percentile(fraction)! - exact) <=
          merged.relativeError * Math.abs(exact) * (1 + 1e-9)
        )
      })
    }),
  )
  t.equal(merge([bucketsOf([1], 6)]).relativeError.toFixed(6), '0.005415')
  t.end()
})

test('the order in which histograms come, and merging merged ones, change nothing', (t) => {
  const ofParts = fc.property(fc.array(part, { minLength: 2, maxLength: 6 }), (parts) => {
    const histograms = parts.map(({ values, scale }) => bucketsOf(values, scale))
    const seen = (merged: MergedHistogram) => {
      const rows: number[][] = []
      merged.each((lower, upper, count) => {
        rows.push([lower, upper, count])
        return false
      })
      return rows
    }
    const wanted = seen(merge(histograms))
    const half = Math.ceil(histograms.length / 2)
    const halves = [merge(histograms.slice(0, half)), merge(histograms.slice(half))]
    t.strictSame(seen(merge(histograms.toReversed())), wanted)
    t.strictSame(seen(merge(halves)), wanted)
    t.equal(
      wanted.reduce((sum, [, , count]) => sum + count!, 0),
      parts.flatMap(({ values }) => values).length,
    )
  })
  fc.assert(ofParts, { numRuns: 30 })
  t.end()
})

test('what is finer or wider than the limits becomes coarser, and each observation stays', (t) => {
  const fine = merge([bucketsOf([1.1, 1.2, 1.3], 12)], { finestScale: 7 })
  t.equal(fine.scale, 7)
  const wide = merge([bucketsOf([1e-9, 3e-3], 8), bucketsOf([1e9, -7], 8)], { maxBuckets: 160 })
  t.equal(wide.count, 4)
  t.ok(wide.positive.counts.length <= 160, `${wide.positive.counts.length} buckets`)
  for (const [rank, exact] of [-7, 1e-9, 3e-3, 1e9].entries())
    t.ok(Math.abs(wide.valueOfRank(rank + 1) - exact) <= wide.relativeError * Math.abs(exact), `${exact}`)
  t.end()
})

test('one that is cleared begins anew, at the finest scale', (t) => {
  const merged = merge([bucketsOf([-3, 0, 5, 1e6], 2)])
  merged.clear()
  t.equal(merged.count, 0)
  t.equal(merged.percentile(0.5), undefined)
  merged.add(bucketsOf([7], 9))
  t.equal(merged.scale, 9)
  t.ok(Math.abs(merged.percentile(0.5)! / 7 - 1) < 0.0055)
  t.end()
})

test('ranks begin at 1, and a double that is a hair too large is not the next one', (t) => {
  t.equal(percentileRank(0, 100), 1)
  t.equal(percentileRank(0.07, 100), 7)
  t.equal(percentileRank(0.5, 3), 2)
  t.equal(percentileRank(1, 100), 100)
  t.throws(() => merge([bucketsOf([1, 2], 3)]).valueOfRank(3), new RangeError('2 values have none of rank 3'))
  t.end()
})

test('the largest and smallest numbers have their buckets, and nothing beyond them is added', (t) => {
  for (const [index, exact] of [
    [1023, 2 ** 1023 * (4 / 3)],
    [-1075, 0],
  ] as const) {
    const merged = merge([
      {
        scale: 0,
        zeroCount: 0,
        positive: { offset: index, counts: [1] },
        negative: { offset: 0, counts: [] },
      },
    ])
    t.ok(Math.abs(merged.percentile(1)! - exact) <= exact * 1e-12, `${merged.percentile(1)}`)
  }
  const empty = { offset: 0, counts: [] }
  const of = (scale: number, offset: number) => ({
    scale,
    zeroCount: 0,
    positive: { offset, counts: [1] },
    negative: empty,
  })
  const merged = new MergedHistogram()
  t.throws(() => merged.add(of(21, 0)), new RangeError('a scale beyond -10 to 20'))
  t.throws(() => merged.add(of(0, 1200)), new RangeError('buckets beyond the range of numbers'))
  t.equal(merged.count, 0)
  const coarsest = merge([of(-10, 0)])
  t.ok(coarsest.relativeError <= 1 && coarsest.relativeError > 0.99)
  t.ok(Number.isFinite(coarsest.percentile(0.5)!))
  t.end()
})
