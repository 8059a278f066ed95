import { type Context, ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, trace } from '@opentelemetry/api'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { LoggerProvider, type ReadableLogRecord } from '@opentelemetry/sdk-logs'
import {
  AggregationTemporality,
  AggregationType,
  MeterProvider,
  MetricReader,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics'
import {
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace'

const resource = resourceFromAttributes({
  'service.name': 'shop',
  'service.instance.id': 'host:3000',
  'a.list': ['x', 'y'],
  counted: 3,
})

/** Attributes of every type that the SDKs send. */
export const ATTRIBUTES = {
  text: 'grüße 👋 "quoted" \\ and\nlines',
  empty: '',
  whole: 42,
  negative: -7,
  large: 2 ** 40,
  fraction: 0.1,
  yes: true,
  no: false,
  texts: ['a', 'b'],
  numbers: [1, 2.5, -3],
  constructor: 'only a key',
}

class Collecting extends MetricReader {
  protected override async onForceFlush() {}
  protected override async onShutdown() {}
}

interface MetricOptions {
  temporality?: 'delta' | 'cumulative'
  /** How many series of each instrument. */
  series?: number
}

/** What the SDK collects from one of each instrument, with a histogram of either kind. */
export async function collectMetrics({
  temporality = 'delta',
  series = 2,
}: MetricOptions = {}): Promise<ResourceMetrics> {
  const reader = new Collecting({
    aggregationTemporalitySelector: () =>
      temporality === 'delta' ? AggregationTemporality.DELTA : AggregationTemporality.CUMULATIVE,
  })
  const provider = new MeterProvider({
    resource,
    readers: [reader],
    views: [
      {
        instrumentName: 'exponential',
        aggregation: {
          type: AggregationType.EXPONENTIAL_HISTOGRAM,
          options: { maxSize: 160, recordMinMax: true },
        },
      },
    ],
  })
  const meter = provider.getMeter('a scope', '1.2.3', { schemaUrl: 'https://example.com/schema' })
  const counter = meter.createCounter('counter', { unit: '{view}', description: 'views' })
  const upDown = meter.createUpDownCounter('up-down')
  const explicit = meter.createHistogram('explicit', {
    unit: 's',
    advice: { explicitBucketBoundaries: [0.1, 1, 10] },
  })
  const exponential = meter.createHistogram('exponential', { unit: 's' })
  const gauge = meter.createGauge('gauge')
  for (let index = 0; index < series; index += 1) {
    const attributes = { ...ATTRIBUTES, index }
    counter.add(index + 1, attributes)
    upDown.add(-index, attributes)
    gauge.record(0.25 * index, attributes)
    for (const value of [0, 0.001, 0.5, 3, 1000 + index]) {
      explicit.record(value, attributes)
      exponential.record(value, attributes)
    }
  }
  const { resourceMetrics } = await reader.collect()
  await provider.shutdown()
  return resourceMetrics
}

/** Spans with all that a span can have: the first one is the parent of the rest. */
export function collectSpans(count = 2): ReadableSpan[] {
  const exporter = new InMemorySpanExporter()
  const provider = new TracerProvider({
    resource,
    spanProcessors: [new SimpleSpanProcessor({ exporter })],
  })
  const tracer = provider.getTracer('a scope', '1.2.3')
  const root = tracer.startSpan('root', { kind: SpanKind.SERVER })
  const context: Context = trace.setSpan(ROOT_CONTEXT, root)
  for (let index = 1; index < count; index += 1) {
    const links = [{ context: root.spanContext(), attributes: { why: 'test' } }]
    const span = tracer.startSpan(`child ${index}`, { attributes: ATTRIBUTES, links }, context)
    span.addEvent('happened', { index })
    span.setStatus({ code: SpanStatusCode.ERROR, message: 'did not work' })
    span.end()
  }
  root.end()
  return exporter.getFinishedSpans()
}

export async function collectLogs(count = 2): Promise<ReadableLogRecord[]> {
  const records: ReadableLogRecord[] = []
  const provider = new LoggerProvider({
    resource,
    processors: [
      { onEmit: (record) => records.push(record), forceFlush: async () => {}, shutdown: async () => {} },
    ],
  })
  const logger = provider.getLogger('a scope', '1.2.3')
  const spanContext = { traceId: 'ab'.repeat(16), spanId: 'cd'.repeat(8), traceFlags: TraceFlags.SAMPLED }
  for (let index = 0; index < count; index += 1)
    logger.emit({
      body:
        index === 0 ? 'plain' : { nested: { deep: [1, { deeper: null }] }, raw: new Uint8Array([0, 255]) },
      severityNumber: 13,
      severityText: 'WARN',
      eventName: 'an.event',
      attributes: {
        ...ATTRIBUTES,
        bytes: new Uint8Array([1, 2, 3]),
        nothing: undefined,
        map: { a: { b: 'c' } },
      },
      context: trace.setSpanContext(ROOT_CONTEXT, spanContext),
    })
  return records
}
