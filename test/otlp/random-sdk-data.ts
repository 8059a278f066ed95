import {
  type Attributes,
  ROOT_CONTEXT,
  type SpanContext,
  TraceFlags,
  trace,
  ValueType,
} from '@opentelemetry/api'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { LoggerProvider, type ReadableLogRecord } from '@opentelemetry/sdk-logs'
import {
  AggregationTemporality,
  DataPointType,
  type MetricData,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics'
import {
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import fc from 'fast-check'

/** What the SDK may hand to its serializers. It writes whole numbers as integers, so they are no larger than is exact. */

const text = fc.string({ unit: 'binary', maxLength: 20 })
const fraction = fc.double({ noNaN: true, noDefaultInfinity: true, noInteger: true })
const number = fc.oneof(fc.maxSafeInteger(), fraction)
const attributes: fc.Arbitrary<Attributes> = fc.dictionary(
  text,
  fc.oneof(
    text,
    number,
    fc.boolean(),
    fc.array(text, { maxLength: 3 }),
    fc.array(number, { maxLength: 3 }),
    fc.array(fc.boolean(), { maxLength: 3 }),
  ),
  { maxKeys: 5 },
)
const time = fc.tuple(fc.nat(), fc.nat(999_999_999)) as fc.Arbitrary<[number, number]>
const counts = fc.array(fc.nat(), { maxLength: 10 })
const observed = {
  count: fc.nat(),
  sum: fc.oneof(fraction, fc.constant(undefined)),
  min: fc.oneof(fraction, fc.constant(undefined)),
  max: fc.oneof(fraction, fc.constant(undefined)),
}
const buckets = fc.record({ offset: fc.integer({ min: -1000, max: 1000 }), bucketCounts: counts })

const VALUES: Readonly<Record<DataPointType, fc.Arbitrary<unknown>>> = {
  [DataPointType.SUM]: number,
  [DataPointType.GAUGE]: number,
  [DataPointType.HISTOGRAM]: fc.record({
    ...observed,
    buckets: fc.record({ boundaries: fc.array(fraction, { maxLength: 10 }), counts }),
  }),
  [DataPointType.EXPONENTIAL_HISTOGRAM]: fc.record({
    ...observed,
    scale: fc.integer({ min: -10, max: 20 }),
    zeroCount: fc.nat(),
    positive: buckets,
    negative: buckets,
  }),
}

function metricOf(dataPointType: DataPointType): fc.Arbitrary<MetricData> {
  const value = VALUES[dataPointType]
  const whole = (valueType: ValueType) => (valueType === ValueType.INT ? fc.maxSafeInteger() : fraction)
  const isNumber = dataPointType === DataPointType.SUM || dataPointType === DataPointType.GAUGE
  return fc.constantFrom(ValueType.INT, ValueType.DOUBLE).chain((valueType) =>
    fc.record({
      descriptor: fc.record({ name: text, description: text, unit: text, valueType: fc.constant(valueType) }),
      aggregationTemporality: fc.constantFrom(
        AggregationTemporality.DELTA,
        AggregationTemporality.CUMULATIVE,
      ),
      dataPointType: fc.constant(dataPointType),
      isMonotonic: fc.boolean(),
      dataPoints: fc.array(
        fc.record({ startTime: time, endTime: time, attributes, value: isNumber ? whole(valueType) : value }),
        { maxLength: 4 },
      ),
    }),
  ) as fc.Arbitrary<MetricData>
}

const scope = fc.record({ name: text, version: text, schemaUrl: text })

export const resourceMetrics: fc.Arbitrary<ResourceMetrics> = fc.record({
  resource: attributes.map((each) => resourceFromAttributes(each)),
  scopeMetrics: fc.array(
    fc.record({
      scope,
      metrics: fc.array(fc.oneof(...Object.keys(VALUES).map((type) => metricOf(Number(type)))), {
        maxLength: 4,
      }),
    }),
    { maxLength: 3 },
  ),
})

const id = (bytes: number) =>
  fc
    .uint8Array({ minLength: bytes, maxLength: bytes })
    .map((each) => `${Buffer.from(each).toString('hex').slice(1)}1`)
const spanContext: fc.Arbitrary<SpanContext> = fc.record({
  traceId: id(16),
  spanId: id(8),
  traceFlags: fc.constant(TraceFlags.SAMPLED),
})

const described = fc.record({ name: text, attributes })

export const spans: fc.Arbitrary<ReadableSpan[]> = fc
  .record({
    resource: attributes,
    spans: fc.array(
      fc.record({
        parent: spanContext,
        name: text,
        kind: fc.nat(4),
        attributes,
        links: fc.array(fc.record({ context: spanContext, attributes }), { maxLength: 2 }),
        events: fc.array(described, { maxLength: 2 }),
        status: fc.record({ code: fc.nat(2), message: text }),
      }),
      { maxLength: 4 },
    ),
  })
  .map(({ resource, spans }) => {
    const exporter = new InMemorySpanExporter()
    const spanProcessors = [new SimpleSpanProcessor({ exporter })]
    const tracer = new TracerProvider({
      resource: resourceFromAttributes(resource),
      spanProcessors,
    }).getTracer('random')
    for (const { parent, name, events, status, ...options } of spans) {
      const span = tracer.startSpan(name, options, trace.setSpanContext(ROOT_CONTEXT, parent))
      for (const event of events) span.addEvent(event.name, event.attributes)
      span.setStatus(status).end()
    }
    return exporter.getFinishedSpans()
  })

const anyValues = fc.object({
  key: text,
  values: [text, number, fc.boolean(), fc.constant(null), fc.uint8Array({ maxLength: 10 })],
  maxKeys: 4,
}) as fc.Arbitrary<ReadableLogRecord['attributes']>

export const logRecords: fc.Arbitrary<ReadableLogRecord[]> = fc
  .record({
    resource: attributes,
    records: fc.array(
      fc.record({
        context: spanContext.map((each) => trace.setSpanContext(ROOT_CONTEXT, each)),
        body: fc.oneof(text, number, anyValues),
        severityNumber: fc.nat(24),
        severityText: text,
        eventName: text,
        attributes: anyValues,
      }),
      { maxLength: 4 },
    ),
  })
  .map(({ resource, records }) => {
    const emitted: ReadableLogRecord[] = []
    const processor = {
      onEmit: (record: ReadableLogRecord) => void emitted.push(record),
      forceFlush: async () => {},
      shutdown: async () => {},
    }
    const provider = new LoggerProvider({
      resource: resourceFromAttributes(resource),
      processors: [processor],
    })
    for (const record of records) provider.getLogger('random', '1').emit(record)
    return emitted
  })
