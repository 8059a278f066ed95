import type { ExponentialHistogramPoint } from '@rollcall/otlp'
import { rankOf } from './statistics.ts'

/**
 * Exponential histograms of durations, merged over points. Merging loses nothing: at the coarsest scale among them each
 * bucket of a finer one lies whole within a bucket (OpenTelemetry data model, "Exponential Scale").
 *
 * Not the viewer's `MergedSketch`, which reads what its store has packed, at scale 7 at most, where this one has to be
 * as exact as what was sent; nor the tests', which must share nothing with what they judge.
 */
export class MergedHistogram {
  readonly #points: ExponentialHistogramPoint[] = []
  count = 0
  sum = 0

  add(point: ExponentialHistogramPoint): void {
    this.#points.push(point)
    this.count += point.count
    this.sum += point.sum ?? 0
  }

  /** A percentile is within this part of the exact order statistic: 0.0054 at scale 6. */
  get relativeError(): number {
    const base = this.#base
    return (base - 1) / (base + 1)
  }

  /** The point of the bucket with this rank that is relatively nearest to both of its ends. */
  valueOfRank(rank: number): number {
    let left = rank - this.#points.reduce((sum, { zeroCount }) => sum + zeroCount, 0)
    if (left <= 0) return 0
    const base = this.#base
    for (const [index, count] of this.#buckets()) {
      left -= count
      if (left <= 0) return base ** index * ((2 * base) / (1 + base))
    }
    throw new Error(`a histogram of ${this.count} values has none of rank ${rank}`)
  }

  percentile(fraction: number): number {
    return this.valueOfRank(rankOf(fraction, this.count))
  }

  get #scale(): number {
    return Math.min(...this.#points.map(({ scale }) => scale))
  }

  get #base(): number {
    return 2 ** (2 ** -this.#scale)
  }

  #buckets(): [index: number, count: number][] {
    const merged = new Map<number, number>()
    for (const { scale, positive } of this.#points)
      for (const [position, count] of positive.counts.entries()) {
        const index = Math.floor((positive.offset + position) / 2 ** (scale - this.#scale))
        if (count > 0) merged.set(index, (merged.get(index) ?? 0) + count)
      }
    return [...merged].sort(([one], [other]) => one - other)
  }
}
