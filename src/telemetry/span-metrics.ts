import {
  ATTR_DB_QUERY_SUMMARY,
  ATTR_ERROR_TYPE,
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
  ATTR_HTTP_ROUTE,
} from '@opentelemetry/semantic-conventions'
import {
  type AttributeDefinition,
  type MetricDefinition,
  type SeriesAttributes,
  type ServiceShape,
  serverSpanName,
} from '@rollcall/fastify-route-telemetry'
import { METRICS } from './catalogue.ts'
import { seriesKey, seriesOf } from './series.ts'

const SERVER = 'SPAN_KIND_SERVER'
const CLIENT = 'SPAN_KIND_CLIENT'
const UNSET = 'STATUS_CODE_UNSET'
const ERROR = 'STATUS_CODE_ERROR'

const measured = METRICS.requestDuration.attributes
const ofRequests = 'missing if the span is a query'
const attributes: Record<string, AttributeDefinition> = {
  'service.name': { boundedBy: 'the resource' },
  'span.name': { boundedBy: 'the routes and the statements of the service' },
  'span.kind': { values: [SERVER, CLIENT] },
  'status.code': { values: [UNSET, ERROR] },
  [ATTR_HTTP_ROUTE]: { ...measured[ATTR_HTTP_ROUTE], missing: `${ofRequests}, or no route matched` },
  [ATTR_HTTP_REQUEST_METHOD]: { ...measured[ATTR_HTTP_REQUEST_METHOD], missing: ofRequests },
  [ATTR_HTTP_RESPONSE_STATUS_CODE]: {
    ...measured[ATTR_HTTP_RESPONSE_STATUS_CODE],
    missing: `${ofRequests}, or no header fields were sent`,
  },
}

const series = {
  formula:
    'one for each combination of method, route, status and failure of requests, and two for each statement, failed or not',
  all: spanSeries,
}
const source = 'span_metrics connector of the Collector, v0.155'

/** Metrics that the Collector makes of the spans (`span_metrics` in otel-collector.yaml). */
export const SPAN_METRICS = {
  calls: {
    name: 'traces.span.metrics.calls',
    kind: 'counter',
    unit: '',
    description: 'Spans, each weighed by the inverse of its sampling probability.',
    source,
    attributes,
    series,
  },
  duration: {
    name: 'traces.span.metrics.duration',
    kind: 'histogram',
    unit: 's',
    description: 'Durations of spans, weighed in the same way.',
    clock: 'that of the span',
    source,
    attributes,
    series,
  },
} as const satisfies Record<string, MetricDefinition>

/** A span stands for one measurement of a request or of a query, with fewer attributes. */
function* spanSeries(shape: ServiceShape): Iterable<SeriesAttributes> {
  const seen = new Set<string>()
  const spans = [
    ...Array.from(seriesOf(METRICS.requestDuration, shape), requestSpan),
    ...Array.from(seriesOf(METRICS.operationDuration, shape), querySpan),
  ]
  for (const span of spans) {
    const key = seriesKey(span)
    if (!seen.has(key)) yield span
    seen.add(key)
  }
}

function requestSpan(measured: SeriesAttributes): SeriesAttributes {
  const { [ATTR_HTTP_ROUTE]: route, [ATTR_HTTP_RESPONSE_STATUS_CODE]: status } = measured
  const verb = measured[ATTR_HTTP_REQUEST_METHOD] as string
  return {
    'service.name': 'rollcall',
    'span.name': serverSpanName(verb, route as string | undefined),
    'span.kind': SERVER,
    'status.code': ATTR_ERROR_TYPE in measured ? ERROR : UNSET,
    ...(route !== undefined && { [ATTR_HTTP_ROUTE]: route }),
    [ATTR_HTTP_REQUEST_METHOD]: verb,
    ...(status !== undefined && { [ATTR_HTTP_RESPONSE_STATUS_CODE]: status }),
  }
}

function querySpan(measured: SeriesAttributes): SeriesAttributes {
  return {
    'service.name': 'rollcall',
    'span.name': measured[ATTR_DB_QUERY_SUMMARY] as string,
    'span.kind': CLIENT,
    'status.code': ATTR_ERROR_TYPE in measured ? ERROR : UNSET,
  }
}
