import {
  ATTR_DB_COLLECTION_NAME,
  ATTR_DB_OPERATION_NAME,
  ATTR_DB_QUERY_SUMMARY,
  ATTR_DB_SYSTEM_NAME,
  ATTR_ERROR_TYPE,
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
  ATTR_HTTP_ROUTE,
  ATTR_URL_SCHEME,
  METRIC_DB_CLIENT_OPERATION_DURATION,
  METRIC_HTTP_SERVER_REQUEST_DURATION,
} from '@opentelemetry/semantic-conventions'
import {
  CUT_OFF,
  DATABASE_ERRORS,
  GC_TYPES,
  HEAP_SPACES,
  METHODS,
  NO_PAGE,
  OTHER_ERROR,
  OTHER_METHOD,
  PAGES,
  SCHEMES,
  SIGNALS,
  TABLES,
} from './attribute-values.ts'
import { DROP_REASONS, SET_ASIDE_REASONS } from './export/books.ts'
import type { AttributeDefinition, MetricDefinition, ServiceShape } from './metric-definition.ts'
import * as semconv from './semconv.ts'

/**
 * Every metric that this service emits, no more and no less. Instruments, `docs/telemetry.md` and the tests derive
 * from this table or are checked against it. A renamed metric or attribute breaks dashboards: say so in the changelog.
 */

const HTTP_CONVENTION = 'semantic conventions, docs/http/http-metrics.md'
const DB_CONVENTION = 'semantic conventions, docs/db/database-metrics.md'
const NODE_CONVENTION = 'semantic conventions, docs/runtime/nodejs-metrics.md'
const V8_CONVENTION = 'semantic conventions, docs/runtime/v8js-metrics.md'
const PROCESS_CONVENTION = 'semantic conventions, docs/system/process-metrics.md'
const SDK_CONVENTION = 'semantic conventions, docs/otel/sdk-metrics.md'
const STORY = 'the public monitoring challenge that this service follows'

/** Bounds that the conventions advise for durations in seconds. */
const HTTP_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
const QUERY_SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]
const GC_SECONDS = [0.01, 0.1, 1, 10]

const UNROUTED = 'http.route is missing where no route matched: a path never becomes a tag'
const page: AttributeDefinition = { values: PAGES }
const pageOrNone: AttributeDefinition = { values: [...PAGES, NO_PAGE] }
const method: AttributeDefinition = { values: [...METHODS, OTHER_METHOD] }
const scheme: AttributeDefinition = { values: SCHEMES }

const signal: AttributeDefinition = { values: SIGNALS }

const QUERY_CLOCK = 'starts when a query is handed to the driver, stops when its rows are fetched'

export const METRICS = {
  pageViews: {
    name: 'web.page_views',
    kind: 'counter',
    unit: '{view}',
    description: 'Requests that matched a route with a page, counted when they arrive.',
    leavesOut: 'nothing: errors, aborts and HEAD count as well',
    source: STORY,
    attributes: { page },
    series: { formula: 'one for each page', most: (shape) => shape.pages },
  },
  pageViewsTotal: {
    name: 'web.page_views_total',
    kind: 'counter',
    unit: '{view}',
    description: 'The sum of web.page_views over all pages, always equal to it.',
    leavesOut: 'nothing: errors, aborts and HEAD count as well',
    source: STORY,
    attributes: {},
    series: 1,
  },
  queryTime: {
    name: 'database.query.time',
    kind: 'histogram',
    unit: 's',
    description: 'Time of each database query, by the page whose request asked.',
    clock: QUERY_CLOCK,
    leavesOut: 'waiting for the connection (db.client.connection.wait_time)',
    source: STORY,
    attributes: { page: pageOrNone },
    series: { formula: 'one for each page, and `none`', most: (shape) => shape.pages + 1 },
    boundaries: QUERY_SECONDS,
  },
  requestDuration: {
    name: METRIC_HTTP_SERVER_REQUEST_DURATION,
    kind: 'histogram',
    unit: 's',
    description: 'Time of each HTTP request.',
    clock:
      'starts when its header fields are read, stops when the response is handed over or the connection ends',
    leavesOut: 'what is not HTTP: such bytes are refused by the parser and never become a request',
    source: `${HTTP_CONVENTION} (stable); page is ours`,
    attributes: {
      [ATTR_HTTP_REQUEST_METHOD]: method,
      [ATTR_URL_SCHEME]: scheme,
      [ATTR_HTTP_ROUTE]: { boundedBy: 'the routes of the service', missing: UNROUTED },
      [ATTR_HTTP_RESPONSE_STATUS_CODE]: {
        boundedBy: 'the statuses a route answers with, within 100 to 599',
        missing: 'missing where no header fields were sent',
      },
      [ATTR_ERROR_TYPE]: {
        boundedBy: `the status as text from 500 on; ${CUT_OFF.join(', ')} where the response is not complete`,
        missing: 'missing where nothing failed',
      },
      page: pageOrNone,
    },
    series: {
      formula:
        'for each scheme: (statuses × 4 + 3) for each method of each route, and for each method of unmatched requests',
      most: requestSeries,
    },
    boundaries: HTTP_SECONDS,
  },
  activeRequests: {
    name: semconv.METRIC_HTTP_SERVER_ACTIVE_REQUESTS,
    kind: 'up-down counter',
    unit: '{request}',
    description: 'HTTP requests that have begun and not ended.',
    source: `${HTTP_CONVENTION} (development)`,
    attributes: { [ATTR_HTTP_REQUEST_METHOD]: method, [ATTR_URL_SCHEME]: scheme },
    series: (METHODS.length + 1) * SCHEMES.length,
  },
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
      [ATTR_DB_OPERATION_NAME]: { boundedBy: 'the statements of the service' },
      [ATTR_DB_COLLECTION_NAME]: {
        boundedBy: 'the tables of the service',
        missing: 'missing where a statement has no table',
      },
      [ATTR_DB_QUERY_SUMMARY]: { boundedBy: 'the statements of the service' },
      [ATTR_ERROR_TYPE]: {
        values: [...DATABASE_ERRORS, OTHER_ERROR],
        missing: 'missing where the query succeeded',
      },
      page: pageOrNone,
    },
    series: {
      formula: 'statements × (pages + 1) × (error types + 1)',
      most: (shape) => shape.statements * (shape.pages + 1) * (DATABASE_ERRORS.length + 2),
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
    series: 1,
    boundaries: QUERY_SECONDS,
  },
  tableRows: {
    name: 'rollcall.table.rows',
    kind: 'gauge',
    unit: '{row}',
    description:
      'Rows of a table, read from counts that triggers keep; makes latency against table size one chart.',
    leavesOut: 'tables that do not grow with use',
    source: 'this service',
    attributes: { table: { values: TABLES } },
    series: TABLES.length,
  },
  passwordHashDuration: {
    name: 'rollcall.password.hash.duration',
    kind: 'histogram',
    unit: 's',
    description: 'Time to hash or verify one password.',
    clock: 'starts when its turn has come, stops when the hash is there',
    leavesOut: 'waiting for the turn',
    source: 'this service',
    attributes: {},
    series: 1,
    boundaries: HTTP_SECONDS,
  },
  passwordHashQueue: {
    name: 'rollcall.password.hash.queue',
    kind: 'gauge',
    unit: '{request}',
    description: 'Requests that wait for their turn to hash a password, at the end of the interval.',
    source: 'this service',
    attributes: {},
    series: 1,
  },
  random: {
    name: 'test.support.random',
    kind: 'gauge',
    unit: '1',
    description: 'A random value from 0 up to but not 1, sampled by a scheduled check (checks.json).',
    source: STORY,
    attributes: {},
    series: 1,
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
    series: 2,
  },
  eventLoopUtilization: {
    name: semconv.METRIC_NODEJS_EVENTLOOP_UTILIZATION,
    kind: 'gauge',
    unit: '1',
    description: 'Part of the interval in which the event loop was active, from 0 to 1.',
    source: `${NODE_CONVENTION} (development)`,
    attributes: {},
    series: 1,
  },
  gcDuration: {
    name: semconv.METRIC_V8JS_GC_DURATION,
    kind: 'histogram',
    unit: 's',
    description: 'Time of each garbage collection.',
    clock: 'starts and stops with the collection, as V8 reports it',
    source: `${V8_CONVENTION} (development)`,
    attributes: { [semconv.ATTR_V8JS_GC_TYPE]: { values: GC_TYPES } },
    series: GC_TYPES.length,
    boundaries: GC_SECONDS,
  },
  heapSize: {
    name: semconv.METRIC_V8JS_MEMORY_HEAP_SPACE_SIZE,
    kind: 'up-down counter',
    unit: 'By',
    description: 'Heap memory that V8 has reserved, by space.',
    source: `${V8_CONVENTION} (development)`,
    attributes: { [semconv.ATTR_V8JS_HEAP_SPACE_NAME]: { values: [...HEAP_SPACES, OTHER_ERROR] } },
    series: HEAP_SPACES.length + 1,
  },
  heapUsed: {
    name: semconv.METRIC_V8JS_MEMORY_HEAP_USED,
    kind: 'up-down counter',
    unit: 'By',
    description: 'Heap memory in use, by space.',
    source: `${V8_CONVENTION} (development)`,
    attributes: { [semconv.ATTR_V8JS_HEAP_SPACE_NAME]: { values: [...HEAP_SPACES, OTHER_ERROR] } },
    series: HEAP_SPACES.length + 1,
  },
  cpuTime: {
    name: semconv.METRIC_PROCESS_CPU_TIME,
    kind: 'counter',
    unit: 's',
    description: 'Processor time of the process, all threads, by mode.',
    source: `${PROCESS_CONVENTION} (development)`,
    attributes: { [semconv.ATTR_CPU_MODE]: { values: ['user', 'system'] } },
    series: 2,
  },
  memoryUsage: {
    name: semconv.METRIC_PROCESS_MEMORY_USAGE,
    kind: 'up-down counter',
    unit: 'By',
    description: 'Physical memory of the process (resident set).',
    source: `${PROCESS_CONVENTION} (development)`,
    attributes: {},
    series: 1,
  },
  uptime: {
    name: semconv.METRIC_PROCESS_UPTIME,
    kind: 'gauge',
    unit: 's',
    description: 'Time since the process started.',
    source: `${PROCESS_CONVENTION} (development)`,
    attributes: {},
    series: 1,
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
    series: SIGNALS.length,
  },
  telemetryRestored: {
    name: 'rollcall.telemetry.restored',
    kind: 'counter',
    unit: '{item}',
    description: 'Items that an earlier process left on disk and this one took over to send.',
    source: 'this service',
    attributes: { signal },
    series: SIGNALS.length,
  },
  telemetryResent: {
    name: 'rollcall.telemetry.resent',
    kind: 'counter',
    unit: '{request}',
    description: 'Export requests that were sent again, because no acknowledgement came.',
    source: 'this service',
    attributes: { signal },
    series: SIGNALS.length,
  },
  telemetrySetAside: {
    name: 'rollcall.telemetry.set_aside',
    kind: 'counter',
    unit: '{item}',
    description: 'Items that the receiver will never take, kept on disk with the reason.',
    source: 'this service',
    attributes: { signal, [ATTR_ERROR_TYPE]: { values: SET_ASIDE_REASONS } },
    series: SIGNALS.length * SET_ASIDE_REASONS.length,
  },
  telemetryDropped: {
    name: 'rollcall.telemetry.dropped',
    kind: 'counter',
    unit: '{item}',
    description: 'Items that are lost, because a bound was reached or the disk could not take them.',
    leavesOut: 'what a killed process had not collected or not put on disk yet',
    source: 'this service',
    attributes: { signal, [ATTR_ERROR_TYPE]: { values: DROP_REASONS } },
    series: SIGNALS.length * DROP_REASONS.length,
  },
} as const satisfies Record<string, MetricDefinition>

function exported<const Name extends string, const Item extends string>(name: Name, item: Item) {
  return {
    name,
    kind: 'counter',
    unit: `{${item}}`,
    description:
      'Items whose export is over: acknowledged by the receiver, or set aside for the reason given.',
    source: `${SDK_CONVENTION} (development); there is one exporter a signal, so its own attributes are left out`,
    attributes: {
      [ATTR_ERROR_TYPE]: { values: SET_ASIDE_REASONS, missing: 'missing where the receiver acknowledged' },
    },
    series: SET_ASIDE_REASONS.length + 1,
  } as const
}

function inflight<const Name extends string, const Item extends string>(name: Name, item: Item) {
  return {
    name,
    kind: 'up-down counter',
    unit: `{${item}}`,
    description: 'Items that wait for an acknowledgement, in memory or on disk.',
    source: `${SDK_CONVENTION} (development)`,
    attributes: {},
    series: 1,
  } as const
}

function eventLoopDelay<const Name extends string>(name: Name, which: string) {
  return {
    name,
    kind: 'gauge',
    unit: 's',
    description: `${which} delay of the event loop within the interval.`,
    clock: 'how much later than planned a timer fires, sampled every 20 ms',
    source: `${NODE_CONVENTION} (development)`,
    attributes: {},
    series: 1,
  } as const
}

/**
 * Each route answers with its statuses or, before the header fields are sent, with none. Each may be cut off, and
 * without a status it always is. Unmatched requests may have any method.
 */
function requestSeries(shape: ServiceShape): number {
  const outcomes = (statuses: number) => statuses * (1 + CUT_OFF.length) + CUT_OFF.length
  const routed = shape.routes.reduce((sum, route) => sum + outcomes(route.statuses), 0)
  const unmatched = (METHODS.length + 1) * outcomes(UNMATCHED_STATUSES)
  return SCHEMES.length * (routed + unmatched)
}

/** 400, 404, 405, 413, 414, 415, 429, 500, 503 */
const UNMATCHED_STATUSES = 9
