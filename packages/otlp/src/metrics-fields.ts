/** Field tables of opentelemetry/proto/metrics/v1/metrics.proto (opentelemetry-proto v1.11.0). */
import {
  type Codec,
  double,
  fixed64,
  flag,
  nanoseconds,
  numbers,
  optionalDouble,
  signedFixed64,
  sint32,
  spanId,
  temporality,
  text,
  traceId,
  uint32,
  uint64,
} from './codecs.ts'
import { emptyResource, emptyScope, keyValues, noAttributes, resource, scope } from './common-fields.ts'
import { MessageCodec, messages } from './message.ts'
import type {
  Buckets,
  Exemplar,
  ExponentialHistogram,
  ExponentialHistogramPoint,
  Gauge,
  Histogram,
  HistogramPoint,
  Metric,
  MetricData,
  MetricsRequest,
  NumberPoint,
  ResourceMetrics,
  ScopeMetrics,
  Sum,
  Summary,
  SummaryPoint,
} from './model.ts'

const exemplar = new MessageCodec<Exemplar>(
  () => ({
    time: 0n,
    value: undefined,
    attributes: noAttributes(),
    traceId: undefined,
    spanId: undefined,
  }),
  {
    attributes: [7, 'filteredAttributes', keyValues],
    time: [2, 'timeUnixNano', nanoseconds],
    value: [
      [3, 'asDouble', optionalDouble],
      [6, 'asInt', signedFixed64],
    ],
    spanId: [4, 'spanId', spanId],
    traceId: [5, 'traceId', traceId],
  },
)

const numberPoint = new MessageCodec<NumberPoint>(
  () => ({
    attributes: noAttributes(),
    startTime: 0n,
    time: 0n,
    flags: 0,
    value: undefined,
    exemplars: [],
  }),
  {
    attributes: [7, 'attributes', keyValues],
    startTime: [2, 'startTimeUnixNano', nanoseconds],
    time: [3, 'timeUnixNano', nanoseconds],
    value: [
      [4, 'asDouble', optionalDouble],
      [6, 'asInt', signedFixed64],
    ],
    exemplars: [5, 'exemplars', messages(exemplar)],
    flags: [8, 'flags', uint32],
  },
)

const histogramPoint = new MessageCodec<HistogramPoint>(
  () => ({
    attributes: noAttributes(),
    startTime: 0n,
    time: 0n,
    flags: 0,
    count: 0,
    sum: undefined,
    min: undefined,
    max: undefined,
    bucketCounts: [],
    bounds: [],
    exemplars: [],
  }),
  {
    attributes: [9, 'attributes', keyValues],
    startTime: [2, 'startTimeUnixNano', nanoseconds],
    time: [3, 'timeUnixNano', nanoseconds],
    count: [4, 'count', fixed64],
    sum: [5, 'sum', optionalDouble],
    bucketCounts: [6, 'bucketCounts', numbers(fixed64)],
    bounds: [7, 'explicitBounds', numbers(double)],
    exemplars: [8, 'exemplars', messages(exemplar)],
    flags: [10, 'flags', uint32],
    min: [11, 'min', optionalDouble],
    max: [12, 'max', optionalDouble],
  },
)

const buckets = new MessageCodec<Buckets>(() => ({ offset: 0, counts: [] }), {
  offset: [1, 'offset', sint32],
  counts: [2, 'bucketCounts', numbers(uint64)],
})

const exponentialHistogramPoint = new MessageCodec<ExponentialHistogramPoint>(
  () => ({
    attributes: noAttributes(),
    startTime: 0n,
    time: 0n,
    flags: 0,
    count: 0,
    sum: undefined,
    min: undefined,
    max: undefined,
    scale: 0,
    zeroCount: 0,
    zeroThreshold: 0,
    positive: { offset: 0, counts: [] },
    negative: { offset: 0, counts: [] },
    exemplars: [],
  }),
  {
    attributes: [1, 'attributes', keyValues],
    startTime: [2, 'startTimeUnixNano', nanoseconds],
    time: [3, 'timeUnixNano', nanoseconds],
    count: [4, 'count', fixed64],
    sum: [5, 'sum', optionalDouble],
    scale: [6, 'scale', sint32],
    zeroCount: [7, 'zeroCount', fixed64],
    positive: [8, 'positive', buckets],
    negative: [9, 'negative', buckets],
    flags: [10, 'flags', uint32],
    exemplars: [11, 'exemplars', messages(exemplar)],
    min: [12, 'min', optionalDouble],
    max: [13, 'max', optionalDouble],
    zeroThreshold: [14, 'zeroThreshold', double],
  },
)

const quantile = new MessageCodec(() => ({ quantile: 0, value: 0 }), {
  quantile: [1, 'quantile', double],
  value: [2, 'value', double],
})

const summaryPoint = new MessageCodec<SummaryPoint>(
  () => ({
    attributes: noAttributes(),
    startTime: 0n,
    time: 0n,
    flags: 0,
    count: 0,
    sum: 0,
    quantiles: [],
  }),
  {
    attributes: [7, 'attributes', keyValues],
    startTime: [2, 'startTimeUnixNano', nanoseconds],
    time: [3, 'timeUnixNano', nanoseconds],
    count: [4, 'count', fixed64],
    sum: [5, 'sum', double],
    quantiles: [6, 'quantileValues', messages(quantile)],
    flags: [8, 'flags', uint32],
  },
)

const gauge = new MessageCodec<Gauge>(() => ({ kind: 'gauge', points: [] }), {
  points: [1, 'dataPoints', messages(numberPoint)],
})

const sum = new MessageCodec<Sum>(
  () => ({ kind: 'sum', temporality: 'unspecified', monotonic: false, points: [] }),
  {
    points: [1, 'dataPoints', messages(numberPoint)],
    temporality: [2, 'aggregationTemporality', temporality],
    monotonic: [3, 'isMonotonic', flag],
  },
)

const histogram = new MessageCodec<Histogram>(
  () => ({ kind: 'histogram', temporality: 'unspecified', points: [] }),
  {
    points: [1, 'dataPoints', messages(histogramPoint)],
    temporality: [2, 'aggregationTemporality', temporality],
  },
)

const exponentialHistogram = new MessageCodec<ExponentialHistogram>(
  () => ({ kind: 'exponential histogram', temporality: 'unspecified', points: [] }),
  {
    points: [1, 'dataPoints', messages(exponentialHistogramPoint)],
    temporality: [2, 'aggregationTemporality', temporality],
  },
)

const summary = new MessageCodec<Summary>(() => ({ kind: 'summary', points: [] }), {
  points: [1, 'dataPoints', messages(summaryPoint)],
})

const metric = new MessageCodec<Metric>(
  () => ({ name: '', description: '', unit: '', metadata: noAttributes(), data: undefined }),
  {
    name: [1, 'name', text],
    description: [2, 'description', text],
    unit: [3, 'unit', text],
    data: [
      [5, 'gauge', member(gauge)],
      [7, 'sum', member(sum)],
      [9, 'histogram', member(histogram)],
      [10, 'exponentialHistogram', member(exponentialHistogram)],
      [11, 'summary', member(summary)],
    ],
    metadata: [12, 'metadata', keyValues],
  },
)

/** Checks itself that the value so far in the oneof has its own kind. */
function member<M extends MetricData>(codec: MessageCodec<M>) {
  return codec as unknown as Codec<MetricData | undefined>
}

const scopeMetrics = new MessageCodec<ScopeMetrics>(
  () => ({ scope: emptyScope(), metrics: [], schemaUrl: '' }),
  {
    scope: [1, 'scope', scope],
    metrics: [2, 'metrics', messages(metric)],
    schemaUrl: [3, 'schemaUrl', text],
  },
)

const resourceMetrics = new MessageCodec<ResourceMetrics>(
  () => ({ resource: emptyResource(), scopeMetrics: [], schemaUrl: '' }),
  {
    resource: [1, 'resource', resource],
    scopeMetrics: [2, 'scopeMetrics', messages(scopeMetrics)],
    schemaUrl: [3, 'schemaUrl', text],
  },
)

export const metricsRequest = new MessageCodec<MetricsRequest>(() => ({ resourceMetrics: [] }), {
  resourceMetrics: [1, 'resourceMetrics', messages(resourceMetrics)],
})
