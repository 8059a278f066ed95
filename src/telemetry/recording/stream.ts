import type { Attributes, HrTime } from '@opentelemetry/api'
import { millisToHrTime } from '@opentelemetry/core'
import type { DataPoint } from '@opentelemetry/sdk-metrics'
import { seriesKey } from '../series.ts'

/** Adds up the records of a series. */
interface Accumulator<Value> {
  /** Its value; a delta begins anew. */
  take(): Value
}

export interface StreamOptions<A> {
  readonly newAccumulator: () => A
  /** Whether each collection gives the growth since the last one, instead of the total since the first record. */
  readonly isDelta: boolean
  /** Includes the one series of all attribute sets beyond it. */
  readonly cardinalityLimit: number
}

/** One attribute set of a metric. */
export class Series<Value, A extends Accumulator<Value>> {
  readonly attributes: Attributes
  readonly accumulator: A
  readonly #stream: Stream<Value, A>
  /** It has records that were not collected yet. */
  isOpen = false
  startTime: HrTime = [0, 0]
  /** The number of the last collection with a point of it. */
  collectedIn = -1

  constructor(stream: Stream<Value, A>, attributes: Attributes, accumulator: A) {
    this.attributes = Object.freeze({ ...attributes })
    this.accumulator = accumulator
    this.#stream = stream
  }

  /** The accumulator of the next record. */
  get target(): A {
    return this.isOpen ? this.accumulator : this.#stream.open(this).accumulator
  }
}

const OVERFLOW = { 'otel.metric.overflow': true }

/**
 * The series of one metric from collection to collection, by the SDK's rules: only series with records since the last
 * one make a point, in the order of the first records; a point starts where that collection ended if the series had a
 * point there, and else at its first record; and series beyond the limit share one.
 */
export class Stream<Value, A extends Accumulator<Value>> {
  readonly #options: StreamOptions<A>
  readonly #series = new Map<string, Series<Value, A>>()
  readonly #overflow: Series<Value, A>
  #open: Series<Value, A>[] = []
  #collections = 0
  #collectedAt: HrTime = [0, 0]

  constructor(options: StreamOptions<A>) {
    this.#options = options
    this.#overflow = new Series(this, OVERFLOW, options.newAccumulator())
  }

  /** The same series for equal attributes, in any order of their keys. */
  series(attributes: Attributes): Series<Value, A> {
    const key = seriesKey(attributes)
    const series = this.#series.get(key) ?? new Series(this, attributes, this.#options.newAccumulator())
    this.#series.set(key, series)
    return series
  }

  /** Called at the first record since a collection. Returns the record's series: another one beyond the limit. */
  open(series: Series<Value, A>): Series<Value, A> {
    const isFull = this.#open.length >= this.#options.cardinalityLimit - 1
    const opened = isFull ? this.#overflow : series
    if (opened.isOpen) return opened
    const goesOn = opened.collectedIn === this.#collections
    opened.isOpen = true
    opened.startTime = goesOn ? this.#collectedAt : millisToHrTime(Date.now())
    this.#open.push(opened)
    return opened
  }

  /** Every series that was recorded into since the start. */
  *recorded(): Generator<Series<Value, A>> {
    for (const series of [...this.#series.values(), this.#overflow])
      if (series.isOpen || series.collectedIn >= 0) yield series
  }

  collect(endTime: HrTime): DataPoint<Value>[] {
    const collected = this.#open
    this.#collections += 1
    this.#collectedAt = endTime
    if (this.#options.isDelta) this.#open = []
    return collected.map((series) => {
      series.isOpen = !this.#options.isDelta
      series.collectedIn = this.#collections
      return {
        attributes: series.attributes,
        startTime: series.startTime,
        endTime,
        value: series.accumulator.take(),
      }
    })
  }
}
