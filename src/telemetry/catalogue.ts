import {
  ATTR_DB_COLLECTION_NAME,
  ATTR_DB_OPERATION_NAME,
  ATTR_DB_QUERY_SUMMARY,
  ATTR_DB_SYSTEM_NAME,
  ATTR_ERROR_TYPE,
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
  METRIC_DB_CLIENT_OPERATION_DURATION,
  METRIC_HTTP_CLIENT_REQUEST_DURATION,
} from '@opentelemetry/semantic-conventions'
import { DEAD_LETTER_REASONS, DROP_REASONS, SIGNALS } from '@rollcall/durable-otlp-exporter'
import {
  type AttributeDefinition,
  type MetricDefinition,
  NO_PAGE,
  REQUEST_METRICS,
  requestSeries,
  type SeriesAttributes,
  type ServiceShape,
} from '@rollcall/fastify-route-telemetry'
import { COUNTED_TABLES } from '../../migrations/index.ts'
import {
  CLIENT_ERRORS,
  CLIENT_STATUSES,
  DATABASE_ERRORS,
  GC_TYPES,
  HEAP_SPACES,
  OTHER_ERROR,
} from './attribute-values.ts'
import { PAGES, STATEMENTS } from './pages.ts'
import * as semconv from './semconv.ts'
import { SUMMARIES, statementAttributes, statementValues } from './statements.ts'

/**
 * Every metric of this service, no more and no less. Instruments, `docs/telemetry.md` and the tests derive from this
 * table or are checked against it. A renamed metric or attribute breaks dashboards: the changelog must name it.
 */

const HTTP_CONVENTION = 'semantic conventions, docs/http/http-metrics.md'
const DB_CONVENTION = 'semantic conventions, docs/db/database-metrics.md'
const NODE_CONVENTION = 'semantic conventions, docs/runtime/nodejs-metrics.md'
const V8_CONVENTION = 'semantic conventions, docs/runtime/v8js-metrics.md'
const PROCESS_CONVENTION = 'semantic conventions, docs/system/process-metrics.md'
const SDK_CONVENTION = 'semantic conventions, docs/otel/sdk-metrics.md'
const STORY = 'the public monitoring challenge that this service follows'

/** The conventions' bounds for durations in seconds. */
const QUERY_SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]
const GC_SECONDS = [0.01, 0.1, 1, 10]

const page: AttributeDefinition = { values: PAGES }
const pageOrNone: AttributeDefinition = { values: [...PAGES, NO_PAGE] }
const queryPage: AttributeDefinition = {
  values: Object.entries(STATEMENTS).flatMap(([name, statements]) => (statements.length > 0 ? [name] : [])),
}

export const statementNames = {
  [ATTR_DB_OPERATION_NAME]: { values: statementValues(ATTR_DB_OPERATION_NAME) },
  [ATTR_DB_COLLECTION_NAME]: {
    values: statementValues(ATTR_DB_COLLECTION_NAME),
    missing: 'missing if a statement has no table',
  },
  [ATTR_DB_QUERY_SUMMARY]: { values: SUMMARIES },
} satisfies Record<string, AttributeDefinition>
export const queryError: AttributeDefinition = {
  values: [...DATABASE_ERRORS, OTHER_ERROR],
  missing: 'missing if the query succeeded',
}

const signal: AttributeDefinition = { values: SIGNALS }

const QUERY_CLOCK = 'starts when a query is handed to the driver, stops when its rows are fetched'

export const METRICS = {
  pageViews: {
    ...REQUEST_METRICS.pageViews,
    source: STORY,
    attributes: { page },
    series: { formula: 'one for each page that has a route', all: pageSeries },
  },
  pageViewsTotal: { ...REQUEST_METRICS.pageViewsTotal, source: STORY },
  queryTime: {
    name: 'database.query.time',
    kind: 'histogram',
    unit: 's',
    description: 'Time of each database query, by the page of its request.',
    clock: QUERY_CLOCK,
    leavesOut: 'waiting for the connection (db.client.connection.wait_time)',
    source: STORY,
    attributes: { page: queryPage },
    boundaries: QUERY_SECONDS,
  },
  requestDuration: {
    ...REQUEST_METRICS.requestDuration,
    attributes: { ...REQUEST_METRICS.requestDuration.attributes, page: pageOrNone },
    series: {
      formula:
        'for each scheme: (statuses × 4 + 3) for each method of each route, and for each method of unmatched requests',
      all: (shape: ServiceShape) => requestSeries(shape, UNMATCHED_STATUSES),
    },
  },
  activeRequests: REQUEST_METRICS.activeRequests,
  operationDuration: {
    name: METRIC_DB_CLIENT_OPERATION_DURATION,
    kind: 'histogram',
    unit: 's',
    description: 'Time of each database query: the same measurement as database.query.time, by statement.',
    clock: QUERY_CLOCK,
    leavesOut: 'waiting for the connection (db.client.connection.wait_time)',
    source: `${DB_CONVENTION} (stable); page is ours`,
    attributes: {
      [ATTR_DB_SYSTEM_NAME]: { values: [semconv.DB_SYSTEM_NAME_VALUE_SQLITE] },
      ...statementNames,
      [ATTR_ERROR_TYPE]: queryError,
      page: queryPage,
    },
    series: {
      formula: '(error types + 1) for each statement of each page (src/telemetry/pages.ts)',
      all: operationSeries,
    },
    boundaries: QUERY_SECONDS,
  },
  connectionWait: {
    name: semconv.METRIC_DB_CLIENT_CONNECTION_WAIT_TIME,
    kind: 'histogram',
    unit: 's',
    description: 'Time that queries wait for their turn on the connection, lock retries included.',
    clock: 'starts when the connection is asked for, stops when it is given',
    source: `${DB_CONVENTION} (development)`,
    attributes: { [semconv.ATTR_DB_CLIENT_CONNECTION_POOL_NAME]: { values: ['main'] } },
    boundaries: QUERY_SECONDS,
  },
  tableRows: {
    name: 'rollcall.table.rows',
    kind: 'gauge',
    unit: '{row}',
    description: 'Rows of a table, from the counts that triggers keep; charts latency against table size.',
    leavesOut: 'tables that do not grow with use',
    source: 'this service',
    attributes: { table: { values: COUNTED_TABLES } },
  },
  clientRequestDuration: {
    name: METRIC_HTTP_CLIENT_REQUEST_DURATION,
    kind: 'histogram',
    unit: 's',
    description: 'Time of each HTTP request to another host: fetching a feed makes one for each redirect.',
    clock: 'starts before the name is resolved, stops when the body is read, or when it failed',
    source: `${HTTP_CONVENTION} (stable); page is ours, and server.address and server.port are left out, because members choose the hosts`,
    attributes: {
      [ATTR_HTTP_REQUEST_METHOD]: { values: ['GET'] },
      [ATTR_HTTP_RESPONSE_STATUS_CODE]: {
        values: CLIENT_STATUSES,
        type: 'number',
        missing: 'missing if no answer was read; another status is the first of its class',
      },
      [ATTR_ERROR_TYPE]: {
        values: [...CLIENT_STATUSES.filter((status) => status >= 400).map(String), ...CLIENT_ERRORS],
        missing: 'missing if the status is below 400',
      },
      page: { values: ['news'] },
    },
    series: { formula: 'one for each status, and for each error without one', all: clientSeries },
    boundaries: REQUEST_METRICS.requestDuration.boundaries,
  },
  passwordHashDuration: {
    name: 'rollcall.password.hash.duration',
    kind: 'histogram',
    unit: 's',
    description: 'Time to hash or verify one password.',
    clock: 'starts when its turn has come, stops when the hash is ready',
    leavesOut: 'waiting for the turn',
    source: 'this service',
    attributes: {},
    boundaries: REQUEST_METRICS.requestDuration.boundaries,
  },
  passwordHashQueue: {
    name: 'rollcall.password.hash.queue',
    kind: 'gauge',
    unit: '{request}',
    description: 'Requests that wait for their turn to hash a password, at the end of the interval.',
    source: 'this service',
    attributes: {},
  },
  random: {
    name: 'test.support.random',
    kind: 'gauge',
    unit: '1',
    description: 'A random value from 0 up to but not 1, sampled by a scheduled check (checks.json).',
    source: STORY,
    attributes: {},
  },
  eventLoopDelayMin: eventLoopDelay(semconv.METRIC_NODEJS_EVENTLOOP_DELAY_MIN, 'Least'),
  eventLoopDelayMax: eventLoopDelay(semconv.METRIC_NODEJS_EVENTLOOP_DELAY_MAX, 'Greatest'),
  eventLoopDelayMean: eventLoopDelay(semconv.METRIC_NODEJS_EVENTLOOP_DELAY_MEAN, 'Mean'),
  eventLoopDelayStddev: eventLoopDelay(
    semconv.METRIC_NODEJS_EVENTLOOP_DELAY_STDDEV,
    'Standard deviation of the',
  ),
  eventLoopDelayP50: eventLoopDelay(semconv.METRIC_NODEJS_EVENTLOOP_DELAY_P50, '50th percentile of the'),
  eventLoopDelayP90: eventLoopDelay(semconv.METRIC_NODEJS_EVENTLOOP_DELAY_P90, '90th percentile of the'),
  eventLoopDelayP99: eventLoopDelay(semconv.METRIC_NODEJS_EVENTLOOP_DELAY_P99, '99th percentile of the'),
  eventLoopTime: {
    name: semconv.METRIC_NODEJS_EVENTLOOP_TIME,
    kind: 'counter',
    unit: 's',
    description: 'Time that the event loop spent in each state.',
    source: `${NODE_CONVENTION} (development)`,
    attributes: { [semconv.ATTR_NODEJS_EVENTLOOP_STATE]: { values: ['active', 'idle'] } },
  },
  eventLoopUtilization: {
    name: semconv.METRIC_NODEJS_EVENTLOOP_UTILIZATION,
    kind: 'gauge',
    unit: '1',
    description: 'Part of the interval in which the event loop was active, from 0 to 1.',
    source: `${NODE_CONVENTION} (development)`,
    attributes: {},
  },
  gcDuration: {
    name: semconv.METRIC_V8JS_GC_DURATION,
    kind: 'histogram',
    unit: 's',
    description: 'Time of each garbage collection.',
    clock: 'starts and stops with the collection, as V8 reports it',
    source: `${V8_CONVENTION} (development)`,
    attributes: { [semconv.ATTR_V8JS_GC_TYPE]: { values: GC_TYPES } },
    boundaries: GC_SECONDS,
  },
  heapSize: {
    name: semconv.METRIC_V8JS_MEMORY_HEAP_SPACE_SIZE,
    kind: 'up-down counter',
    unit: 'By',
    description: 'Heap memory that V8 has reserved, by space.',
    source: `${V8_CONVENTION} (development)`,
    attributes: { [semconv.ATTR_V8JS_HEAP_SPACE_NAME]: { values: [...HEAP_SPACES, OTHER_ERROR] } },
  },
  heapUsed: {
    name: semconv.METRIC_V8JS_MEMORY_HEAP_USED,
    kind: 'up-down counter',
    unit: 'By',
    description: 'Heap memory in use, by space.',
    source: `${V8_CONVENTION} (development)`,
    attributes: { [semconv.ATTR_V8JS_HEAP_SPACE_NAME]: { values: [...HEAP_SPACES, OTHER_ERROR] } },
  },
  cpuTime: {
    name: semconv.METRIC_PROCESS_CPU_TIME,
    kind: 'counter',
    unit: 's',
    description: 'Processor time of the process, all threads, by mode.',
    source: `${PROCESS_CONVENTION} (development)`,
    attributes: { [semconv.ATTR_CPU_MODE]: { values: ['user', 'system'] } },
  },
  memoryUsage: {
    name: semconv.METRIC_PROCESS_MEMORY_USAGE,
    kind: 'up-down counter',
    unit: 'By',
    description: 'Physical memory of the process (resident set).',
    source: `${PROCESS_CONVENTION} (development)`,
    attributes: {},
  },
  uptime: {
    name: semconv.METRIC_PROCESS_UPTIME,
    kind: 'gauge',
    unit: 's',
    description: 'Time since the process started.',
    source: `${PROCESS_CONVENTION} (development)`,
    attributes: {},
  },
  pointsExported: exported(semconv.METRIC_OTEL_SDK_EXPORTER_METRIC_DATA_POINT_EXPORTED, 'data_point'),
  pointsInflight: inflight(semconv.METRIC_OTEL_SDK_EXPORTER_METRIC_DATA_POINT_INFLIGHT, 'data_point'),
  spansExported: exported(semconv.METRIC_OTEL_SDK_EXPORTER_SPAN_EXPORTED, 'span'),
  spansInflight: inflight(semconv.METRIC_OTEL_SDK_EXPORTER_SPAN_INFLIGHT, 'span'),
  logRecordsExported: exported(semconv.METRIC_OTEL_SDK_EXPORTER_LOG_EXPORTED, 'log_record'),
  logRecordsInflight: inflight(semconv.METRIC_OTEL_SDK_EXPORTER_LOG_INFLIGHT, 'log_record'),
  telemetryRecorded: {
    name: 'rollcall.telemetry.recorded',
    kind: 'counter',
    unit: '{item}',
    description: 'Data points collected, sampled spans ended and log records emitted by this process.',
    source: 'this service',
    attributes: { signal },
  },
  telemetryRestored: {
    name: 'rollcall.telemetry.restored',
    kind: 'counter',
    unit: '{item}',
    description: 'Items of an earlier process, taken over from its storage on disk.',
    source: 'this service',
    attributes: { signal },
  },
  telemetryResent: {
    name: 'rollcall.telemetry.resent',
    kind: 'counter',
    unit: '{request}',
    description: 'Export requests sent again for lack of an acknowledgement.',
    source: 'this service',
    attributes: { signal },
  },
  telemetryDeadLetters: {
    name: 'rollcall.telemetry.dead_letters',
    kind: 'counter',
    unit: '{item}',
    description: 'Items that the receiver refuses for good, kept on disk with the reason.',
    source: 'this service',
    attributes: { signal, [ATTR_ERROR_TYPE]: { values: DEAD_LETTER_REASONS } },
  },
  telemetryDropped: {
    name: 'rollcall.telemetry.dropped',
    kind: 'counter',
    unit: '{item}',
    description: 'Items lost because a bound was reached or the disk could not take them.',
    leavesOut: 'items that a killed process had not collected or not yet put on disk',
    source: 'this service',
    attributes: { signal, [ATTR_ERROR_TYPE]: { values: DROP_REASONS } },
  },
} as const satisfies Record<string, MetricDefinition>

function exported<const Name extends string, const Item extends string>(name: Name, item: Item) {
  return {
    name,
    kind: 'counter',
    unit: `{${item}}`,
    description:
      'Items whose export has ended: acknowledged by the receiver, or dead letters with the given reason.',
    source: `${SDK_CONVENTION} (development); there is one exporter a signal, so its own attributes are left out`,
    attributes: {
      [ATTR_ERROR_TYPE]: { values: DEAD_LETTER_REASONS, missing: 'missing if the receiver acknowledged' },
    },
  } as const
}

function inflight<const Name extends string, const Item extends string>(name: Name, item: Item) {
  return {
    name,
    kind: 'up-down counter',
    unit: `{${item}}`,
    description: 'Items without an acknowledgement yet, in memory or on disk.',
    source: `${SDK_CONVENTION} (development)`,
    attributes: {},
  } as const
}

function eventLoopDelay<const Name extends string>(name: Name, which: string) {
  return {
    name,
    kind: 'gauge',
    unit: 's',
    description: `${which} delay of the event loop within the interval.`,
    clock: 'delay of a timer after its planned time, sampled every 20 ms',
    source: `${NODE_CONVENTION} (development)`,
    attributes: {},
  } as const
}

function* pageSeries({ routes }: ServiceShape): Iterable<SeriesAttributes> {
  for (const name of new Set(routes.map(({ page }) => page))) if (name !== false) yield { page: name }
}

function* clientSeries(): Iterable<SeriesAttributes> {
  const request = { [ATTR_HTTP_REQUEST_METHOD]: 'GET', page: 'news' }
  for (const status of CLIENT_STATUSES)
    yield {
      ...request,
      [ATTR_HTTP_RESPONSE_STATUS_CODE]: status,
      ...(status >= 400 && { [ATTR_ERROR_TYPE]: String(status) }),
    }
  for (const error of CLIENT_ERRORS) yield { ...request, [ATTR_ERROR_TYPE]: error }
}

/** Any statement may end with any result code; SQLite decides which ones occur. */
function* operationSeries(): Iterable<SeriesAttributes> {
  for (const [name, summaries] of Object.entries(STATEMENTS))
    for (const summary of summaries)
      for (const error of [undefined, ...DATABASE_ERRORS, OTHER_ERROR])
        yield {
          [ATTR_DB_SYSTEM_NAME]: semconv.DB_SYSTEM_NAME_VALUE_SQLITE,
          ...statementAttributes(summary),
          ...(error !== undefined && { [ATTR_ERROR_TYPE]: error }),
          page: name,
        }
}

/** Statuses of requests that match no route: from http/unmatched.ts, from the framework, and of any failure. */
const UNMATCHED_STATUSES = [204, 400, 404, 405, 413, 414, 415, 429, 500, 503]
