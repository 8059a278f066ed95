import assert from 'node:assert/strict'
import type { ExponentialHistogram } from '@opentelemetry/sdk-metrics'
import fc from 'fast-check'
import { test } from 'tap'
import { METRICS } from '../../../src/telemetry/catalogue.ts'
import { besideTheSdk } from './sdk-oracle.ts'

const METRIC = METRICS.connectionWait

/** A double by its bits: of every size, subnormal ones, both infinities and NaN among them. */
const anyDouble = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(doubleOf)
/** Powers of two lie on a bound at every scale; their neighbours are where logarithms are rounded over it. */
const nearPower = fc
  .tuple(fc.integer({ min: -1074, max: 1023 }), fc.integer({ min: -2, max: 2 }))
  .map(([exponent, steps]) => doubleOf(bitsOf(2 ** exponent) + BigInt(steps)))
const special = fc.constantFrom(
  0,
  -0,
  -1,
  Number.MIN_VALUE,
  2 ** -1022,
  Number.MAX_VALUE,
  Infinity,
  -Infinity,
  NaN,
)
/** So many octaves wide that each scale is met. */
const cluster = fc
  .tuple(fc.double({ min: -900, max: 900, noNaN: true }), fc.integer({ min: -22, max: 9 }))
  .chain(([centre, width]) =>
    fc.array(
      fc.double({ min: 0, max: 1, noNaN: true }).map((at) => 2 ** (centre + at * 2 ** width)),
      { minLength: 1, maxLength: 40 },
    ),
  )
const values = fc.oneof(
  cluster,
  fc.array(fc.oneof(anyDouble, nearPower, special), { maxLength: 20 }),
  fc.tuple(cluster, fc.array(fc.oneof(nearPower, special), { maxLength: 5 })).map((parts) => parts.flat()),
)

test('an interval makes the point that the SDK makes of it, whatever the values', async (t) => {
  const scales = new Set<number>()
  let intervals = 0
  let compared = 0
  for (const maxBuckets of [4, 160, 1280]) {
    const pair = besideTheSdk({ maxBuckets })
    const record = pair.histogram(METRIC, {})
    const property = fc.asyncProperty(values, async (interval) => {
      for (const value of interval) record(value)
      const { ours, sdk } = await pair.collect()
      const [own, its] = [pointOf(ours), pointOf(sdk)]
      // The SDK begins a point for values that it leaves out.
      if (its === undefined || its.count === 0) {
        assert.equal(own, undefined)
        return
      }
      assert.ok(own)
      intervals += 1
      scales.add(own.scale)
      const buckets = { scale: 0, positive: undefined }
      assert.deepEqual({ ...own, ...buckets }, { ...its, ...buckets })
      assert.equal(bucketed(own), own.count - own.zeroCount)
      // Beside a power of two, on the way to scale 0 or below, the SDK takes one bucket more than it has.
      if (bucketed(its) === its.count - its.zeroCount) {
        compared += 1
        assert.equal(own.scale, its.scale)
        assert.deepEqual(own.positive, its.positive)
      }
    })
    await fc.assert(property, { numRuns: 400 })
  }
  t.ok(intervals > 900)
  t.ok(compared > intervals * 0.98, `${intervals - compared} of ${intervals} are not whole in the SDK`)
  t.ok(scales.size > 20, `scales ${[...scales].sort((a, b) => a - b)}`)
})

function pointOf(metrics: Awaited<ReturnType<ReturnType<typeof besideTheSdk>['collect']>>['ours']) {
  return metrics[0]?.dataPoints[0]?.value as ExponentialHistogram | undefined
}

function bucketed({ positive }: ExponentialHistogram): number {
  return positive.bucketCounts.reduce((sum, count) => sum + count, 0)
}

function doubleOf(bits: bigint): number {
  return new Float64Array(BigUint64Array.of(BigInt.asUintN(64, bits)).buffer)[0] as number
}

function bitsOf(double: number): bigint {
  return new BigUint64Array(Float64Array.of(double).buffer)[0] as bigint
}
