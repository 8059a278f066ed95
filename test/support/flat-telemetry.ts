import { type OtlpMessage, otlp } from './otlp-messages.ts'
import { type Encoding, type Long, toBigInt, toNumber } from './protobuf.ts'

/** One object for each data point, span and log record, which is what tests want to look at. */

export type Signal = 'metrics' | 'traces' | 'logs'

/** What an export request brings; of two of the three there is none. */
export interface Exported {
  readonly points: Point[]
  readonly spans: SpanData[]
  readonly logs: LogData[]
}

/** Integers beyond 2^53 are bigint; null is a value that was not set. */
export type AttributeValue =
  | string
  | boolean
  | number
  | bigint
  | Uint8Array
  | null
  | AttributeValue[]
  | AttributeValues

export type AttributeValues = { [key: string]: AttributeValue }

/** Buckets of an exponential histogram: index i holds values above base^i up to base^(i+1), base = 2^(2^-scale). */
export interface Sketch {
  readonly scale: number
  readonly zeroCount: number
  readonly positive: Buckets
  readonly negative: Buckets
}

export interface Buckets {
  /** Index of the first of the counts. */
  readonly offset: number
  readonly counts: readonly number[]
}

export interface Point {
  name: string
  unit: string
  description: string
  kind: 'gauge' | 'sum' | 'histogram' | 'exponential histogram' | 'summary'
  temporality: 'unspecified' | 'delta' | 'cumulative' | undefined
  monotonic: boolean | undefined
  attributes: AttributeValues
  /** The same object for all points of one resource. */
  resource: AttributeValues
  /** Bit 0: no value was recorded. */
  flags: number
  /** Nanoseconds since the epoch. */
  startTime: bigint
  time: bigint
  /** Of sums and gauges. */
  value?: number | undefined
  /** Of histograms. */
  count?: number
  sum?: number | undefined
  min?: number | undefined
  max?: number | undefined
  /** Of histograms with explicit buckets. */
  bounds?: number[]
  bucketCounts?: number[]
  /** Of exponential histograms. */
  sketch?: Sketch
}

export interface SpanData {
  name: string
  kind: number
  traceId: string
  spanId: string
  parentSpanId: string | undefined
  traceState: string | undefined
  attributes: AttributeValues
  status: { message: string; code: number }
  events: { name: string; attributes: AttributeValues }[]
  links: { traceId: string; spanId: string; traceState: string | undefined; attributes: AttributeValues }[]
  startTime: bigint
  endTime: bigint
  resource: AttributeValues
}

export interface LogData {
  eventName: string | undefined
  body: AttributeValue
  severityNumber: number
  severityText: string
  traceId: string | undefined
  spanId: string | undefined
  attributes: AttributeValues
  resource: AttributeValues
}

/** Throws where the body, which is not compressed, is not such a request. */
export function readExport(signal: Signal, encoding: Encoding, body: Buffer): Exported {
  const nothing: Exported = { points: [], spans: [], logs: [] }
  switch (signal) {
    case 'metrics':
      return { ...nothing, points: pointsIn(otlp.read('ExportMetricsServiceRequest', encoding, body)) }
    case 'traces':
      return { ...nothing, spans: spansIn(otlp.read('ExportTraceServiceRequest', encoding, body)) }
    case 'logs':
      return { ...nothing, logs: logsIn(otlp.read('ExportLogsServiceRequest', encoding, body)) }
  }
}

function pointsIn({ resourceMetrics }: OtlpMessage<'ExportMetricsServiceRequest'>): Point[] {
  return resourceMetrics.flatMap((each) => {
    const resource = attributesOf(each.resource?.attributes)
    return each.scopeMetrics.flatMap(({ metrics }) => metrics.flatMap((metric) => pointsOf(metric, resource)))
  })
}

const TEMPORALITIES = ['unspecified', 'delta', 'cumulative'] as const

function pointsOf(metric: OtlpMessage<'Metric'>, resource: AttributeValues): Point[] {
  const { name, unit, description, gauge, sum, histogram, exponentialHistogram, summary } = metric
  const aggregated = sum ?? histogram ?? exponentialHistogram
  const common = {
    name,
    unit,
    description,
    temporality: aggregated ? (TEMPORALITIES[aggregated.aggregationTemporality] ?? 'unspecified') : undefined,
    monotonic: sum?.isMonotonic,
    resource,
  }
  const points = <P extends PlacedPoint>(
    kind: Point['kind'],
    dataPoints: P[],
    rest: (point: P) => Partial<Point>,
  ) =>
    dataPoints.map((point) => ({
      ...common,
      kind,
      attributes: attributesOf(point.attributes),
      flags: point.flags,
      startTime: toBigInt(point.startTimeUnixNano),
      time: toBigInt(point.timeUnixNano),
      ...rest(point),
    }))
  if (gauge) return points('gauge', gauge.dataPoints, numberIn)
  if (sum) return points('sum', sum.dataPoints, numberIn)
  if (histogram)
    return points('histogram', histogram.dataPoints, (point) => ({
      ...observedIn(point),
      bounds: point.explicitBounds,
      bucketCounts: point.bucketCounts.map(toNumber),
    }))
  if (exponentialHistogram)
    return points('exponential histogram', exponentialHistogram.dataPoints, (point) => ({
      ...observedIn(point),
      sketch: {
        scale: point.scale,
        zeroCount: toNumber(point.zeroCount),
        positive: bucketsOf(point.positive),
        negative: bucketsOf(point.negative),
      },
    }))
  return summary ? points('summary', summary.dataPoints, observedIn) : []
}

type PlacedPoint = Pick<
  OtlpMessage<'NumberDataPoint'>,
  'attributes' | 'flags' | 'startTimeUnixNano' | 'timeUnixNano'
>

function numberIn({ asInt, asDouble }: OtlpMessage<'NumberDataPoint'>) {
  return { value: asInt ? toNumber(asInt) : (asDouble ?? undefined) }
}

interface ObservedPoint {
  readonly count: Long
  readonly sum: number | null
  readonly min?: number | null
  readonly max?: number | null
}

function observedIn({ count, sum, min, max }: ObservedPoint) {
  return { count: toNumber(count), sum: sum ?? undefined, min: min ?? undefined, max: max ?? undefined }
}

function bucketsOf(buckets: OtlpMessage<'Buckets'> | null): Buckets {
  return { offset: buckets?.offset ?? 0, counts: buckets?.bucketCounts.map(toNumber) ?? [] }
}

function spansIn({ resourceSpans }: OtlpMessage<'ExportTraceServiceRequest'>): SpanData[] {
  return resourceSpans.flatMap((each) => {
    const resource = attributesOf(each.resource?.attributes)
    return each.scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        name: span.name,
        kind: span.kind,
        traceId: hexadecimal(span.traceId),
        spanId: hexadecimal(span.spanId),
        parentSpanId: hexadecimal(span.parentSpanId) || undefined,
        traceState: span.traceState || undefined,
        attributes: attributesOf(span.attributes),
        status: { message: span.status?.message ?? '', code: span.status?.code ?? 0 },
        events: span.events.map(({ name, attributes }) => ({ name, attributes: attributesOf(attributes) })),
        links: span.links.map((link) => ({
          traceId: hexadecimal(link.traceId),
          spanId: hexadecimal(link.spanId),
          traceState: link.traceState || undefined,
          attributes: attributesOf(link.attributes),
        })),
        startTime: toBigInt(span.startTimeUnixNano),
        endTime: toBigInt(span.endTimeUnixNano),
        resource,
      })),
    )
  })
}

function logsIn({ resourceLogs }: OtlpMessage<'ExportLogsServiceRequest'>): LogData[] {
  return resourceLogs.flatMap((each) => {
    const resource = attributesOf(each.resource?.attributes)
    return each.scopeLogs.flatMap(({ logRecords }) =>
      logRecords.map((record) => ({
        body: anyValue(record.body),
        eventName: record.eventName || undefined,
        severityNumber: record.severityNumber,
        severityText: record.severityText,
        traceId: hexadecimal(record.traceId) || undefined,
        spanId: hexadecimal(record.spanId) || undefined,
        attributes: attributesOf(record.attributes),
        resource,
      })),
    )
  })
}

function attributesOf(attributes: OtlpMessage<'KeyValue'>[] = []): AttributeValues {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, anyValue(value)]))
}

function anyValue(any: OtlpMessage<'AnyValue'> | null): AttributeValue {
  if (any?.intValue) {
    const value = toNumber(any.intValue)
    return Number.isSafeInteger(value) ? value : toBigInt(any.intValue)
  }
  if (any?.arrayValue) return any.arrayValue.values.map(anyValue)
  if (any?.kvlistValue) return attributesOf(any.kvlistValue.values)
  return any?.stringValue ?? any?.boolValue ?? any?.doubleValue ?? any?.bytesValue ?? null
}

function hexadecimal(id: Uint8Array): string {
  return Buffer.from(id).toString('hex')
}
