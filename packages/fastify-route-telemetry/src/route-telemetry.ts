import type { Socket } from 'node:net'
import {
  context,
  diag,
  type MeterProvider,
  metrics,
  propagation,
  type TextMapPropagator,
  type Tracer,
  type TracerProvider,
  trace,
} from '@opentelemetry/api'
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import type { RequestInstruments } from './instruments.ts'
import { MeterInstruments } from './meter-instruments.ts'
import type { RouteShape } from './metric-definition.ts'
import { type Measurement, newTraceId, type OpenRequest, RequestMeasurer } from './request-measurement.ts'
import { RouteRecorders, type Views } from './request-recorders.ts'
import type { RequestScope } from './request-scope.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The page of a route, a tag of its measurements; `false` for none. */
    page?: string | false
    /**
     * The requests that are views of the page. `arrival`, the default: every one, when it arrives. `shown`, for pages
     * with forms: every one that ends without a redirect.
     */
    views?: Views
    /** The statuses of its answers, if no response schema has them. */
    statuses?: readonly number[]
  }
  interface FastifyRequest {
    /** Trace id of the request, 32 hexadecimal digits: always there, sampled or not. */
    traceId: string
    [MEASUREMENT]: Measurement | null
  }
  interface FastifyInstance {
    /**
     * Measures a request that reaches no hook, as an unmatched one. Call it first in `frameworkErrors`, which gets
     * malformed URLs. Sets `request.traceId`.
     */
    measureUnrouted(request: FastifyRequest, reply: FastifyReply): void
    /** Resolves when every request that began has ended, or after `timeoutMs`. */
    requestsEnded(timeoutMs: number): Promise<void>
    /** The open request of a connection, if there is one. */
    openRequestOn(socket: Socket): OpenRequest | undefined
    /** Every route with its methods, page and statuses: the number of series comes from them. */
    routeShapes(): RouteShape[]
  }
}

export interface RouteTelemetryOptions {
  /** Counts and times requests. Default: the globally registered one. */
  meterProvider?: MeterProvider
  /** Traces requests. Default: the globally registered one. */
  tracerProvider?: TracerProvider
  /** In place of the meter provider: for a service that records without the SDK. */
  instruments?: RequestInstruments
  /** In place of the tracer provider: for spans in another scope. */
  tracer?: Tracer
  /** Reads the caller's trace context. Default: the globally registered one. */
  propagator?: Pick<TextMapPropagator, 'extract'>
  /**
   * Whether the caller's trace is continued, with its sampling decision and weight. Default: always. For other callers a
   * new trace begins, and its span links to the caller's.
   */
  trustsCaller?: (request: FastifyRequest) => boolean
  /**
   * The closed set of pages: every route declares one of them, or `false`. Default: a route may declare any page, or
   * none.
   */
  pages?: readonly string[]
  /** A request that takes longer is logged as a warning. Default: no request is. */
  slowRequestMs?: number
}

const MEASUREMENT = Symbol('measurement')
const SCOPE = '@rollcall/fastify-route-telemetry'

/**
 * Counts, times and traces every request of an application, tagged by its route. Register it first and await it: then
 * its hooks come before all others, and it sees every route. With `pages`, a route that declares none of them stops the
 * start. REQUEST_METRICS are its metrics.
 */
export const routeTelemetry = fp(
  async (app: FastifyInstance, options: RouteTelemetryOptions) => {
    const { meterProvider = metrics.getMeterProvider(), tracerProvider = trace.getTracerProvider() } = options
    const {
      instruments = new MeterInstruments(meterProvider.getMeter(SCOPE), reportFault),
      tracer = tracerProvider.getTracer(SCOPE),
      pages,
    } = options
    const measurer = new RequestMeasurer({ propagator: propagation, ...options, instruments, tracer })
    const unmatched = new RouteRecorders(instruments, undefined, false)
    // By the router's own object: a route's page may still change until the application is ready.
    const recorders = new WeakMap<object, RouteRecorders>()
    /** Each with its URL: the framework overwrites the URL when it adds the same route with a slash at the end. */
    const routes: { route: RouteOptions; url: string }[] = []

    function recordersOf(request: FastifyRequest): RouteRecorders {
      if (request.is404) return unmatched
      const { config, url } = request.routeOptions
      let found = recorders.get(config)
      if (!found) {
        found = new RouteRecorders(instruments, url, isPage(config.page) ? config.page : false, config.views)
        recorders.set(config, found)
      }
      return found
    }

    function isPage(page: string | false | undefined): page is string {
      return typeof page === 'string' && (pages?.includes(page) ?? true)
    }

    // Hooks come too late for earlier routes, and onRoute has missed them.
    if (!app.printRoutes().startsWith('(empty tree)'))
      throw new Error('Register routeTelemetry before any route, and await it.')

    app.decorateRequest('traceId', '')
    app.decorateRequest(MEASUREMENT, null)
    app.decorate('routeShapes', () => routes.flatMap(({ route, url }) => shapesOf(route, url)))
    app.decorate('measureUnrouted', function measureUnrouted(request: FastifyRequest, reply: FastifyReply) {
      begin(request, reply)
    })

    function begin(request: FastifyRequest, reply: FastifyReply): RequestScope | undefined {
      try {
        const measurement = measurer.begin(request, reply, recordersOf(request))
        request[MEASUREMENT] = measurement
        request.traceId = measurement.scope.traceId
        return measurement.scope
      } catch (error) {
        request.traceId = newTraceId()
        instruments.fault(error)
        return undefined
      }
    }

    app.decorate('requestsEnded', (timeoutMs: number) => measurer.idle(timeoutMs))
    app.decorate('openRequestOn', (socket: Socket) => measurer.openOn(socket))

    app.addHook('onRoute', function rememberRoute(route) {
      routes.push({ route, url: route.url })
    })

    app.addHook('onReady', async function refuseRoutesWithoutPage() {
      if (!pages) return
      const stray = routes.find(
        ({ route: { config } }) => config?.page !== false && !isPage(config?.page),
      )?.route
      if (stray)
        throw new Error(
          `Route ${[stray.method].flat().join(', ')} ${stray.url} declares ${describePage(stray.config?.page)}; ` +
            `set its config.page to one of ${pages.join(', ')}, or to false.`,
        )
    })

    app.addHook('onRequest', function beginMeasurement(request, reply, done) {
      const scope = begin(request, reply)
      if (scope) context.with(scope.context, done)
      else done()
    })

    // The framework keeps the context over its own body parsers, but a preParsing hook that waits for the stream goes
    // on from an event of the socket, which belongs to no request.
    app.addHook('preValidation', function reenterContext(request, _reply, done) {
      const scope = request[MEASUREMENT]?.scope
      if (scope && context.active() !== scope.context) context.with(scope.context, done)
      else done()
    })

    // A server is closed a moment before its last connections close. Without the wait the last export would lack the
    // requests that were aborted then.
    app.addHook('onClose', async function awaitLastRequests() {
      await measurer.idle(LAST_REQUESTS_MS)
    })

    app.addHook('onError', function rememberError(request, _reply, error, done) {
      const measurement = request[MEASUREMENT]
      if (measurement) measurement.error = error
      done()
    })
  },
  { name: 'route-telemetry', fastify: '5.x' },
)

/** The scope of a request, also where the asynchronous context is lost. */
export function scopeOf(request: FastifyRequest): RequestScope | undefined {
  return request[MEASUREMENT]?.scope
}

/** Only a connection that a handler took over, such as a WebSocket, is still open then. */
const LAST_REQUESTS_MS = 500

/** `diag` says nothing unless the application gives it a logger. */
function reportFault(error: unknown): void {
  diag.error(`${SCOPE}: a measurement failed; its request went on`, error)
}

function describePage(page: string | false | undefined): string {
  return page === undefined ? 'no page' : `an unknown page "${page}"`
}

function shapesOf(route: RouteOptions, url: string): RouteShape[] {
  const responses = (route.schema as { response?: object } | undefined)?.response ?? {}
  const statuses = new Set([...Object.keys(responses).map(Number), ...(route.config?.statuses ?? [])])
  const page = route.config?.page ?? false
  return [route.method].flat().map((method) => ({ method, url, page, statuses: [...statuses].sort() }))
}
