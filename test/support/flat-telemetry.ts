/** One object for each data point, span and log record, which is what tests want to look at. */
import type {
  AnyValue,
  Attributes,
  LogsRequest,
  Metric,
  MetricData,
  MetricsRequest,
  SpanStatus,
  TraceRequest,
} from '../../packages/otlp/src/model.ts'

export type AttributeValues = Record<string, AnyValue>

export interface Point {
  name: string
  unit: string
  description: string
  kind: MetricData['kind']
  temporality: 'unspecified' | 'delta' | 'cumulative' | undefined
  monotonic: boolean | undefined
  attributes: AttributeValues
  resource: AttributeValues
  /** Of sums and gauges. */
  value: number | undefined
  /** Of histograms. */
  count: number | undefined
  sum: number | undefined
  min: number | undefined
  max: number | undefined
  scale: number | undefined
  /** Of histograms with explicit buckets. */
  bounds: number[] | undefined
  /** Nanoseconds since the epoch. */
  startTime: bigint
  time: bigint
}

export interface SpanData {
  name: string
  kind: number
  traceId: string
  spanId: string
  parentSpanId: string | undefined
  traceState: string | undefined
  attributes: AttributeValues
  status: SpanStatus
  events: { name: string; attributes: AttributeValues }[]
  startTime: bigint
  endTime: bigint
  resource: AttributeValues
}

export interface LogData {
  body: AnyValue
  severityNumber: number
  severityText: string
  traceId: string | undefined
  spanId: string | undefined
  attributes: AttributeValues
  resource: AttributeValues
}

export function flatPoints(request: MetricsRequest): Point[] {
  return request.resourceMetrics.flatMap(({ resource, scopeMetrics }) =>
    scopeMetrics.flatMap(({ metrics }) =>
      metrics.flatMap((metric) => pointsOf(metric, plain(resource.attributes))),
    ),
  )
}

function pointsOf({ name, unit, description, data }: Metric, resource: AttributeValues): Point[] {
  if (data === undefined) return []
  return data.points.map((point) => {
    const { value, count, sum, min, max, scale, bounds }: Partial<Point> = point
    return {
      name,
      unit,
      description,
      kind: data.kind,
      temporality: 'temporality' in data ? data.temporality : undefined,
      monotonic: 'monotonic' in data ? data.monotonic : undefined,
      resource,
      attributes: plain(point.attributes),
      value,
      count,
      sum,
      min,
      max,
      scale,
      bounds,
      startTime: point.startTime,
      time: point.time,
    }
  })
}

export function flatSpans(request: TraceRequest): SpanData[] {
  return request.resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        name: span.name,
        kind: span.kind,
        traceId: span.traceId ?? '',
        spanId: span.spanId ?? '',
        parentSpanId: span.parentSpanId,
        traceState: span.traceState || undefined,
        attributes: plain(span.attributes),
        status: span.status,
        events: span.events.map(({ name, attributes }) => ({ name, attributes: plain(attributes) })),
        startTime: span.startTime,
        endTime: span.endTime,
        resource: plain(resource.attributes),
      })),
    ),
  )
}

export function flatLogs(request: LogsRequest): LogData[] {
  return request.resourceLogs.flatMap(({ resource, scopeLogs }) =>
    scopeLogs.flatMap(({ logRecords }) =>
      logRecords.map((record) => ({
        body: record.body,
        severityNumber: record.severityNumber,
        severityText: record.severityText,
        traceId: record.traceId,
        spanId: record.spanId,
        attributes: plain(record.attributes),
        resource: plain(resource.attributes),
      })),
    ),
  )
}

/** With the usual prototype, which comparisons look at. */
function plain(attributes: Attributes): AttributeValues {
  return { ...attributes }
}
