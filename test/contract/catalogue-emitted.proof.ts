import type { AttributeDefinition, MetricDefinition } from '@rollcall/fastify-route-telemetry'
import { test } from 'tap'
import { METRICS } from '../../src/telemetry/catalogue.ts'
import {
  EVENT_ATTRIBUTES,
  EVENT_NAME,
  LOG_ATTRIBUTES,
  RESOURCE_ATTRIBUTES,
  SPAN_EVENTS,
  SPANS,
} from '../../src/telemetry/record-catalogue.ts'
import { seriesKey, seriesOf } from '../../src/telemetry/series.ts'
import { readServiceShape } from '../../tools/service-shape.ts'
import type { AttributeValues } from '../support/flat-telemetry.ts'
import { temporaryFolder } from '../support/harness.ts'
import { OtlpReceiver } from '../support/otlp-receiver.ts'
import { exportToRefuser, exportWithoutDisk, leaveBehind } from './bad-receivers.ts'
import { beyondComputed } from './emitted.ts'
import { runWholeService } from './whole-service.ts'

/**
 * What the catalogue names and this test cannot bring about, with the reason. Held to be exactly what is not seen: what
 * is seen after all goes from here.
 */
const NOT_SEEN: readonly (readonly [reason: string, ...what: string[]])[] = [
  [
    'a request for a tunnel never becomes a request of the framework',
    'http.server.request.duration http.request.method CONNECT',
    'http.server.active_requests http.request.method CONNECT',
  ],
  [
    'a disk, a file or a memory would have to fail under the running service',
    ...['CANTOPEN', 'CORRUPT', 'FULL', 'IOERR', 'NOMEM', 'NOTADB', 'READONLY'].map(databaseError),
  ],
  [
    'what a lock refuses was not executed: the wait for it is in db.client.connection.wait_time',
    ...['BUSY', 'LOCKED'].map(databaseError),
  ],
  ['a mistake in the use of the driver', ...['INTERRUPT', 'MISUSE', 'SCHEMA'].map(databaseError)],
  ['whatever SQLite throws has a code', 'db.client.operation.duration error.type _OTHER'],
  ['no object of this service asks V8 to be called back', 'v8js.gc.duration v8js.gc.type weakcb'],
  [
    'all heap spaces of this V8 are known',
    'v8js.memory.heap.space.size v8js.heap.space.name _OTHER',
    'v8js.memory.heap.used v8js.heap.space.name _OTHER',
  ],
  [
    'only metrics grow too old: Datadog takes spans and log records for longer',
    'otel.sdk.exporter.span.exported error.type too_old',
    'otel.sdk.exporter.log.exported error.type too_old',
  ],
  [
    'counted after the last collection, so only the log tells',
    'rollcall.telemetry.dropped error.type shutdown',
  ],
  ['said only after waiting ten seconds for another process of the same name', 'log record instanceId'],
]

function databaseError(code: string): string {
  return `db.client.operation.duration error.type SQLITE_${code}`
}

test('all that the catalogue names is emitted, and no series beyond those it computes', async (t) => {
  const service = await OtlpReceiver.start(t)
  const telemetryDir = temporaryFolder(t)
  const instanceId = 'contract:1'
  await leaveBehind(t, telemetryDir, instanceId)
  const [shape, ...others] = await Promise.all([
    readServiceShape(),
    exportToRefuser(t),
    exportWithoutDisk(t),
    runWholeService(t, { receiver: service, telemetryDir, instanceId }),
  ])
  const receivers = [service, ...others.filter((other) => other !== undefined)]

  const seen = new Set(receivers.flatMap(whatIsIn))
  t.strictSame(
    named().filter((what) => !seen.has(what)),
    NOT_SEEN.flatMap(([, ...what]) => what).sort(),
  )

  t.strictSame(beyondComputed(service.metrics(), shape), [])
  const statements = new Set(
    service.metrics(METRICS.operationDuration.name).map(({ attributes }) => seriesKey(attributes)),
  )
  const neverRun = [...seriesOf(METRICS.operationDuration, shape)].filter(
    (attributes) => !('error.type' in attributes) && !statements.has(seriesKey(attributes)),
  )
  t.strictSame(neverRun, [], 'every statement of every page runs')
})

/** Each metric, attribute and value of the catalogue, as {@link whatIsIn} names it. */
function named(): string[] {
  const metrics = Object.values<MetricDefinition>(METRICS).flatMap(({ name, attributes }) => [
    name,
    ...Object.entries(attributes).flatMap(([key, definition]) => valuesOf(`${name} ${key}`, definition)),
  ])
  const records = Object.entries({
    'span request': SPANS.request.attributes,
    'span query': SPANS.query.attributes,
    'event exception': SPAN_EVENTS.exception,
    'log record': LOG_ATTRIBUTES,
    [EVENT_NAME]: EVENT_ATTRIBUTES,
    resource: RESOURCE_ATTRIBUTES,
  }).flatMap(([what, attributes]) => Object.keys(attributes).map((key) => `${what} ${key}`))
  return [...metrics, ...records].sort()
}

function valuesOf(what: string, { values, missing }: AttributeDefinition): string[] {
  return [
    ...(values?.map((value) => `${what} ${value}`) ?? [what]),
    ...(missing === undefined ? [] : [`${what} (missing)`]),
  ]
}

function whatIsIn(receiver: OtlpReceiver): string[] {
  // A count of 0 says that there is such a series, and not that something was counted.
  const points = receiver.metrics().filter(({ monotonic, value }) => !(monotonic && value === 0))
  const metrics = points.flatMap(({ name, attributes }) => {
    const metric = Object.values<MetricDefinition>(METRICS).find((one) => one.name === name)
    return [
      name,
      ...Object.entries(metric?.attributes ?? {}).map(([key, { values }]) =>
        key in attributes
          ? `${name} ${key}${values ? ` ${attributes[key]}` : ''}`
          : `${name} ${key} (missing)`,
      ),
    ]
  })
  const keys = (what: string, attributes: AttributeValues) =>
    Object.keys(attributes).map((key) => `${what} ${key}`)
  const spans = receiver
    .spans()
    .flatMap(({ kind, attributes, events }) => [
      ...keys(kind === 2 ? 'span request' : 'span query', attributes),
      ...events.flatMap(({ name, attributes }) => keys(`event ${name}`, attributes)),
    ])
  const logs = receiver
    .logs()
    .flatMap(({ eventName, attributes }) => keys(eventName ?? 'log record', attributes))
  const resources = [...receiver.metrics(), ...receiver.spans(), ...receiver.logs()].flatMap(({ resource }) =>
    keys('resource', resource),
  )
  return [...new Set([...metrics, ...spans, ...logs, ...resources])]
}
