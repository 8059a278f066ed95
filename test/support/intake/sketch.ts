import type { Buckets, Sketch } from '../flat-telemetry.ts'

export interface Percentile {
  readonly value: number
  /** The exact order statistic is within this part of `value`: 0.0054 at scale 6. */
  readonly relativeError: number
}

/**
 * Merges what was observed in several points, at any scales. Merging loses nothing: at the coarsest scale among them
 * every bucket of a finer one lies whole within a bucket (OpenTelemetry data model, "Exponential Scale").
 */
export class MergedSketch {
  readonly #sketches: Sketch[] = []
  #min = Number.POSITIVE_INFINITY
  #max = Number.NEGATIVE_INFINITY

  add(sketch: Sketch, min: number | undefined, max: number | undefined): void {
    this.#sketches.push(sketch)
    // A point that does not say its extremes makes those of the others no bound for the whole.
    this.#min = Math.min(this.#min, min ?? Number.NEGATIVE_INFINITY)
    this.#max = Math.max(this.#max, max ?? Number.POSITIVE_INFINITY)
  }

  /**
   * The value of rank ⌈fraction × n⌉ in ascending order, at least 1: with 0.5 the lower median. Undefined without
   * observations. The estimate is the point of its bucket (lower, lower × base] that is relatively nearest to both
   * ends, 2 × lower × base / (1 + base), so it is off by at most (base - 1) / (base + 1); values within the zero
   * bucket count as 0, off by its threshold.
   */
  percentile(fraction: number): Percentile | undefined {
    const scale = Math.min(...this.#sketches.map((sketch) => sketch.scale))
    const ascending = this.#ascending(scale)
    const count = ascending.reduce((sum, bucket) => sum + bucket.count, 0)
    if (count === 0) return undefined
    // A hair less, because 0.07 × 100 is 7.000000000000001 to a double.
    const rank = Math.max(1, Math.ceil(fraction * count * (1 - 1e-12)))
    let passed = 0
    const found = ascending.find((bucket) => {
      passed += bucket.count
      return passed >= rank
    })!
    const base = 2 ** (2 ** -scale)
    const magnitude = (index: number) => 2 ** (index * 2 ** -scale) * ((2 * base) / (1 + base))
    const estimate = found.sign === 0 ? 0 : found.sign * magnitude(found.index)
    return {
      value: Math.min(Math.max(estimate, this.#min), this.#max),
      relativeError: (base - 1) / (base + 1),
    }
  }

  /** From the most negative to the largest. */
  #ascending(scale: number): { sign: -1 | 0 | 1; index: number; count: number }[] {
    const positive = new Map<number, number>()
    const negative = new Map<number, number>()
    let zeros = 0
    for (const sketch of this.#sketches) {
      collect(positive, sketch.positive, sketch.scale - scale)
      collect(negative, sketch.negative, sketch.scale - scale)
      zeros += sketch.zeroCount
    }
    const sorted = (counts: Map<number, number>) => [...counts].sort(([one], [other]) => one - other)
    return [
      ...sorted(negative)
        .reverse()
        .map(([index, count]) => ({ sign: -1 as const, index, count })),
      { sign: 0, index: 0, count: zeros },
      ...sorted(positive).map(([index, count]) => ({ sign: 1 as const, index, count })),
    ]
  }
}

/** One step down in scale joins two neighbours; an arithmetic shift would end at 32 bits. */
function collect(into: Map<number, number>, { offset, counts }: Buckets, steps: number): void {
  for (const [position, count] of counts.entries()) {
    if (count === 0) continue
    const index = Math.floor((offset + position) / 2 ** steps)
    into.set(index, (into.get(index) ?? 0) + count)
  }
}
