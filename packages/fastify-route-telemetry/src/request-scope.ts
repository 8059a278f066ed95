import { type Context, context, createContextKey } from '@opentelemetry/api'

/** The facts about a request for the rest of its work: queries need the page, and log lines the ids. */
export interface RequestScope {
  readonly page: string
  readonly traceId: string
  /** Missing without a span: the trace id was then made for the reply alone. */
  readonly spanId: string | undefined
  /** Carries this scope, the server span and the baggage. */
  readonly context: Context
  /** The queries of the request so far, and their time. The application's database layer adds them up. */
  queries: number
  queryMs: number
}

const SCOPE = createContextKey('request scope')

export function scopedContext(parent: Context, scope: RequestScope): Context {
  return new LinkedContext(parent, SCOPE, scope)
}

/** A context with one value more. The API's own context copies a Map and makes three functions: 100 ns a value. */
class LinkedContext implements Context {
  readonly #parent: Context
  readonly #key: symbol
  readonly #value: unknown

  constructor(parent: Context, key: symbol, value: unknown) {
    this.#parent = parent
    this.#key = key
    this.#value = value
  }

  getValue(key: symbol): unknown {
    return key === this.#key ? this.#value : this.#parent.getValue(key)
  }

  setValue(key: symbol, value: unknown): Context {
    return new LinkedContext(this, key, value)
  }

  deleteValue(key: symbol): Context {
    return new LinkedContext(this, key, undefined)
  }
}

/** The request that the running code works for. */
export function findRequestScope(within: Context = context.active()): RequestScope | undefined {
  return within.getValue(SCOPE) as RequestScope | undefined
}

/**
 * Property of a request's own logger that holds its scope. The asynchronous context is lost where the framework
 * answers from a socket event (a body too large, a parser error), but those lines need the trace id most.
 */
export const LOGGER_SCOPE = Symbol('request scope')
