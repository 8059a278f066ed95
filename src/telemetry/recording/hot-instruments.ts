import {
  type AggregationSelector,
  AggregationTemporality,
  type AggregationTemporalitySelector,
  AggregationType,
  InstrumentType,
} from '@opentelemetry/sdk-metrics'
import { METRICS } from '../catalogue.ts'
import type { AttributesOf, Counter, Instruments, OfKind, Recorder } from '../instruments.ts'
import { BoundHistogram } from './bound.ts'
import type { Recording } from './recording.ts'

/** The metrics that each request or query records. */
const HOT: ReadonlySet<string> = new Set(
  [
    METRICS.pageViews,
    METRICS.pageViewsTotal,
    METRICS.requestDuration,
    METRICS.activeRequests,
    METRICS.queryTime,
    METRICS.operationDuration,
    METRICS.connectionWait,
  ].map(({ name }) => name),
)

export interface HotInstrumentsOptions {
  readonly recording: Recording
  /** Takes all other instruments. */
  readonly others: Instruments
  readonly temporality: AggregationTemporalitySelector
  readonly aggregation: AggregationSelector
}

/**
 * {@link Instruments} of which the hot ones record into a {@link Recording}. Histograms set to cumulative or to
 * explicit bounds are left to the SDK: such a setting is rare, and asks for the SDK's behaviour.
 */
export class HotInstruments implements Instruments {
  readonly #options: HotInstrumentsOptions
  readonly #recordsHistograms: boolean

  constructor(options: HotInstrumentsOptions) {
    const { temporality, aggregation } = options
    this.#options = options
    this.#recordsHistograms =
      temporality(InstrumentType.HISTOGRAM) === AggregationTemporality.DELTA &&
      aggregation(InstrumentType.HISTOGRAM).type === AggregationType.EXPONENTIAL_HISTOGRAM
  }

  counter<M extends OfKind<'counter'>>(metric: M, attributes: AttributesOf<M>): Counter {
    const { recording, others, temporality } = this.#options
    if (!HOT.has(metric.name)) return others.counter(metric, attributes)
    return recording.counter(metric, attributes, temporality(InstrumentType.COUNTER))
  }

  upDownCounter<M extends OfKind<'up-down counter'>>(metric: M, attributes: AttributesOf<M>): Counter {
    const { recording, others, temporality } = this.#options
    if (!HOT.has(metric.name)) return others.upDownCounter(metric, attributes)
    return recording.counter(metric, attributes, temporality(InstrumentType.UP_DOWN_COUNTER))
  }

  histogram<M extends OfKind<'histogram'>>(metric: M, attributes: AttributesOf<M>): Recorder {
    const { recording, others } = this.#options
    if (!HOT.has(metric.name) || !this.#recordsHistograms) return others.histogram(metric, attributes)
    return recording.histogram(metric, attributes)
  }

  gauge<M extends OfKind<'gauge'>>(metric: M, attributes: AttributesOf<M>): Recorder {
    return this.#options.others.gauge(metric, attributes)
  }

  both(one: Recorder, other: Recorder): Recorder {
    return one instanceof BoundHistogram && other instanceof BoundHistogram
      ? BoundHistogram.both(one, other)
      : this.#options.others.both(one, other)
  }

  beforeCollection(sample: () => void): void {
    this.#options.others.beforeCollection(sample)
  }

  fault(error: unknown): void {
    this.#options.others.fault(error)
  }
}
