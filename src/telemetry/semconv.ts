/**
 * Names that the semantic conventions still call "development". `@opentelemetry/semantic-conventions` exports them
 * only from `/incubating`, which may change in any minor release, so they are copied here (v1.45.0,
 * https://github.com/open-telemetry/semantic-conventions). A name that becomes stable moves to an import.
 */

// docs/db/database-metrics.md, docs/db/sqlite
export const ATTR_DB_CLIENT_CONNECTION_POOL_NAME = 'db.client.connection.pool.name'
export const DB_SYSTEM_NAME_VALUE_SQLITE = 'sqlite'
export const METRIC_DB_CLIENT_CONNECTION_WAIT_TIME = 'db.client.connection.wait_time'

// docs/otel/sdk-metrics.md
export const METRIC_OTEL_SDK_EXPORTER_LOG_EXPORTED = 'otel.sdk.exporter.log.exported'
export const METRIC_OTEL_SDK_EXPORTER_LOG_INFLIGHT = 'otel.sdk.exporter.log.inflight'
export const METRIC_OTEL_SDK_EXPORTER_METRIC_DATA_POINT_EXPORTED =
  'otel.sdk.exporter.metric_data_point.exported'
export const METRIC_OTEL_SDK_EXPORTER_METRIC_DATA_POINT_INFLIGHT =
  'otel.sdk.exporter.metric_data_point.inflight'
export const METRIC_OTEL_SDK_EXPORTER_SPAN_EXPORTED = 'otel.sdk.exporter.span.exported'
export const METRIC_OTEL_SDK_EXPORTER_SPAN_INFLIGHT = 'otel.sdk.exporter.span.inflight'

// docs/resource/host.md
export const ATTR_HOST_NAME = 'host.name'

// docs/runtime/nodejs-metrics.md
export const ATTR_NODEJS_EVENTLOOP_STATE = 'nodejs.eventloop.state'
export const METRIC_NODEJS_EVENTLOOP_DELAY_MIN = 'nodejs.eventloop.delay.min'
export const METRIC_NODEJS_EVENTLOOP_DELAY_MAX = 'nodejs.eventloop.delay.max'
export const METRIC_NODEJS_EVENTLOOP_DELAY_MEAN = 'nodejs.eventloop.delay.mean'
export const METRIC_NODEJS_EVENTLOOP_DELAY_STDDEV = 'nodejs.eventloop.delay.stddev'
export const METRIC_NODEJS_EVENTLOOP_DELAY_P50 = 'nodejs.eventloop.delay.p50'
export const METRIC_NODEJS_EVENTLOOP_DELAY_P90 = 'nodejs.eventloop.delay.p90'
export const METRIC_NODEJS_EVENTLOOP_DELAY_P99 = 'nodejs.eventloop.delay.p99'
export const METRIC_NODEJS_EVENTLOOP_TIME = 'nodejs.eventloop.time'
export const METRIC_NODEJS_EVENTLOOP_UTILIZATION = 'nodejs.eventloop.utilization'

// docs/runtime/v8js-metrics.md
export const ATTR_V8JS_GC_TYPE = 'v8js.gc.type'
export const ATTR_V8JS_HEAP_SPACE_NAME = 'v8js.heap.space.name'
export const METRIC_V8JS_GC_DURATION = 'v8js.gc.duration'
export const METRIC_V8JS_MEMORY_HEAP_SPACE_SIZE = 'v8js.memory.heap.space.size'
export const METRIC_V8JS_MEMORY_HEAP_USED = 'v8js.memory.heap.used'

// docs/system/process-metrics.md
export const ATTR_CPU_MODE = 'cpu.mode'
export const METRIC_PROCESS_CPU_TIME = 'process.cpu.time'
export const METRIC_PROCESS_MEMORY_USAGE = 'process.memory.usage'
export const METRIC_PROCESS_UPTIME = 'process.uptime'
