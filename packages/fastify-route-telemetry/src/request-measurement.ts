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
  /** Whether the caller's trace is continued, and not only linked to; without it, it is. */
  trustsCaller?: ((request: FastifyRequest) => boolean) | undefined
  /** A request that takes longer is logged as a warning. */
  slowRequestMs?: number | undefined
}

/** One request between its arrival and its end. */
export interface Measurement {
  readonly scope: RequestScope
  /** What the handler or a hook threw, for the span. */
  error: unknown
}

/** A request that has begun and not ended, as the connection that it came on knows it. */
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

    // Kept, because the response has let go of its socket by the time it closes.
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

  /** Behind a trusted proxy the scheme is what a header field says, and the framework throws on some of them. */
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
    // Replies and log lines carry a trace id even where nothing traces: it is how a report finds its line.
    traceId: traced ? ids.traceId : newTraceId(),
    spanId: traced ? ids.spanId : undefined,
    context: parent,
  }
  const scoped = scopedContext(parent, scope)
  scope.context = traced ? trace.setSpan(scoped, span) : scoped
  return scope
}

const idBytes = Buffer.allocUnsafe(16)

/** As the SDK makes them, which need not be there. */
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
  // A hijacked response may carry any number: outside of HTTP's range it would be an unbounded tag.
  const status = headersSent && statusCode >= 100 && statusCode <= 599 ? statusCode : undefined
  return { status, cutOff: finished ? undefined : cutOffBy(request, socket) }
}

/**
 * Only the socket tells a client that left from a response that this side broke off: a client's FIN ends its
 * readable half, a reset or garbage is its error. Any other error, or none, is what this side destroyed it with.
 */
function cutOffBy(request: FastifyRequest, socket: Socket | undefined): CutOff {
  const code = (socket?.errored as { code?: string } | null | undefined)?.code
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'timeout'
  // An injected request has no real socket, and nobody but the caller who breaks it off.
  if (socket?.readableEnded !== false || (code !== undefined && CLIENT_LEFT.test(code))) return 'aborted'
  return request.raw.complete ? 'response_failed' : 'timeout'
}

const CLIENT_LEFT = /^(ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|HPE_.*)$/
