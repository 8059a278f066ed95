import type { HrTime } from '@opentelemetry/api'
import { AggregationTemporality, type MetricData, type ResourceMetrics } from '@opentelemetry/sdk-metrics'
import type { Clock } from './clock.ts'
import type { Seconds } from './seconds.ts'

type Point = { readonly startTime: HrTime; readonly endTime: HrTime }

/** One collection: the end of its points, and their new end. */
interface Collection {
  readonly given: number
  readonly endTimes: Set<HrTime>
  readonly endsMs: Set<number>
}

/**
 * For any reader, gives each collection an end in a second of its own, and lets the next collection begin there. If the
 * second is taken, the collection ends in the next free one.
 */
export class IntervalEnds {
  readonly #seconds: Seconds
  readonly #clock: Clock
  #current: Collection | undefined
  #previous: Collection | undefined
  /** New starts of series that go on, by their own start, for starts that were not before the new end. */
  readonly #earlierStarts = new Map<number, number>()

  constructor(seconds: Seconds, clock: Clock) {
    this.#seconds = seconds
    this.#clock = clock
  }

  /** Copies of the points with their new times. The reader's own stay as they are. */
  stamp(metrics: ResourceMetrics): { metrics: ResourceMetrics; end: number } {
    const collection = this.#collectionOf(metrics)
    const scopeMetrics = metrics.scopeMetrics.map(({ scope, metrics: ofScope }) => ({
      scope,
      metrics: ofScope.map((metric) => this.#stamped(metric, collection.given)),
    }))
    return { metrics: { ...metrics, scopeMetrics }, end: collection.given }
  }

  /**
   * A reader may export a collection in batches, each with other series. They may end in one second: else a few hundred
   * batches would end minutes ahead. All points of a collection share one array as their end in the SDK. Two collections
   * within a millisecond have equal arrays, and not the same one.
   */
  #collectionOf(metrics: ResourceMetrics): Collection {
    const endTimes = endTimesOf(metrics)
    let collection = this.#current
    if (collection === undefined || endTimes.isDisjointFrom(collection.endTimes)) {
      const given = this.#seconds.final(this.#clock.now())
      this.#seconds.take(given)
      collection = { given, endTimes: new Set(), endsMs: new Set() }
      this.#previous = this.#current
      this.#current = collection
    }
    for (const endTime of endTimes) {
      collection.endTimes.add(endTime)
      collection.endsMs.add(toMs(endTime))
    }
    return collection
  }

  #stamped(metric: MetricData, end: number): MetricData {
    const isDelta = metric.aggregationTemporality === AggregationTemporality.DELTA
    const endTime = toHrTime(end)
    const dataPoints = (metric.dataPoints as Point[]).map((point) => {
      const start = toMs(point.startTime)
      const given = isDelta ? this.#startOfDelta(start, end) : this.#startOfTotal(start, end)
      return { ...point, startTime: toHrTime(given), endTime }
    })
    return { ...metric, dataPoints } as MetricData
  }

  // A start after the end: a clock that was set back.

  #startOfDelta(start: number, end: number): number {
    const given = this.#previous?.endsMs.has(start) ? this.#previous.given : start
    return Math.min(given, end)
  }

  /**
   * The same for all points of a series: another start means that the series began anew, and all of it is counted again.
   * It is before the end, because a start equal to the end means an unknown start.
   */
  #startOfTotal(start: number, end: number): number {
    const given = Math.min(this.#earlierStarts.get(start) ?? start, end - 1)
    if (given !== start) this.#earlierStarts.set(start, given)
    return given
  }
}

function endTimesOf({ scopeMetrics }: ResourceMetrics): Set<HrTime> {
  const endTimes = new Set<HrTime>()
  for (const { metrics } of scopeMetrics)
    for (const { dataPoints } of metrics)
      for (const { endTime } of dataPoints as Point[]) endTimes.add(endTime)
  return endTimes
}

function toMs([seconds, nanoseconds]: HrTime): number {
  return seconds * 1000 + Math.round(nanoseconds / 1e6)
}

function toHrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000)
  return [seconds, (ms - seconds * 1000) * 1e6]
}
