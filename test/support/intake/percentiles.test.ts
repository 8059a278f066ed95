import fc from 'fast-check'
import t from 'tap'
import { SHAPES, sketchOf } from './observed-values.ts'
import { MergedSketch } from './sketch.ts'

t.test(
  'percentiles merged over points are within the stated error of the exact order statistic',
  async (t) => {
    for (const [name, draw] of Object.entries(SHAPES)) {
      const values = Array.from({ length: 50_000 }, draw)
      const merged = new MergedSketch()
      for (let start = 0; start < values.length; start += 5000) {
        const part = values.slice(start, start + 5000)
        merged.add(sketchOf(part, 6), Math.min(...part), Math.max(...part))
      }
      const sorted = values.toSorted((one, other) => one - other)
      for (const fraction of [0, 0.5, 0.95, 0.99, 0.999, 1]) {
        const exact = sorted[Math.max(0, Math.ceil(fraction * values.length - 1e-6) - 1)]!
        const { value, relativeError } = merged.percentile(fraction)!
        t.ok(relativeError > 0.0054 && relativeError < 0.00542, 'scale 6')
        const off = Math.abs(value - exact) / exact
        t.ok(off <= relativeError * 1.000001, `${name}: p${fraction * 100} is off by ${off}`)
      }
    }
  },
)

t.test('merging different scales is as good as observing at the coarsest', async () => {
  const value = fc.oneof(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.constant(0))
  const observed = fc.array(
    value.map((each) => (Math.abs(each) < 1e-6 ? 0 : each)),
    { minLength: 1, maxLength: 20 },
  )
  fc.assert(
    fc.property(
      fc.array(fc.tuple(observed, fc.integer({ min: -3, max: 8 })), { minLength: 1, maxLength: 4 }),
      (points) => {
        const merged = new MergedSketch()
        for (const [values, scale] of points) merged.add(sketchOf(values, scale), undefined, undefined)
        const sorted = points.flatMap(([values]) => values).sort((one, other) => one - other)
        for (const [index, exact] of sorted.entries()) {
          const percentile = merged.percentile((index + 1) / sorted.length)!
          const off = Math.abs(percentile.value - exact)
          // Rounding of the logarithm may put a bucket's very edge on its other side.
          if (off > Math.abs(exact) * (percentile.relativeError + 1e-9) * 1.01)
            throw new Error(`${exact}: ${percentile.value}`)
        }
      },
    ),
    { numRuns: 300 },
  )
})

t.test('without observations there is no percentile, and the extremes bound it', async (t) => {
  t.equal(new MergedSketch().percentile(0.5), undefined)
  const one = new MergedSketch()
  one.add(sketchOf([3], 0), 3, 3)
  t.match(one.percentile(0.99), { value: 3 })
  const unknown = new MergedSketch()
  unknown.add(sketchOf([3], 0), 3, 3)
  unknown.add(sketchOf([4], 0), undefined, undefined)
  t.match(unknown.percentile(1), { value: 8 / 3 }, 'one point without extremes leaves the whole without')
})
