/**
 * The buckets of an exponential histogram: index i holds values above base^i up to base^(i+1), base = 2^(2^-scale).
 * Negative values are in buckets of their magnitudes. An `ExponentialHistogramPoint` has these fields.
 */
export interface ExponentialBuckets {
  readonly scale: number
  readonly zeroCount: number
  readonly positive: SignedBuckets
  readonly negative: SignedBuckets
}

/** The buckets of one sign. */
export interface SignedBuckets {
  /** Index of the first of the counts. */
  readonly offset: number
  readonly counts: ArrayLike<number>
}

/** The finest scale in use: an SDK begins there (metrics data model, "Exponential Scale"). */
export const FINEST_SCALE = 20
const COARSEST_SCALE = -10
const MOST_SENT = 16_384
/** No double is beyond 2^±1100. */
const MOST_OCTAVES = 1100

/** The reason why these buckets cannot be right: a bound beyond the range of doubles, or a scale that no SDK has. */
export function complaintAboutBuckets({ scale, positive, negative }: ExponentialBuckets): string | undefined {
  if (scale < COARSEST_SCALE || scale > FINEST_SCALE)
    return `a scale beyond ${COARSEST_SCALE} to ${FINEST_SCALE}`
  for (const { offset, counts } of [positive, negative]) {
    if (counts.length === 0) continue
    const octaves = [offset * 2 ** -scale, (offset + counts.length) * 2 ** -scale]
    if (counts.length > MOST_SENT || octaves.some((octave) => Math.abs(octave) > MOST_OCTAVES))
      return 'buckets beyond the range of numbers'
  }
  return undefined
}
