import fc from 'fast-check'
import t from 'tap'
import { MergedSketch, type Sketch } from './sketch.ts'

/** Buckets for these values, the way OpenTelemetry's data model defines them. */
function sketchOf(values: readonly number[], scale: number): Sketch {
  const indexOf = (value: number) => Math.ceil(Math.log2(Math.abs(value)) * 2 ** scale) - 1
  const bucketsOf = (some: number[]) => {
    if (some.length === 0) return { offset: 0, counts: [] }
    const indices = some.map(indexOf)
    const offset = indices.reduce((least, index) => Math.min(least, index))
    const most = indices.reduce((greatest, index) => Math.max(greatest, index))
    const counts = Array.from({ length: most - offset + 1 }, () => 0)
    for (const index of indices) counts[index - offset]! += 1
    return { offset, counts }
  }
  return {
    scale,
    zeroCount: values.filter((value) => value === 0).length,
    positive: bucketsOf(values.filter((value) => value > 0)),
    negative: bucketsOf(values.filter((value) => value < 0)),
  }
}

/** The same random numbers in every run. */
function* uniform(): Generator<number, never> {
  let state = 12345
  for (;;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    yield (state + 0.5) / 2 ** 32
  }
}

t.test(
  'percentiles merged over points are within the stated error of the exact order statistic',
  async (t) => {
    const random = uniform()
    const next = () => random.next().value
    const shapes: Record<string, () => number> = {
      uniform: () => next(),
      exponential: () => -Math.log(next()) / 50,
      'log-normal over many octaves': () =>
        Math.exp(3 * Math.sqrt(-2 * Math.log(next())) * Math.cos(2 * Math.PI * next())),
      'two peaks': () => (next() < 0.9 ? 0.001 + next() / 1e4 : 2 + next()),
      constant: () => 0.25,
    }
    for (const [name, draw] of Object.entries(shapes)) {
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
