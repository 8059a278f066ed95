import {
  JsonLogsSerializer,
  JsonMetricsSerializer,
  JsonTraceSerializer,
  ProtobufLogsSerializer,
  ProtobufMetricsSerializer,
  ProtobufTraceSerializer,
} from '@opentelemetry/otlp-transformer'
import t from 'tap'
import { decodeRequest, type Signal } from '../../packages/otlp/src/decode.ts'
import type { Attributes, Metric } from '../../packages/otlp/src/model.ts'
import { ATTRIBUTES, collectLogs, collectMetrics, collectSpans } from './sdk-data.ts'
import {
  bytesField,
  doubleField,
  fixed64Field,
  numberField,
  requestWithMetric,
  varint,
} from './wire-writer.ts'

/** tap's comparisons look at prototypes, which attributes do without. */
const plain = (attributes: Attributes | undefined) => ({ ...attributes })

function decodeBoth<S extends Signal>(
  signal: S,
  protobuf: Uint8Array | undefined,
  json: Uint8Array | undefined,
) {
  return [
    decodeRequest(signal, 'protobuf', Buffer.from(protobuf!)),
    decodeRequest(signal, 'json', Buffer.from(json!)),
  ] as const
}

function metricOf(body: Buffer): Metric {
  return decodeRequest('metrics', 'protobuf', body).resourceMetrics[0]!.scopeMetrics[0]!.metrics[0]!
}

t.test('metrics of the SDK say the same in protobuf and in JSON', async (t) => {
  for (const temporality of ['delta', 'cumulative'] as const) {
    const collected = await collectMetrics({ temporality })
    const [fromProtobuf, fromJson] = decodeBoth(
      'metrics',
      ProtobufMetricsSerializer.serializeRequest(collected),
      JsonMetricsSerializer.serializeRequest(collected),
    )
    t.strictSame(fromProtobuf, fromJson)
    const [{ resource, scopeMetrics }] = fromProtobuf.resourceMetrics as [
      (typeof fromProtobuf.resourceMetrics)[0],
    ]
    t.same(plain(resource.attributes), {
      'service.name': 'shop',
      'service.instance.id': 'host:3000',
      'a.list': ['x', 'y'],
      counted: 3,
    })
    t.match(scopeMetrics[0], {
      schemaUrl: 'https://example.com/schema',
      scope: { name: 'a scope', version: '1.2.3' },
    })
    const byName = new Map(scopeMetrics[0]!.metrics.map((metric) => [metric.name, metric]))
    const sentAs = (name: string) =>
      collected.scopeMetrics[0]!.metrics.find(({ descriptor }) => descriptor.name === name)!.dataPoints
    const [, second] = sentAs('counter')
    const nanos = ([seconds, rest]: [number, number]) => BigInt(seconds) * 1_000_000_000n + BigInt(rest)
    t.match(byName.get('counter'), {
      unit: '{view}',
      description: 'views',
      data: {
        kind: 'sum',
        temporality,
        monotonic: true,
        points: [
          { value: 1 },
          { value: 2, startTime: nanos(second!.startTime), time: nanos(second!.endTime), flags: 0 },
        ],
      },
    })
    t.same(plain(byName.get('counter')?.data?.points[1]?.attributes), { ...ATTRIBUTES, index: 1 })
    t.match(byName.get('up-down'), { data: { monotonic: false, points: [{ value: 0 }, { value: -1 }] } })
    t.match(byName.get('gauge'), { data: { kind: 'gauge', points: [{ value: 0 }, { value: 0.25 }] } })
    t.match(byName.get('explicit'), {
      data: {
        kind: 'histogram',
        temporality,
        points: [
          { count: 5, sum: 1003.501, min: 0, max: 1000, bounds: [0.1, 1, 10], bucketCounts: [2, 1, 1, 1] },
          { max: 1001 },
        ],
      },
    })
    const exponential = byName.get('exponential')?.data
    if (exponential?.kind !== 'exponential histogram') throw new Error('it is not one')
    const [point] = exponential.points
    t.match(point, { count: 5, sum: 1003.501, min: 0, max: 1000, zeroCount: 1, negative: { counts: [] } })
    t.equal(
      point!.positive.counts.reduce((sum, count) => sum + count, 0),
      4,
    )
    t.match(sentAs('exponential')[0]!.value, {
      scale: point!.scale,
      positive: { offset: point!.positive.offset, bucketCounts: point!.positive.counts },
    })
  }
})

t.test('spans of the SDK say the same in protobuf and in JSON', async (t) => {
  const spans = collectSpans()
  const [fromProtobuf, fromJson] = decodeBoth(
    'traces',
    ProtobufTraceSerializer.serializeRequest(spans),
    JsonTraceSerializer.serializeRequest(spans),
  )
  t.strictSame(fromProtobuf, fromJson)
  const [child, root] = fromProtobuf.resourceSpans[0]!.scopeSpans[0]!.spans
  const { traceId, spanId } = spans[1]!.spanContext()
  t.match(root, { traceId, spanId, parentSpanId: undefined, name: 'root', kind: 2, status: { code: 0 } })
  t.match(child, {
    traceId,
    parentSpanId: spanId,
    kind: 1,
    flags: 257,
    status: { code: 2, message: 'did not work' },
    events: [{ name: 'happened', attributes: { index: 1 } }],
    links: [{ traceId, spanId, attributes: { why: 'test' } }],
  })
  t.same(plain(child?.attributes), ATTRIBUTES)
  t.ok(child!.endTime >= child!.startTime && child!.startTime > 1_700_000_000_000_000_000n)
})

t.test('log records of the SDK say the same in protobuf and in JSON', async (t) => {
  const records = await collectLogs()
  const [fromProtobuf, fromJson] = decodeBoth(
    'logs',
    ProtobufLogsSerializer.serializeRequest(records),
    JsonLogsSerializer.serializeRequest(records),
  )
  t.strictSame(fromProtobuf, fromJson)
  const [first, second] = fromProtobuf.resourceLogs[0]!.scopeLogs[0]!.logRecords
  t.match(first, {
    body: 'plain',
    severityNumber: 13,
    severityText: 'WARN',
    eventName: 'an.event',
    traceId: 'ab'.repeat(16),
    spanId: 'cd'.repeat(8),
    flags: 1,
  })
  t.match(second?.body, { nested: { deep: [1, { deeper: null }] }, raw: new Uint8Array([0, 255]) })
  t.match(first?.attributes, { ...ATTRIBUTES, bytes: new Uint8Array([1, 2, 3]), map: { a: { b: 'c' } } })
})

t.test('summaries, exemplars and metadata, which the SDK does not send, are read', async (t) => {
  const exemplar = Buffer.concat([
    fixed64Field(2, 5n),
    doubleField(3, 1.5),
    bytesField(4, Buffer.alloc(8, 1)),
    bytesField(5, Buffer.alloc(16, 2)),
  ])
  const sum = metricOf(
    requestWithMetric(
      bytesField(1, 'n'),
      bytesField(
        7,
        bytesField(1, fixed64Field(6, -3n), bytesField(5, exemplar), numberField(8, 1)),
        numberField(2, 1),
      ),
      bytesField(12, bytesField(1, 'about'), bytesField(2, bytesField(1, 'it'))),
    ),
  )
  t.match(sum, {
    metadata: { about: 'it' },
    data: {
      temporality: 'delta',
      points: [
        {
          value: -3,
          flags: 1,
          exemplars: [{ time: 5n, value: 1.5, spanId: '01'.repeat(8), traceId: '02'.repeat(16) }],
        },
      ],
    },
  })
  const quantile = bytesField(6, doubleField(1, 0.5), doubleField(2, 12))
  const summary = metricOf(
    requestWithMetric(bytesField(11, bytesField(1, fixed64Field(4, 9n), doubleField(5, 90), quantile))),
  )
  t.match(summary.data, {
    kind: 'summary',
    points: [{ count: 9, sum: 90, quantiles: [{ quantile: 0.5, value: 12 }] }],
  })
})

t.test(
  'protobuf may pack numbers or not, split messages, repeat oneofs and bring unknown fields',
  async (t) => {
    const packed = bytesField(2, varint(1), varint(300), varint(2 ** 40))
    const unpacked = Buffer.concat([numberField(2, 1), numberField(2, 300), numberField(2, 2 ** 40)])
    for (const counts of [
      packed,
      unpacked,
      Buffer.concat([bytesField(2, varint(1), varint(300)), numberField(2, 2 ** 40)]),
    ]) {
      const metric = metricOf(
        requestWithMetric(bytesField(10, bytesField(1, bytesField(8, numberField(1, 5), counts)))),
      )
      t.match(metric.data?.points, [{ positive: { offset: -3, counts: [1, 300, 2 ** 40] } }])
    }
    const merged = metricOf(
      requestWithMetric(bytesField(7, numberField(2, 1)), bytesField(7, numberField(3, 1))),
    )
    t.match(merged.data, { kind: 'sum', temporality: 'delta', monotonic: true })
    const replaced = metricOf(requestWithMetric(bytesField(7, numberField(2, 1)), bytesField(5)))
    t.same(replaced.data, { kind: 'gauge', points: [] })
    const unknown = Buffer.concat([
      numberField(90, 2n ** 63n),
      fixed64Field(91, 1n),
      bytesField(92, 'anything'),
      Buffer.concat([varint(93 * 8 + 5), Buffer.alloc(4)]),
    ])
    t.match(metricOf(requestWithMetric(unknown, bytesField(1, 'still read'), unknown)), {
      name: 'still read',
    })
  },
)

t.test(
  'JSON follows its mapping: text or numbers for integers, null for unset, unknown names left out',
  async (t) => {
    const point = {
      attributes: [
        { key: 'big', value: { intValue: '9007199254740993' } },
        { key: 'number', value: { intValue: 5 } },
        { key: 'whole double', value: { doubleValue: 1 } },
        { key: 'nothing', value: null },
        { key: '__proto__', value: { stringValue: 'only a key' } },
      ],
      timeUnixNano: '1760000000123456789',
      startTimeUnixNano: 17,
      asDouble: 'NaN',
      exemplars: null,
      data_points: 'snake case is not a name here',
    }
    const body = {
      resourceMetrics: [{ scopeMetrics: [{ metrics: [{ gauge: { dataPoints: [point] }, more: [1] }] }] }],
    }
    const request = decodeRequest('metrics', 'json', Buffer.from(JSON.stringify(body)))
    const [decoded] = request.resourceMetrics[0]!.scopeMetrics[0]!.metrics[0]!.data!.points
    t.match(decoded, { time: 1760000000123456789n, startTime: 17n, value: Number.NaN, exemplars: [] })
    t.same(Object.entries(decoded!.attributes), [
      ['big', 9007199254740993n],
      ['number', 5],
      ['whole double', 1],
      ['nothing', null],
      ['__proto__', 'only a key'],
    ])
    t.equal(decoded!.attributes.toString, undefined)
  },
)
