import {
  ATTR_ERROR_TYPE,
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
  ATTR_HTTP_ROUTE,
  ATTR_URL_SCHEME,
} from '@opentelemetry/semantic-conventions'
import { CUT_OFF, METHODS, NO_PAGE, OTHER_METHOD, SCHEMES } from './attribute-values.ts'
import type { SeriesAttributes, ServiceShape } from './metric-definition.ts'

/**
 * Every series of `http.server.request.duration` that a service with these routes can make: the worst case.
 * `unmatchedStatuses` are the statuses of requests that match no route.
 */
export function* requestSeries(
  { routes }: ServiceShape,
  unmatchedStatuses: readonly number[],
): Iterable<SeriesAttributes> {
  const unmatched = [...METHODS, OTHER_METHOD].map((name) => ({ name, url: undefined, page: NO_PAGE }))
  for (const urlScheme of SCHEMES) {
    for (const { name, ...target } of unmatched)
      for (const outcome of outcomes(unmatchedStatuses)) yield request(name, urlScheme, target, outcome)
    for (const { method: name, url, page: ofRoute, statuses } of routes)
      for (const outcome of outcomes(statuses))
        yield request(name, urlScheme, { url, page: ofRoute === false ? NO_PAGE : ofRoute }, outcome)
  }
}

/** Every status, complete or cut off, and a request that was cut off before its status. */
function* outcomes(statuses: readonly number[]): Iterable<SeriesAttributes> {
  for (const error of CUT_OFF) yield { [ATTR_ERROR_TYPE]: error }
  for (const status of statuses) {
    const answered = { [ATTR_HTTP_RESPONSE_STATUS_CODE]: status }
    yield status >= 500 ? { ...answered, [ATTR_ERROR_TYPE]: String(status) } : answered
    for (const error of CUT_OFF) yield { ...answered, [ATTR_ERROR_TYPE]: error }
  }
}

function request(
  methodName: string,
  urlScheme: string,
  target: { url: string | undefined; page: string },
  outcome: SeriesAttributes,
): SeriesAttributes {
  return {
    [ATTR_HTTP_REQUEST_METHOD]: methodName,
    [ATTR_URL_SCHEME]: urlScheme,
    ...(target.url !== undefined && { [ATTR_HTTP_ROUTE]: target.url }),
    ...outcome,
    page: target.page,
  }
}
