/** Reads OTLP/JSON (opentelemetry-proto v1): 64-bit integers come as text, enumerations as numbers. */

export type AttributeValues = Record<string, unknown>

export interface Point {
  name: string
  unit: string
  description: string
  kind: 'sum' | 'gauge' | 'histogram' | 'exponential histogram'
  temporality: 'delta' | 'cumulative' | undefined
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
  status: { code?: number; message?: string }
  events: { name: string; attributes: AttributeValues }[]
  startTime: bigint
  endTime: bigint
  resource: AttributeValues
}

export interface LogRecord {
  body: unknown
  severityNumber: number
  severityText: string
  traceId: string | undefined
  spanId: string | undefined
  attributes: AttributeValues
  resource: AttributeValues
}

// biome-ignore-start lint/suspicious/noExplicitAny: foreign JSON, read field by field
export function decodeMetrics(payload: any): Point[] {
  // A Collector leaves an empty list out.
  return (payload.resourceMetrics ?? []).flatMap((resourceMetrics: any) => {
    const resource = decodeAttributes(resourceMetrics.resource.attributes)
    return (resourceMetrics.scopeMetrics ?? []).flatMap((scope: any) =>
      scope.metrics.flatMap((metric: any) => {
        const { kind, data } = dataOf(metric)
        return data.dataPoints.map((point: any) => ({
          name: metric.name,
          unit: metric.unit,
          description: metric.description,
          kind,
          temporality: ([undefined, 'delta', 'cumulative'] as const)[data.aggregationTemporality ?? 0],
          monotonic: data.isMonotonic,
          resource,
          ...decodePoint(point),
        }))
      }),
    )
  })
}

function dataOf(metric: any): { kind: Point['kind']; data: any } {
  if (metric.sum) return { kind: 'sum', data: metric.sum }
  if (metric.gauge) return { kind: 'gauge', data: metric.gauge }
  if (metric.histogram) return { kind: 'histogram', data: metric.histogram }
  return { kind: 'exponential histogram', data: metric.exponentialHistogram }
}

function decodePoint(point: any) {
  return {
    attributes: decodeAttributes(point.attributes),
    value: point.asDouble ?? (point.asInt === undefined ? undefined : Number(point.asInt)),
    count: point.count === undefined ? undefined : Number(point.count),
    sum: point.sum,
    min: point.min,
    max: point.max,
    scale: point.scale,
    bounds: point.explicitBounds,
    startTime: BigInt(point.startTimeUnixNano ?? 0),
    time: BigInt(point.timeUnixNano),
  }
}

export function decodeSpans(payload: any): SpanData[] {
  return payload.resourceSpans.flatMap((resourceSpans: any) =>
    resourceSpans.scopeSpans.flatMap((scope: any) =>
      scope.spans.map((span: any) => ({
        name: span.name,
        kind: span.kind,
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId || undefined,
        traceState: span.traceState || undefined,
        attributes: decodeAttributes(span.attributes),
        status: span.status ?? {},
        events: (span.events ?? []).map((event: any) => ({
          name: event.name,
          attributes: decodeAttributes(event.attributes),
        })),
        startTime: BigInt(span.startTimeUnixNano),
        endTime: BigInt(span.endTimeUnixNano),
        resource: decodeAttributes(resourceSpans.resource.attributes),
      })),
    ),
  )
}

export function decodeLogs(payload: any): LogRecord[] {
  return payload.resourceLogs.flatMap((resourceLogs: any) =>
    resourceLogs.scopeLogs.flatMap((scope: any) =>
      scope.logRecords.map((record: any) => ({
        body: decodeValue(record.body),
        severityNumber: record.severityNumber,
        severityText: record.severityText,
        traceId: record.traceId || undefined,
        spanId: record.spanId || undefined,
        attributes: decodeAttributes(record.attributes),
        resource: decodeAttributes(resourceLogs.resource.attributes),
      })),
    ),
  )
}

function decodeAttributes(attributes: any[] = []): AttributeValues {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, decodeValue(value)]))
}

function decodeValue(value: any): unknown {
  if (value?.intValue !== undefined) return Number(value.intValue)
  if (value?.arrayValue !== undefined) return (value.arrayValue.values ?? []).map(decodeValue)
  return value?.stringValue ?? value?.boolValue ?? value?.doubleValue
}
// biome-ignore-end lint/suspicious/noExplicitAny: foreign JSON, read field by field
