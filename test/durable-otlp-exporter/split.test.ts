import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  AggregationTemporality,
  AggregationType,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import fc from 'fast-check'
import { test } from 'tap'
import { FORMATS } from '../../packages/durable-otlp-exporter/src/formats.ts'
import { halve, makeRequests } from '../../packages/durable-otlp-exporter/src/request.ts'
import { splitRequest } from '../../packages/durable-otlp-exporter/src/split.ts'
import { readExport } from '../support/flat-telemetry.ts'

const decoded = (bytes: Buffer, encoding: 'json' | 'protobuf' = 'json') =>
  readExport('metrics', encoding, bytes).points

const PROTOCOLS = ['http/json', 'http/protobuf'] as const

/** What the SDK collects: two scopes, each kind of instrument, some with many points. */
async function collected(points: number) {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.DELTA)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
  const meters = new MeterProvider({
    resource: resourceFromAttributes({ 'service.name': 'split' }),
    readers: [reader],
    views: [{ instrumentName: 'exponential', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } }],
  })
  for (let n = 0; n < points; n++) {
    meters.getMeter('one').createCounter('sum').add(1.5, { n })
    meters.getMeter('one').createHistogram('exponential').record(n, { n })
    meters.getMeter('two', '1').createHistogram('explicit').record(n, { n })
  }
  meters.getMeter('two', '1').createGauge('gauge').record(7)
  const { resourceMetrics } = await reader.collect()
  await meters.shutdown()
  return { resourceMetrics, items: 3 * points + 1 }
}

test('every item is in one part, in order, with what describes it', async (t) => {
  const { resourceMetrics, items } = await collected(9)
  const bytes = Buffer.from(FORMATS.metrics['http/json'].serializeRequest(resourceMetrics) as Uint8Array)
  const whole = decoded(bytes)
  t.equal(whole.length, items)
  for (let parts = 1; parts <= items + 3; parts++) {
    const made = splitRequest(bytes, 'metrics', 'http/json', items, parts)
    t.equal(made.length, Math.min(parts, items))
    t.same(
      made.flatMap((part) => decoded(part.bytes)),
      whole,
    )
    for (const part of made) t.equal(decoded(part.bytes).length, part.items)
  }
})

test('protobuf is split at the same places, byte for byte', async (t) => {
  const { resourceMetrics, items } = await collected(9)
  const bytes = Buffer.from(FORMATS.metrics['http/protobuf'].serializeRequest(resourceMetrics) as Uint8Array)
  t.same(
    splitRequest(bytes, 'metrics', 'http/protobuf', items, 1),
    [{ bytes, items }],
    'one part is the whole',
  )
  const parts = splitRequest(bytes, 'metrics', 'http/protobuf', items, 4)
  t.same(
    parts.map((part) => part.items),
    [7, 7, 7, 7],
  )
  const single = parts.flatMap((part) => splitRequest(part.bytes, 'metrics', 'http/protobuf', part.items, 7))
  t.same(
    single.map((part) => part.bytes),
    splitRequest(bytes, 'metrics', 'http/protobuf', items, items).map((part) => part.bytes),
    'parts of parts are the parts of the whole',
  )
  t.same(
    parts.flatMap((part) => decoded(part.bytes, 'protobuf')),
    decoded(bytes, 'protobuf'),
    'and says the same',
  )
  t.ok(parts.every((part) => part.bytes.includes('split') && part.bytes.length < bytes.length))
  t.throws(() => splitRequest(bytes.subarray(0, -1), 'metrics', 'http/protobuf', items, 2), /not an OTLP/)
})

test('spans and log records are split as well', async (t) => {
  const traces = {
    resourceSpans: [{ resource: {}, scopeSpans: [{ scope: {}, spans: [{ name: 'a' }, { name: 'b' }] }] }],
  }
  const logs = {
    resourceLogs: [{ scopeLogs: [{ logRecords: [{ body: 1 }] }, { logRecords: [{ body: 2 }] }] }],
  }
  const parts = (value: object, signal: 'traces' | 'logs') =>
    splitRequest(Buffer.from(JSON.stringify(value)), signal, 'http/json', 2, 2).map((part) =>
      JSON.parse(part.bytes.toString()),
    )
  t.same(parts(traces, 'traces'), [
    { resourceSpans: [{ resource: {}, scopeSpans: [{ scope: {}, spans: [{ name: 'a' }] }] }] },
    { resourceSpans: [{ resource: {}, scopeSpans: [{ scope: {}, spans: [{ name: 'b' }] }] }] },
  ])
  t.same(parts(logs, 'logs'), [
    { resourceLogs: [{ scopeLogs: [{ logRecords: [{ body: 1 }] }] }] },
    { resourceLogs: [{ scopeLogs: [{ logRecords: [{ body: 2 }] }] }] },
  ])
})

test('no body is larger than the bound, unless one item is, and nothing gets lost', async (t) => {
  const { resourceMetrics, items } = await collected(40)
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...PROTOCOLS),
      fc.constantFrom('none' as const, 'gzip' as const),
      fc.integer({ min: 1, max: 20_000 }),
      async (protocol, compression, maxBytes) => {
        const bytes = FORMATS.metrics[protocol].serializeRequest(resourceMetrics) as Uint8Array
        const description = { signal: 'metrics', protocol, compression, items, time: 1 } as const
        const bodies = await makeRequests(description, bytes, maxBytes)
        t.equal(
          bodies.reduce((sum, body) => sum + body.items, 0),
          items,
        )
        if (compression === 'none')
          t.ok(bodies.every((body) => body.bytes.length <= maxBytes || body.items === 1))
        const halves = await halve(bodies[0] as (typeof bodies)[0])
        if (bodies[0]?.items === 1) t.equal(halves, undefined)
        else
          t.equal(
            halves?.reduce((sum, body) => sum + body.items, 0),
            bodies[0]?.items,
          )
      },
    ),
    { numRuns: 30 },
  )
})
