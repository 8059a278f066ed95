import assert from 'node:assert/strict'
import {
  type ISerializer,
  JsonLogsSerializer,
  JsonMetricsSerializer,
  JsonTraceSerializer,
  ProtobufLogsSerializer,
  ProtobufMetricsSerializer,
  ProtobufTraceSerializer,
} from '@opentelemetry/otlp-transformer'
import fc from 'fast-check'
import t from 'tap'
import { decodeRequest } from '../../packages/otlp/src/decode.ts'
import type { LogsRequest, MetricsRequest, TraceRequest } from '../../packages/otlp/src/model.ts'
import { type Exported, readExport, type Signal } from '../support/flat-telemetry.ts'
import { otlp } from '../support/otlp-messages.ts'
import type { Encoding } from '../support/protobuf.ts'
import { asProduct } from './as-product.ts'
import { jsonOf, messageOf } from './random-requests.ts'
import { logRecords, resourceMetrics, spans } from './random-sdk-data.ts'

const REQUESTS = {
  metrics: 'ExportMetricsServiceRequest',
  traces: 'ExportTraceServiceRequest',
  logs: 'ExportLogsServiceRequest',
} as const

/** What the product's decoder reads, after it was held against all that the tests' decoder reads. */
function decodedByBoth(signal: Signal, encoding: Encoding, body: Buffer): unknown {
  const request = decodeRequest(signal, encoding, body)
  const own = otlp.read(REQUESTS[signal], encoding, body) as object as Record<string, unknown>
  assert.deepEqual(plain(request), plain(asProduct(REQUESTS[signal], own)), encoding)
  const { points, spans, logs } = readExport(signal, encoding, body)
  const flat = { points: points.map(defined), spans: spans.map(defined), logs: logs.map(defined) }
  assert.deepEqual(plain(flat), plain(flattened(request as Requests)), `${encoding}, flat`)
  return plain(request)
}

/** Without prototypes, which say nothing of what was read. */
function plain<T>(value: T): T {
  return structuredClone(value)
}

function defined(item: object): object {
  return Object.fromEntries(Object.entries(item).filter(([, value]) => value !== undefined))
}

type Requests = Partial<MetricsRequest & TraceRequest & LogsRequest>

/** The product's model as the receivers of tests have it. */
function flattened(request: Requests): { [K in keyof Exported]: object[] } {
  const { resourceMetrics = [], resourceSpans = [], resourceLogs = [] } = request
  const points = resourceMetrics.flatMap(({ resource: { attributes: resource }, scopeMetrics }) =>
    scopeMetrics.flatMap(({ metrics }) =>
      metrics.flatMap(({ name, unit, description, data }) => {
        const { points, ...ofData } = data ?? { points: [] }
        return points.map((point) => {
          const { exemplars, quantiles, zeroThreshold, scale, zeroCount, positive, negative, ...rest } =
            point as object as Record<string, unknown>
          const sketch = positive && { scale, zeroCount, positive, negative }
          return { name, unit, description, resource, ...ofData, ...rest, sketch }
        })
      }),
    ),
  )
  const spans = resourceSpans.flatMap(({ resource: { attributes: resource }, scopeSpans }) =>
    scopeSpans.flatMap((scope) =>
      scope.spans.map(
        ({ flags, links, droppedAttributesCount, droppedEventsCount, droppedLinksCount, ...rest }) => ({
          ...rest,
          resource,
          traceId: rest.traceId ?? '',
          spanId: rest.spanId ?? '',
          traceState: rest.traceState || undefined,
          events: rest.events.map(({ name, attributes }) => ({ name, attributes })),
          links: links.map(({ traceId = '', spanId = '', traceState, attributes }) => ({
            traceId,
            spanId,
            traceState: traceState || undefined,
            attributes,
          })),
        }),
      ),
    ),
  )
  const logs = resourceLogs.flatMap(({ resource: { attributes: resource }, scopeLogs }) =>
    scopeLogs.flatMap(({ logRecords }) =>
      logRecords.map(({ time, observedTime, droppedAttributesCount, flags, eventName, ...rest }) => ({
        ...rest,
        eventName: eventName || undefined,
        resource,
      })),
    ),
  )
  return { points: points.map(defined), spans: spans.map(defined), logs: logs.map(defined) }
}

for (const signal of ['metrics', 'traces', 'logs'] as const)
  t.test(`any request of ${signal} says the same to the product and to the receivers of tests`, async (t) => {
    let items = 0
    fc.assert(
      fc.property(messageOf(REQUESTS[signal]), (message) => {
        const protobuf = otlp.write(REQUESTS[signal], message)
        const json = Buffer.from(JSON.stringify(jsonOf(REQUESTS[signal], message)))
        assert.deepEqual(decodedByBoth(signal, 'protobuf', protobuf), decodedByBoth(signal, 'json', json))
        items += itemsIn(readExport(signal, 'json', json))
      }),
      { numRuns: 100 },
    )
    t.ok(items > 20, `${items} points, spans and records were among them`)
  })

function sdkRequestsAgree<T>(
  signal: Signal,
  data: fc.Arbitrary<T>,
  protobuf: Pick<ISerializer<T, unknown>, 'serializeRequest'>,
  json: Pick<ISerializer<T, unknown>, 'serializeRequest'>,
): void {
  t.test(`what the SDK sends of ${signal} says the same to both, in protobuf and in JSON`, async (t) => {
    let items = 0
    fc.assert(
      fc.property(data, (each) => {
        const [binary, text] = [protobuf, json].map((one) => Buffer.from(one.serializeRequest(each)!)) as [
          Buffer,
          Buffer,
        ]
        assert.deepEqual(decodedByBoth(signal, 'protobuf', binary), decodedByBoth(signal, 'json', text))
        items += itemsIn(readExport(signal, 'json', text))
      }),
      { numRuns: 60 },
    )
    t.ok(items > 20, `${items} points, spans and records were among them`)
  })
}

sdkRequestsAgree('metrics', resourceMetrics, ProtobufMetricsSerializer, JsonMetricsSerializer)
sdkRequestsAgree('traces', spans, ProtobufTraceSerializer, JsonTraceSerializer)
sdkRequestsAgree('logs', logRecords, ProtobufLogsSerializer, JsonLogsSerializer)

function itemsIn({ points, spans, logs }: Exported): number {
  return points.length + spans.length + logs.length
}
