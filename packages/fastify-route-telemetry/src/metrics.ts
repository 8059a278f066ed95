import {
  ATTR_ERROR_TYPE,
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
  ATTR_HTTP_ROUTE,
  ATTR_URL_SCHEME,
  METRIC_HTTP_SERVER_REQUEST_DURATION,
} from '@opentelemetry/semantic-conventions'
import { CUT_OFF, METHODS, OTHER_METHOD, SCHEMES } from './attribute-values.ts'
import type { AttributeDefinition, MetricDefinition } from './metric-definition.ts'
import { METRIC_HTTP_SERVER_ACTIVE_REQUESTS } from './semconv.ts'

const HTTP_CONVENTION = 'semantic conventions, docs/http/http-metrics.md'

/** Bounds that the conventions advise for durations in seconds. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]

const NO_VIEW = 'redirects of a page with forms, such as the one after a post; errors, aborts and HEAD count'

const page: AttributeDefinition = { boundedBy: 'the pages of the routes' }
const method: AttributeDefinition = { values: [...METHODS, OTHER_METHOD] }
const scheme: AttributeDefinition = { values: SCHEMES }

const httpRoute: AttributeDefinition = {
  boundedBy: 'the routes of the service',
  form: /^\//,
  missing: 'http.route is missing if no route matched: a path never becomes a tag',
}
const statusCode: AttributeDefinition = {
  boundedBy: 'the statuses of a route, within 100 to 599',
  form: /^[1-5]\d\d$/,
  type: 'number',
  missing: 'missing if no header fields were sent',
}
const requestError: AttributeDefinition = {
  boundedBy: `the status as text from 500 on; ${CUT_OFF.join(', ')} if the response is not complete`,
  form: new RegExp(`^(5\\d\\d|${CUT_OFF.join('|')})$`),
  missing: 'missing if nothing failed',
}

/** Every metric of the plugin. A service with a closed set of pages may give it. */
export const REQUEST_METRICS = {
  pageViews: {
    name: 'web.page_views',
    kind: 'counter',
    unit: '{view}',
    description:
      'Requests that matched a route with a page, counted when they arrive; to a page with forms, when they end.',
    leavesOut: NO_VIEW,
    source: 'this package',
    attributes: { page },
  },
  pageViewsTotal: {
    name: 'web.page_views_total',
    kind: 'counter',
    unit: '{view}',
    description: 'The sum of web.page_views over all pages, always equal to it.',
    leavesOut: NO_VIEW,
    source: 'this package',
    attributes: {},
  },
  requestDuration: {
    name: METRIC_HTTP_SERVER_REQUEST_DURATION,
    kind: 'histogram',
    unit: 's',
    description: 'Time of each HTTP request.',
    clock:
      'starts when its header fields are read, stops when the response is handed over or the connection ends',
    leavesOut: 'bytes that are not HTTP: the parser refuses them, and they never become a request',
    source: `${HTTP_CONVENTION} (stable); page is ours`,
    attributes: {
      [ATTR_HTTP_REQUEST_METHOD]: method,
      [ATTR_URL_SCHEME]: scheme,
      [ATTR_HTTP_ROUTE]: httpRoute,
      [ATTR_HTTP_RESPONSE_STATUS_CODE]: statusCode,
      [ATTR_ERROR_TYPE]: requestError,
      page,
    },
    boundaries: SECONDS,
  },
  activeRequests: {
    name: METRIC_HTTP_SERVER_ACTIVE_REQUESTS,
    kind: 'up-down counter',
    unit: '{request}',
    description: 'HTTP requests that have begun and not ended.',
    source: `${HTTP_CONVENTION} (development)`,
    attributes: { [ATTR_HTTP_REQUEST_METHOD]: method, [ATTR_URL_SCHEME]: scheme },
  },
} as const satisfies Record<string, MetricDefinition>
