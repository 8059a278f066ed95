/**
 * The position of a value among the buckets of a base-2 exponential histogram (OpenTelemetry specification, metrics
 * data model). At scale s, buckets are 2^(2^-s) wide and hold their upper bound: index i has 2^(i/2^s) < value ≤
 * 2^((i+1)/2^s). Every value gets the same bucket as in the SDK, rounding included.
 */

const LOWEST_EXPONENT = -1022
const EXPONENT_BIAS = 1023
/**
 * Half of a bucket at the finest scale, 20: a position this far below a bound is in the bucket below it at every scale.
 */
const BELOW = 2 ** -21
const HIGHEST = 1024 - BELOW

const bits = new DataView(new ArrayBuffer(8))

/**
 * The binary logarithm, moved off the bounds that are exact: at any scale above 0, `Math.floor(position * 2 ** scale)`
 * is the index. So one logarithm serves all histograms of a value, at any scale. For finite values above 0.
 */
export function bucketPosition(value: number): number {
  bits.setFloat64(0, value)
  const high = bits.getUint32(0)
  if ((high & 0xfffff) === 0 && bits.getUint32(4) === 0) return (high >>> 20) - EXPONENT_BIAS - BELOW
  // Subnormal numbers share the bucket of the smallest normal one.
  if (high >>> 20 === 0) return LOWEST_EXPONENT - BELOW
  // Scaling by powers of two is exact: this rounds like the SDK's product with 2^scale. The largest doubles round up.
  return Math.min(Math.log(value) * Math.LOG2E, HIGHEST)
}

/** The index at scale 0, exact even if a logarithm would round over a bound; `>> -scale` gives that of lower scales. */
export function octave(value: number): number {
  bits.setFloat64(0, value)
  const high = bits.getUint32(0)
  const exponent = Math.max((high >>> 20) - EXPONENT_BIAS, LOWEST_EXPONENT)
  const isBound = high >>> 20 === 0 || ((high & 0xfffff) === 0 && bits.getUint32(4) === 0)
  return isBound ? exponent - 1 : exponent
}
