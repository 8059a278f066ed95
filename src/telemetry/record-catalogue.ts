import {
  ATTR_CLIENT_ADDRESS,
  ATTR_DB_QUERY_TEXT,
  ATTR_DB_SYSTEM_NAME,
  ATTR_DEPLOYMENT_ENVIRONMENT_NAME,
  ATTR_ERROR_TYPE,
  ATTR_EXCEPTION_MESSAGE,
  ATTR_EXCEPTION_STACKTRACE,
  ATTR_EXCEPTION_TYPE,
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_REQUEST_METHOD_ORIGINAL,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
  ATTR_HTTP_ROUTE,
  ATTR_NETWORK_PROTOCOL_VERSION,
  ATTR_SERVER_ADDRESS,
  ATTR_SERVER_PORT,
  ATTR_SERVICE_INSTANCE_ID,
  ATTR_SERVICE_NAME,
  ATTR_SERVICE_VERSION,
  ATTR_TELEMETRY_SDK_LANGUAGE,
  ATTR_TELEMETRY_SDK_NAME,
  ATTR_TELEMETRY_SDK_VERSION,
  ATTR_URL_PATH,
  ATTR_URL_SCHEME,
  ATTR_USER_AGENT_ORIGINAL,
} from '@opentelemetry/semantic-conventions'
import { SIGNALS } from '@rollcall/durable-otlp-exporter'
import { type AttributeDefinition, CUT_OFF, NO_PAGE } from '@rollcall/fastify-route-telemetry'
import { METRICS, queryError, statementNames } from './catalogue.ts'
import { PAGES } from './pages.ts'
import { ATTR_HOST_NAME, DB_SYSTEM_NAME_VALUE_SQLITE } from './semconv.ts'

/**
 * The attributes of spans, log records and the resource, no more and no less. Unlike a metric's attributes these may
 * hold text from outside: they are stored one by one and make no series.
 */

export type Attributes = Readonly<Record<string, AttributeDefinition>>

export interface SpanDefinition {
  readonly kind: 'server' | 'client'
  /** In words, for the page. */
  readonly name: string
  /** Its start and its end. */
  readonly clock: string
  readonly source: string
  /** The spans of other traces that it may link to; without it, none. */
  readonly links?: string
  readonly attributes: Attributes
}

const {
  [ATTR_HTTP_REQUEST_METHOD]: method,
  [ATTR_URL_SCHEME]: scheme,
  [ATTR_HTTP_ROUTE]: httpRoute,
  [ATTR_HTTP_RESPONSE_STATUS_CODE]: statusCode,
  [ATTR_ERROR_TYPE]: requestError,
} = METRICS.requestDuration.attributes

const OUTSIDE = 'the client, cut after 256 characters'
const outside: AttributeDefinition = { boundedBy: OUTSIDE, form: /^.{0,256}$/s }

export const SPANS = {
  request: {
    kind: 'server',
    name: '`{http.request.method} {http.route}`, without the route if none matched; `HTTP` for a method of `_OTHER`',
    clock: 'as http.server.request.duration',
    source: 'semantic conventions, docs/http/http-spans.md (stable)',
    links:
      'the span of a caller that is not in `TRUST_PROXY`: its ids and flags as it sent them; one at most',
    attributes: {
      [ATTR_HTTP_REQUEST_METHOD]: method,
      [ATTR_HTTP_REQUEST_METHOD_ORIGINAL]: { ...outside, missing: 'only if the method is `_OTHER`' },
      [ATTR_HTTP_ROUTE]: httpRoute,
      [ATTR_URL_PATH]: { boundedBy: `${OUTSIDE}, without the query`, form: /^[^?]{0,256}$/s },
      [ATTR_URL_SCHEME]: scheme,
      [ATTR_NETWORK_PROTOCOL_VERSION]: { values: ['1.0', '1.1', '2'] },
      [ATTR_CLIENT_ADDRESS]: { boundedBy: 'the connection, or a trusted proxy' },
      [ATTR_SERVER_ADDRESS]: { ...outside, missing: 'missing without Host' },
      [ATTR_SERVER_PORT]: {
        boundedBy: 'the client',
        form: /^\d{1,5}$/,
        type: 'number',
        missing: 'missing if Host has none',
      },
      [ATTR_USER_AGENT_ORIGINAL]: { ...outside, missing: 'missing without User-Agent' },
      [ATTR_HTTP_RESPONSE_STATUS_CODE]: statusCode,
      [ATTR_ERROR_TYPE]: requestError,
    },
  },
  query: {
    kind: 'client',
    name: '`db.query.summary`',
    clock: 'as db.client.operation.duration',
    source: 'semantic conventions, docs/db/database-spans.md (stable)',
    attributes: {
      [ATTR_DB_SYSTEM_NAME]: { values: [DB_SYSTEM_NAME_VALUE_SQLITE] },
      ...statementNames,
      [ATTR_DB_QUERY_TEXT]: { boundedBy: 'the statements of the service: parameterised, never with a value' },
      [ATTR_ERROR_TYPE]: queryError,
    },
  },
} as const satisfies Record<string, SpanDefinition>

const exception = {
  [ATTR_EXCEPTION_TYPE]: { boundedBy: 'the name of the error' },
  [ATTR_EXCEPTION_MESSAGE]: { boundedBy: 'the error' },
  [ATTR_EXCEPTION_STACKTRACE]: { boundedBy: 'the error', missing: 'missing if it has none' },
} as const satisfies Attributes

/** Events of spans, by name. */
export const SPAN_EVENTS = { exception } as const satisfies Record<string, Attributes>

const sometimes = 'if it applies'
const count = { form: /^\d+$/, type: 'number', missing: sometimes } as const

/** Fields of warnings and errors, which are log records as well as lines on standard output. */
export const LOG_ATTRIBUTES = {
  check: { boundedBy: 'the checks of the service', missing: sometimes },
  cutOff: { values: CUT_OFF, missing: sometimes },
  detail: { boundedBy: 'the problem in the reply', missing: sometimes },
  directory: { boundedBy: 'TELEMETRY_DIR', missing: sometimes },
  durationMs: { boundedBy: 'the duration of a slow request', ...count },
  error: { boundedBy: 'the error of an export', missing: sometimes },
  instanceId: { boundedBy: '`service.instance.id`', missing: sometimes },
  items: { boundedBy: 'the number of new dead letters', ...count },
  method: { ...method, missing: sometimes },
  page: { values: [...PAGES, NO_PAGE], missing: sometimes },
  problem: { boundedBy: 'the types of problems', form: /^[a-z-]+$/, missing: sometimes },
  route: { ...httpRoute, missing: sometimes },
  signal: { values: SIGNALS, missing: sometimes },
  status: { ...statusCode, missing: sometimes },
  [ATTR_EXCEPTION_TYPE]: { ...exception[ATTR_EXCEPTION_TYPE], missing: sometimes },
  [ATTR_EXCEPTION_MESSAGE]: { ...exception[ATTR_EXCEPTION_MESSAGE], missing: sometimes },
  [ATTR_EXCEPTION_STACKTRACE]: { ...exception[ATTR_EXCEPTION_STACKTRACE], missing: sometimes },
} as const satisfies Attributes

/** The log records that administrators send, beside warnings and errors. */
export const EVENT_NAME = 'rollcall.event'

/** Attributes of log records of that name. */
export const EVENT_ATTRIBUTES = {
  title: { boundedBy: 'the administrator, 100 characters at most' },
  tags: {
    boundedBy: 'the administrator: 20 tags at most, separated by commas',
    missing: 'missing if the event has none',
  },
} as const satisfies Attributes

/** Attributes of all telemetry of a process; OTEL_RESOURCE_ATTRIBUTES may add to them. */
export const RESOURCE_ATTRIBUTES = {
  [ATTR_SERVICE_NAME]: { boundedBy: 'OTEL_SERVICE_NAME; `rollcall`' },
  [ATTR_SERVICE_VERSION]: { boundedBy: 'package.json' },
  [ATTR_SERVICE_INSTANCE_ID]: {
    boundedBy:
      'OTEL_RESOURCE_ATTRIBUTES, INSTANCE_ID or its address and port, with `/` and the slot of a worker; one for each live process',
  },
  [ATTR_DEPLOYMENT_ENVIRONMENT_NAME]: { boundedBy: 'OTEL_RESOURCE_ATTRIBUTES; `development`' },
  [ATTR_HOST_NAME]: { boundedBy: 'the machine' },
  support: { boundedBy: 'SUPPORT_TAG' },
  [ATTR_TELEMETRY_SDK_NAME]: { values: ['opentelemetry'] },
  [ATTR_TELEMETRY_SDK_LANGUAGE]: { values: ['nodejs'] },
  [ATTR_TELEMETRY_SDK_VERSION]: { boundedBy: 'package-lock.json' },
} as const satisfies Attributes
