import { type Attributes, type HrTime, ValueType } from '@opentelemetry/api'
import { type InstrumentationScope, millisToHrTime } from '@opentelemetry/core'
import { emptyResource } from '@opentelemetry/resources'
import {
  AggregationTemporality,
  type CollectionResult,
  DataPointType,
  type ExponentialHistogram as ExponentialHistogramValue,
  type MetricData,
  type MetricProducer,
} from '@opentelemetry/sdk-metrics'
import type { MetricDefinition } from '@rollcall/fastify-route-telemetry'
import { BoundCounter, BoundHistogram, Sum } from './bound.ts'
import { ExponentialHistogram } from './exponential-histogram.ts'
import { Stream } from './stream.ts'

const { DELTA } = AggregationTemporality

/**
 * Metrics that are recorded by additions, without the SDK, whose every record sorts and serialises its attributes (2
 * µs, decision 0004). A series is looked up once, when it is bound; at each collection the sums become the points that
 * the SDK would make of the same records, and go through its reader to the same exporter.
 */
export class Recording implements MetricProducer {
  readonly #scope: InstrumentationScope
  readonly #cardinalityLimit: number
  readonly #maxBuckets: number
  readonly #sums = new Map<string, Stream<number, Sum>>()
  readonly #histograms = new Map<string, Stream<ExponentialHistogramValue, ExponentialHistogram>>()
  /** In the order of their first binding. */
  readonly #metrics: ((endTime: HrTime) => MetricData)[] = []

  constructor(options: { scope: InstrumentationScope; cardinalityLimit: number; maxBuckets: number }) {
    this.#scope = options.scope
    this.#cardinalityLimit = options.cardinalityLimit
    this.#maxBuckets = options.maxBuckets
  }

  counter(
    metric: MetricDefinition,
    attributes: Attributes,
    temporality: AggregationTemporality,
  ): BoundCounter {
    const isMonotonic = metric.kind === 'counter'
    const stream = this.#sums.get(metric.name) ?? this.#newSum(metric, temporality, isMonotonic)
    return new BoundCounter(stream.series(attributes), isMonotonic)
  }

  histogram(metric: MetricDefinition, attributes: Attributes): BoundHistogram {
    const stream = this.#histograms.get(metric.name) ?? this.#newHistogram(metric)
    return new BoundHistogram(stream.series(attributes))
  }

  /** What a counter has counted since the start, by its attributes: the sum of all its points, sent or not. */
  sums(metric: MetricDefinition): { attributes: Attributes; sum: number }[] {
    const series = this.#sums.get(metric.name)?.recorded() ?? []
    return Array.from(series, ({ attributes, accumulator }) => ({ attributes, sum: accumulator.total() }))
  }

  /** The same of a histogram. */
  distributions(metric: MetricDefinition): { attributes: Attributes; count: number; sum: number }[] {
    const series = this.#histograms.get(metric.name)?.recorded() ?? []
    return Array.from(series, ({ attributes, accumulator }) => ({ attributes, ...accumulator.total() }))
  }

  /** Never throws. Takes the records out: the caller has the only copy. */
  async collect(): Promise<CollectionResult> {
    const endTime = millisToHrTime(Date.now())
    const metrics = this.#metrics
      .map((collect) => collect(endTime))
      .filter(({ dataPoints }) => dataPoints.length > 0)
    const scopeMetrics = metrics.length > 0 ? [{ scope: this.#scope, metrics }] : []
    return { resourceMetrics: { resource: emptyResource(), scopeMetrics }, errors: [] }
  }

  #newSum(metric: MetricDefinition, aggregationTemporality: AggregationTemporality, isMonotonic: boolean) {
    const isDelta = aggregationTemporality === DELTA
    const stream = new Stream<number, Sum>({
      newAccumulator: () => new Sum(isDelta),
      isDelta,
      cardinalityLimit: this.#cardinalityLimit,
    })
    this.#sums.set(metric.name, stream)
    const common = { descriptor: describe(metric), aggregationTemporality, isMonotonic }
    this.#metrics.push((endTime) => ({
      ...common,
      dataPointType: DataPointType.SUM,
      dataPoints: stream.collect(endTime),
    }))
    return stream
  }

  #newHistogram(metric: MetricDefinition) {
    const stream = new Stream<ExponentialHistogramValue, ExponentialHistogram>({
      newAccumulator: () => new ExponentialHistogram(this.#maxBuckets),
      isDelta: true,
      cardinalityLimit: this.#cardinalityLimit,
    })
    this.#histograms.set(metric.name, stream)
    const common = { descriptor: describe(metric), aggregationTemporality: DELTA }
    this.#metrics.push((endTime) => ({
      ...common,
      dataPointType: DataPointType.EXPONENTIAL_HISTOGRAM,
      dataPoints: stream.collect(endTime),
    }))
    return stream
  }
}

function describe({ name, description, unit }: MetricDefinition) {
  return { name, description, unit, valueType: ValueType.DOUBLE }
}
