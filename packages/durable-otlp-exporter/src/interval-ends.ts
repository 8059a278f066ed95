import type { HrTime } from '@opentelemetry/api'
import { AggregationTemporality, type MetricData, type ResourceMetrics } from '@opentelemetry/sdk-metrics'
import type { Clock } from './clock.ts'
import type { Seconds } from './seconds.ts'

type Point = { readonly startTime: HrTime; readonly endTime: HrTime }

/** One collection: when its points ended, and the end that they were given instead. */
interface Collection {
  readonly given: number
  readonly endTimes: Set<HrTime>
  readonly endsMs: Set<number>
}

/**
 * Gives each collection an end in a second of its own, and lets the next begin there, whatever reader collects. What ends
 * in a second that is taken already ends in the next one that is free.
 */
export class IntervalEnds {
  readonly #seconds: Seconds
  readonly #clock: Clock
  #current: Collection | undefined
  #previous: Collection | undefined
  /** Of series that go on: where they begin instead, by where they do, once that was not before their end. */
  readonly #earlierStarts = new Map<number, number>()

  constructor(seconds: Seconds, clock: Clock) {
    this.#seconds = seconds
    this.#clock = clock
  }

  /** Copies of the points with their given times; the reader's own stay as they are. */
  stamp(metrics: ResourceMetrics): { metrics: ResourceMetrics; end: number } {
    const collection = this.#collectionOf(metrics)
    const scopeMetrics = metrics.scopeMetrics.map(({ scope, metrics: ofScope }) => ({
      scope,
      metrics: ofScope.map((metric) => this.#stamped(metric, collection.given)),
    }))
    return { metrics: { ...metrics, scopeMetrics }, end: collection.given }
  }

  /**
   * A reader may export a collection in batches, each with other series: they may end in one second, and else a few
   * hundred batches would end minutes ahead. The SDK gives all points of a collection one and the same array as their
   * end; two collections within a millisecond have equal ones.
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
   * The same for all points of a series: another start says that it began anew, and all of it is counted again. Before
   * the end, because a start that is the end says that nobody knows since when it counts.
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
