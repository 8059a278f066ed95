/**
 * Names that the semantic conventions still call "development". `@opentelemetry/semantic-conventions` exports them
 * only from `/incubating`, which may change in any minor release, so they are copied here (v1.45.0,
 * https://github.com/open-telemetry/semantic-conventions). A name that becomes stable moves to an import.
 */

// docs/http/http-metrics.md; QUERY is draft-ietf-httpbis-safe-method-w-body
export const HTTP_REQUEST_METHOD_VALUE_QUERY = 'QUERY'
export const METRIC_HTTP_SERVER_ACTIVE_REQUESTS = 'http.server.active_requests'
