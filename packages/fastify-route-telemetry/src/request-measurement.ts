import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import {
  type Context,
  context,
  defaultTextMapGetter,
  INVALID_SPAN_CONTEXT,
  INVALID_TRACEID,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  type TextMapPropagator,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type CutOff, methodTag, schemeTag } from './attribute-values.ts'
import type { RequestInstruments } from './instruments.ts'
import { ActiveRequests, type Outcome, type RouteRecorders } from './request-recorders.ts'
import { LOGGER_SCOPE, type RequestScope, scopedContext } from './request-scope.ts'
import { describeRequest, endServerSpan, linkToCaller, serverSpanName } from './request-span.ts'

export interface RequestMeasurerOptions {
  instruments: RequestInstruments
  tracer: Tracer
  /** Reads the caller's trace context from the header fields. */
  propagator: Pick<TextMapPropagator, 'extract'>
  /** Whether the caller's trace is continued, and not only linked to. Default: continued. */
  trustsCaller?: ((request: FastifyRequest) => boolean) | undefined
  /** A request that takes longer is logged as a warning. */
  slowRequestMs?: number | undefined
}

/** One request between its arrival and its end. */
export interface Measurement {
  readonly scope: RequestScope
  /** The error that the handler or a hook threw, for the span. */
  error: unknown
}

/** A request that has begun and not ended, found by its connection. */
export interface OpenRequest {
  readonly traceId: string
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

const OPEN_REQUEST = Symbol('open request')
type MeasuredSocket = Socket & { [OPEN_REQUEST]?: OpenRequest | undefined }

/** Follows requests from arrival to the end of their response. Nothing in here throws into a request. */
export class RequestMeasurer {
  readonly #options: RequestMeasurerOptions
  readonly #active: ActiveRequests
  #open = 0
  readonly #awaitingIdle = new Set<() => void>()

  constructor(options: RequestMeasurerOptions) {
    this.#options = options
    this.#active = new ActiveRequests(options.instruments)
  }

  begin(request: FastifyRequest, reply: FastifyReply, route: RouteRecorders): Measurement {
    const startedAtMs = performance.now()
    const method = methodTag(request.raw.method ?? '')
    const scheme = this.#schemeOf(request)
    const { span, parent } = this.#startSpan(request, method, scheme, route.url, startedAtMs)
    const measurement: Measurement = { scope: scopeOf(route.page, span, parent), error: undefined }
    attachToLogger(request, measurement.scope)
    route.arrived()
    const active = this.#active.of(method, scheme)
    active.add(1)
    this.#open += 1

    // Kept here, because a response has no socket any more when it closes.
    const socket: MeasuredSocket | undefined = request.raw.socket
    const open = { traceId: measurement.scope.traceId, request: request.raw, response: reply.raw }
    if (socket) socket[OPEN_REQUEST] = open
    let finished = false
    let ended = false
    reply.raw.on('finish', () => {
      finished = true
    })
    reply.raw.on('close', () => {
      if (ended) return
      ended = true
      const endedAtMs = performance.now()
      active.add(-1)
      if (socket?.[OPEN_REQUEST] === open) socket[OPEN_REQUEST] = undefined
      try {
        const outcome = outcomeOf(request, reply, finished, socket)
        route.ended(method, scheme, outcome, (endedAtMs - startedAtMs) / 1000)
        endServerSpan(span, outcome, measurement.error, endedAtMs)
        this.#logSlow(request, route, method, outcome, endedAtMs - startedAtMs)
      } catch (error) {
        this.#options.instruments.fault(error)
      }
      this.#open -= 1
      if (this.#open === 0) for (const resolve of this.#awaitingIdle) resolve()
    })
    return measurement
  }

  openOn(socket: MeasuredSocket): OpenRequest | undefined {
    return socket[OPEN_REQUEST]
  }

  /** Resolves when every request that began has ended, or after `timeoutMs`. */
  async idle(timeoutMs: number): Promise<void> {
    if (this.#open === 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, timeoutMs)
    this.#awaitingIdle.add(resolve)
    await promise
    this.#awaitingIdle.delete(resolve)
    clearTimeout(timer)
  }

  /** Behind a trusted proxy the scheme comes from a header field, and the framework throws on some values. */
  #schemeOf(request: FastifyRequest): 'http' | 'https' {
    try {
      return schemeTag(request.protocol)
    } catch {
      return 'http'
    }
  }

  #startSpan(
    request: FastifyRequest,
    method: string,
    scheme: string,
    route: string | undefined,
    startTime: number,
  ): { span: Span; parent: Context } {
    let parent = context.active()
    let span = NO_SPAN
    try {
      const { propagator, tracer, trustsCaller } = this.#options
      const { headers } = request.raw
      const continues = trustsCaller?.(request) !== false
      if (continues) parent = propagator.extract(parent, headers, defaultTextMapGetter)
      const options = { kind: SpanKind.SERVER, startTime }
      span = tracer.startSpan(serverSpanName(method, route), options, parent)
      if (span.isRecording()) {
        describeRequest(span, request, method, scheme, route)
        if (!continues) linkToCaller(span, propagator.extract(ROOT_CONTEXT, headers, defaultTextMapGetter))
      }
    } catch (error) {
      this.#options.instruments.fault(error)
    }
    return { span, parent }
  }

  #logSlow(
    request: FastifyRequest,
    route: RouteRecorders,
    method: string,
    outcome: Outcome,
    durationMs: number,
  ) {
    const { slowRequestMs } = this.#options
    if (slowRequestMs === undefined || durationMs <= slowRequestMs) return
    request.log.warn(
      { durationMs: Math.round(durationMs), method, route: route.url, page: route.page, ...outcome },
      'slow request',
    )
  }
}

const NO_SPAN = trace.wrapSpanContext(INVALID_SPAN_CONTEXT)

function scopeOf(page: string, span: Span, parent: Context): RequestScope {
  const ids = span.spanContext()
  const traced = ids.traceId !== INVALID_TRACEID
  const scope = {
    page,
    // Replies and log lines have a trace id also without tracing: a report finds its log line by it.
    traceId: traced ? ids.traceId : newTraceId(),
    spanId: traced ? ids.spanId : undefined,
    context: parent,
    queries: 0,
    queryMs: 0,
  }
  const scoped = scopedContext(parent, scope)
  scope.context = traced ? trace.setSpan(scoped, span) : scoped
  return scope
}

const idBytes = Buffer.allocUnsafe(16)

/** The same form as the SDK's ids. The SDK may be missing. */
export function newTraceId(): string {
  for (let offset = 0; offset < 16; offset += 4)
    idBytes.writeUInt32BE((Math.random() * 2 ** 32) >>> 0, offset)
  return idBytes.toString('hex')
}

function attachToLogger(request: FastifyRequest, scope: RequestScope): void {
  // Without a logger, all requests share the application's: it must not hold on to one of them.
  if (request.log === request.server.log) return
  const log: object & { [LOGGER_SCOPE]?: RequestScope } = request.log
  log[LOGGER_SCOPE] = scope
}

function outcomeOf(
  request: FastifyRequest,
  reply: FastifyReply,
  finished: boolean,
  socket: Socket | undefined,
): Outcome {
  const { headersSent, statusCode } = reply.raw
  // A hijacked response may have any number. Outside of HTTP's range it would be an unbounded tag.
  const status = headersSent && statusCode >= 100 && statusCode <= 599 ? statusCode : undefined
  return { status, cutOff: finished ? undefined : cutOffBy(request, socket) }
}

/**
 * The socket alone shows whether the client left or this side broke the response off. A client's FIN ends the socket's
 * readable half, and a reset or garbage is its error. In all other cases this side destroyed the socket.
 */
function cutOffBy(request: FastifyRequest, socket: Socket | undefined): CutOff {
  const code = (socket?.errored as { code?: string } | null | undefined)?.code
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'timeout'
  // An injected request has no real socket, and only its caller can break it off.
  if (socket?.readableEnded !== false || (code !== undefined && CLIENT_LEFT.test(code))) return 'aborted'
  return request.raw.complete ? 'response_failed' : 'timeout'
}

const CLIENT_LEFT = /^(ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|HPE_.*)$/
