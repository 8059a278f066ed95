import type { Percentile } from './sketch.ts'

/** What the Agent sends of a distribution: ascending keys, and how many values were counted under each. */
export interface AgentSketch {
  readonly keys: readonly number[]
  readonly counts: readonly number[]
}

/** DataDog/datadog-agent, pkg/util/quantile/config.go: ε = 1/128, and the smallest value that is not 0. */
const GAMMA = 1 + 2 / 128
const SMALLEST = 1e-9
const BIAS = 1 - Math.floor(Math.log(SMALLEST) / Math.log(GAMMA))

/** A value's key is the nearest power of γ, so it is off by at most so much of the value that stands for the key. */
const RELATIVE_ERROR = Math.sqrt(GAMMA) - 1

/** Merges the Agent's sketches, key by key; nothing is lost in it. */
export class MergedAgentSketch {
  readonly #counts = new Map<number, number>()
  #min = Number.POSITIVE_INFINITY
  #max = Number.NEGATIVE_INFINITY

  add(sketch: AgentSketch, min: number | undefined, max: number | undefined): void {
    for (const [index, key] of sketch.keys.entries())
      this.#counts.set(key, (this.#counts.get(key) ?? 0) + sketch.counts[index]!)
    this.#min = Math.min(this.#min, min ?? Number.NEGATIVE_INFINITY)
    this.#max = Math.max(this.#max, max ?? Number.POSITIVE_INFINITY)
  }

  /**
   * The value of rank ⌈fraction × n⌉, as `MergedSketch` has it, within the extremes. The error is that of the sketch;
   * the exporter makes sketches of exponential histograms, whose buckets add their own width.
   */
  percentile(fraction: number): Percentile | undefined {
    const ascending = [...this.#counts].sort(([one], [other]) => one - other)
    const total = ascending.reduce((sum, [, count]) => sum + count, 0)
    if (total === 0) return undefined
    const rank = Math.max(1, Math.ceil(fraction * total * (1 - 1e-12)))
    let passed = 0
    const [key] = ascending.find(([, count]) => {
      passed += count
      return passed >= rank
    })!
    return {
      value: Math.min(Math.max(valueAt(key), this.#min), this.#max),
      relativeError: RELATIVE_ERROR,
    }
  }
}

/** The power of γ that a key stands for; negative values have the negative keys. */
function valueAt(key: number): number {
  return key === 0 ? 0 : Math.sign(key) * GAMMA ** (Math.abs(key) - BIAS)
}
