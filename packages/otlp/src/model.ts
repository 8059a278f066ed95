/**
 * The content of export requests (opentelemetry-proto v1), the same from protobuf and from JSON.
 *
 * Times are nanoseconds since the epoch as bigint, because a double is off by up to 256 ns there. A missing time is 0n.
 * Counts and number values are doubles, exact up to 2^53 and rounded above, as every backend stores them. Trace and span
 * ids are lower-case hexadecimal, or undefined.
 */

/** Integers beyond 2^53 are bigint. Whole doubles and integers look the same. Null is a value that was not set. */
export type AnyValue = string | boolean | number | bigint | Uint8Array | null | AnyValue[] | Attributes

/**
 * Inherits nothing, so a key named `constructor` or `__proto__` is only a key. If a sender repeats a key, which it must
 * not, the last one holds.
 */
export interface Attributes {
  [key: string]: AnyValue
}

export interface Resource {
  attributes: Attributes
  droppedAttributesCount: number
}

export interface Scope {
  name: string
  version: string
  attributes: Attributes
  droppedAttributesCount: number
}

export type Temporality = 'unspecified' | 'delta' | 'cumulative'

export interface MetricsRequest {
  resourceMetrics: ResourceMetrics[]
}

export interface ResourceMetrics {
  resource: Resource
  scopeMetrics: ScopeMetrics[]
  schemaUrl: string
}

export interface ScopeMetrics {
  scope: Scope
  metrics: Metric[]
  schemaUrl: string
}

export interface Metric {
  name: string
  description: string
  unit: string
  metadata: Attributes
  /** Undefined if the sender set no kind, or a kind that was added to OTLP later. */
  data: MetricData | undefined
}

export type MetricData = Gauge | Sum | Histogram | ExponentialHistogram | Summary

export interface Gauge {
  kind: 'gauge'
  points: NumberPoint[]
}

export interface Sum {
  kind: 'sum'
  temporality: Temporality
  monotonic: boolean
  points: NumberPoint[]
}

export interface Histogram {
  kind: 'histogram'
  temporality: Temporality
  points: HistogramPoint[]
}

export interface ExponentialHistogram {
  kind: 'exponential histogram'
  temporality: Temporality
  points: ExponentialHistogramPoint[]
}

export interface Summary {
  kind: 'summary'
  points: SummaryPoint[]
}

interface PointBase {
  attributes: Attributes
  startTime: bigint
  time: bigint
  /** Bit 0: no value was recorded. */
  flags: number
}

export interface NumberPoint extends PointBase {
  /** Undefined if the sender set no value. */
  value: number | undefined
  exemplars: Exemplar[]
}

export interface HistogramPoint extends PointBase {
  count: number
  sum: number | undefined
  min: number | undefined
  max: number | undefined
  /** One count more than bounds, or no count at all. */
  bucketCounts: number[]
  bounds: number[]
  exemplars: Exemplar[]
}

export interface ExponentialHistogramPoint extends PointBase {
  count: number
  sum: number | undefined
  min: number | undefined
  max: number | undefined
  /** Bucket i holds values above base^i up to base^(i+1), base being 2^(2^-scale). */
  scale: number
  zeroCount: number
  zeroThreshold: number
  positive: Buckets
  negative: Buckets
  exemplars: Exemplar[]
}

export interface Buckets {
  /** Index of the first of the counts. */
  offset: number
  counts: number[]
}

export interface SummaryPoint extends PointBase {
  count: number
  sum: number
  quantiles: { quantile: number; value: number }[]
}

export interface Exemplar {
  time: bigint
  value: number | undefined
  attributes: Attributes
  traceId: string | undefined
  spanId: string | undefined
}

export interface TraceRequest {
  resourceSpans: ResourceSpans[]
}

export interface ResourceSpans {
  resource: Resource
  scopeSpans: ScopeSpans[]
  schemaUrl: string
}

export interface ScopeSpans {
  scope: Scope
  spans: Span[]
  schemaUrl: string
}

export interface Span {
  traceId: string | undefined
  spanId: string | undefined
  parentSpanId: string | undefined
  traceState: string
  flags: number
  name: string
  /** 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  kind: number
  startTime: bigint
  endTime: bigint
  attributes: Attributes
  droppedAttributesCount: number
  events: SpanEvent[]
  droppedEventsCount: number
  links: SpanLink[]
  droppedLinksCount: number
  status: SpanStatus
}

export interface SpanEvent {
  time: bigint
  name: string
  attributes: Attributes
  droppedAttributesCount: number
}

export interface SpanLink {
  traceId: string | undefined
  spanId: string | undefined
  traceState: string
  attributes: Attributes
  droppedAttributesCount: number
  flags: number
}

export interface SpanStatus {
  message: string
  /** 0 unset, 1 ok, 2 error. */
  code: number
}

export interface LogsRequest {
  resourceLogs: ResourceLogs[]
}

export interface ResourceLogs {
  resource: Resource
  scopeLogs: ScopeLogs[]
  schemaUrl: string
}

export interface ScopeLogs {
  scope: Scope
  logRecords: LogRecord[]
  schemaUrl: string
}

export interface LogRecord {
  time: bigint
  observedTime: bigint
  severityNumber: number
  severityText: string
  body: AnyValue
  attributes: Attributes
  droppedAttributesCount: number
  flags: number
  traceId: string | undefined
  spanId: string | undefined
  eventName: string
}
