import { type Attributes, ValueType } from '@opentelemetry/api'
import {
  AggregationTemporality,
  AggregationType,
  InstrumentType,
  MeterProvider,
  type MetricData,
  MetricReader,
} from '@opentelemetry/sdk-metrics'
import type { MetricDefinition } from '@rollcall/fastify-route-telemetry'
import { Recording } from '../../../src/telemetry/recording/recording.ts'

export interface PairOptions {
  readonly maxBuckets?: number
  readonly cardinalityLimit?: number
  readonly counters?: AggregationTemporality
}

/** A recording and the SDK itself, told the same. */
export function besideTheSdk({
  maxBuckets = 160,
  cardinalityLimit = 2000,
  counters = AggregationTemporality.DELTA,
}: PairOptions = {}) {
  const recording = new Recording({ scope: { name: 'test', version: '1' }, cardinalityLimit, maxBuckets })
  const temporality = (type: InstrumentType) =>
    type === InstrumentType.UP_DOWN_COUNTER
      ? AggregationTemporality.CUMULATIVE
      : type === InstrumentType.COUNTER
        ? counters
        : AggregationTemporality.DELTA
  const reader = new AskedReader({
    aggregationSelector: (type) =>
      type === InstrumentType.HISTOGRAM
        ? {
            type: AggregationType.EXPONENTIAL_HISTOGRAM,
            options: { maxSize: maxBuckets, recordMinMax: true },
          }
        : { type: AggregationType.DEFAULT },
    aggregationTemporalitySelector: temporality,
    cardinalitySelector: () => cardinalityLimit,
  })
  const meter = new MeterProvider({ readers: [reader] }).getMeter('test', '1')

  return {
    histogram(metric: MetricDefinition, attributes: Attributes) {
      const bound = recording.histogram(metric, attributes)
      const instrument = meter.createHistogram(metric.name, describe(metric))
      return (value: number) => {
        bound.record(value)
        instrument.record(value, attributes)
      }
    },
    counter(metric: MetricDefinition, attributes: Attributes) {
      const isMonotonic = metric.kind === 'counter'
      const type = isMonotonic ? InstrumentType.COUNTER : InstrumentType.UP_DOWN_COUNTER
      const bound = recording.counter(metric, attributes, temporality(type))
      const instrument = isMonotonic
        ? meter.createCounter(metric.name, describe(metric))
        : meter.createUpDownCounter(metric.name, describe(metric))
      return (count: number) => {
        bound.add(count)
        instrument.add(count, attributes)
      }
    },
    recording,
    /** What either makes of it, as the exporter is given it. */
    async collect(): Promise<{ ours: MetricData[]; sdk: MetricData[] }> {
      const sdk = await reader.collect()
      return { ours: metricsOf(await recording.collect()), sdk: metricsOf(sdk).map(withoutExtras) }
    },
  }
}

class AskedReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

function describe({ unit, description }: MetricDefinition) {
  return { unit, description, valueType: ValueType.DOUBLE }
}

function metricsOf({ resourceMetrics }: Awaited<ReturnType<MetricReader['collect']>>): MetricData[] {
  return resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics)
}

/** The SDK's descriptor also has what no exporter reads. */
function withoutExtras(metric: MetricData): MetricData {
  const { name, description, unit, valueType } = metric.descriptor
  return { ...metric, descriptor: { name, description, unit, valueType } }
}
