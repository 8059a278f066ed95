import type { ExponentialHistogram as ExponentialHistogramValue } from '@opentelemetry/sdk-metrics'
import type { Counter, Recorder } from '../instruments.ts'
import { bucketPosition } from './bucket-position.ts'
import type { ExponentialHistogram } from './exponential-histogram.ts'
import type { Series } from './stream.ts'

/** The sum of the records; a delta, unless it is cumulative. */
export class Sum {
  readonly #isDelta: boolean
  #value = 0
  #taken = 0

  constructor(isDelta: boolean) {
    this.#isDelta = isDelta
  }

  add(count: number): void {
    this.#value += count
  }

  take(): number {
    const value = this.#value
    if (this.#isDelta) {
      this.#taken += value
      this.#value = 0
    }
    return value
  }

  /** Of all records since the start. */
  total(): number {
    return this.#taken + this.#value
  }
}

export class BoundCounter implements Counter {
  readonly #series: Series<number, Sum>
  readonly #isMonotonic: boolean

  constructor(series: Series<number, Sum>, isMonotonic: boolean) {
    this.#series = series
    this.#isMonotonic = isMonotonic
  }

  add(count: number): void {
    if (count < 0 && this.#isMonotonic) return
    this.#series.target.add(count)
  }
}

/** Records into one series of an exponential histogram; ignores negative and non-finite values, as the SDK does. */
export class BoundHistogram implements Recorder {
  readonly #series: Series<ExponentialHistogramValue, ExponentialHistogram>

  constructor(series: Series<ExponentialHistogramValue, ExponentialHistogram>) {
    this.#series = series
  }

  record(value: number): void {
    if (isRecordable(value)) this.#series.target.add(value, bucketPosition(value))
  }

  /** Records one value into two histograms, computing its bucket position once. */
  static both(one: BoundHistogram, other: BoundHistogram): Recorder {
    return {
      record(value) {
        if (!isRecordable(value)) return
        const position = bucketPosition(value)
        one.#series.target.add(value, position)
        other.#series.target.add(value, position)
      },
    }
  }
}

/** The SDK leaves the others out too, but begins a series for NaN and Infinity, with an empty point. */
function isRecordable(value: number): boolean {
  return value >= 0 && value < Number.POSITIVE_INFINITY
}
