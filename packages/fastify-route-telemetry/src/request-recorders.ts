import {
  ATTR_ERROR_TYPE,
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
  ATTR_HTTP_ROUTE,
  ATTR_URL_SCHEME,
} from '@opentelemetry/semantic-conventions'
import { CUT_OFF, type CutOff, METHODS, NO_PAGE, SCHEMES } from './attribute-values.ts'
import type { Counter, Recorder, RequestInstruments } from './instruments.ts'
import { REQUEST_METRICS } from './metrics.ts'

/** The end of a request: its status if header fields were sent, and the reason if it was cut off. */
export interface Outcome {
  readonly status: number | undefined
  readonly cutOff: CutOff | undefined
}

/** `error.type` of a request. Never a message or an exception's name: input from outside may choose them. */
export function errorTypeOf(outcome: Outcome): string | undefined {
  if (outcome.cutOff !== undefined) return outcome.cutOff
  return outcome.status !== undefined && outcome.status >= 500 ? String(outcome.status) : undefined
}

/** The moment at which a route's page view is counted: every request when it arrives, or at its end each page shown. */
export type Views = 'arrival' | 'shown'

/** The instruments of one route, bound at its first request. Unmatched requests share one set without a URL. */
export class RouteRecorders {
  readonly url: string | undefined
  readonly page: string
  readonly #instruments: RequestInstruments
  readonly #views: Counter | undefined
  readonly #viewsTotal: Counter | undefined
  readonly #countsShown: boolean
  readonly #durations = new Map<number, Recorder>()

  constructor(
    instruments: RequestInstruments,
    url: string | undefined,
    page: string | false,
    views: Views = 'arrival',
  ) {
    this.#instruments = instruments
    this.url = url
    this.page = page === false ? NO_PAGE : page
    this.#views = page === false ? undefined : instruments.counter(REQUEST_METRICS.pageViews, { page })
    this.#viewsTotal = page === false ? undefined : instruments.counter(REQUEST_METRICS.pageViewsTotal, {})
    this.#countsShown = views === 'shown'
  }

  arrived(): void {
    if (!this.#countsShown) this.#countView()
  }

  ended(method: string, scheme: string, outcome: Outcome, seconds: number): void {
    if (this.#countsShown && !isRedirect(outcome.status)) this.#countView()
    const key = outcomeKey(method, scheme, outcome)
    let duration = this.#durations.get(key)
    if (!duration) {
      duration = this.#bind(method, scheme, outcome)
      this.#durations.set(key, duration)
    }
    duration.record(seconds)
  }

  #countView(): void {
    this.#views?.add(1)
    this.#viewsTotal?.add(1)
  }

  #bind(method: string, scheme: string, outcome: Outcome): Recorder {
    const errorType = errorTypeOf(outcome)
    return this.#instruments.histogram(REQUEST_METRICS.requestDuration, {
      [ATTR_HTTP_REQUEST_METHOD]: method,
      [ATTR_URL_SCHEME]: scheme,
      ...(this.url !== undefined && { [ATTR_HTTP_ROUTE]: this.url }),
      ...(outcome.status !== undefined && { [ATTR_HTTP_RESPONSE_STATUS_CODE]: outcome.status }),
      ...(errorType !== undefined && { [ATTR_ERROR_TYPE]: errorType }),
      page: this.page,
    })
  }
}

/** A redirect shows no page, and the page that it leads to is a request of its own. After a 304 the page is shown. */
function isRedirect(status: number | undefined): boolean {
  return status !== undefined && status >= 300 && status < 400 && status !== 304
}

/** One integer for each combination, because a string or an array as key would be made anew for each request. */
function outcomeKey(method: string, scheme: string, outcome: Outcome): number {
  const cutOff = outcome.cutOff === undefined ? 0 : CUT_OFF.indexOf(outcome.cutOff) + 1
  return (
    ((methodIndex(method) * SCHEMES.length + (scheme === 'https' ? 1 : 0)) * 600 + (outcome.status ?? 0)) *
      (CUT_OFF.length + 1) +
    cutOff
  )
}

const methodIndexes = new Map<string, number>(METHODS.map((method, index) => [method, index + 1]))

function methodIndex(method: string): number {
  return methodIndexes.get(method) ?? 0
}

/** `http.server.active_requests`, bound for each method and scheme at its first request. */
export class ActiveRequests {
  readonly #instruments: RequestInstruments
  readonly #bound: Counter[] = []

  constructor(instruments: RequestInstruments) {
    this.#instruments = instruments
  }

  of(method: string, scheme: string): Counter {
    const index = methodIndex(method) * SCHEMES.length + (scheme === 'https' ? 1 : 0)
    let counter = this.#bound[index]
    if (!counter) {
      counter = this.#instruments.upDownCounter(REQUEST_METRICS.activeRequests, {
        [ATTR_HTTP_REQUEST_METHOD]: method,
        [ATTR_URL_SCHEME]: scheme,
      })
      this.#bound[index] = counter
    }
    return counter
  }
}
