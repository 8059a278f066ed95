import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  decodeRequest,
  type Encoding,
  type Requests,
  type Signal,
} from '../../../packages/otlp/src/decode.ts'
import {
  type EncodedResponse,
  exportResponse,
  failureResponse,
} from '../../../packages/otlp/src/export-response.ts'
import { DEFAULT_LIMITS, type OtlpLimits } from '../../../packages/otlp/src/limits.ts'
import type { LogsRequest, MetricsRequest, TraceRequest } from '../../../packages/otlp/src/model.ts'
import { OtlpError } from '../../../packages/otlp/src/otlp-error.ts'
import { encodingOf, readRequestBody } from '../../../packages/otlp/src/request-body.ts'
import { hostOf, pointTags, resourceTags } from '../../../packages/viewer/src/datadog-tags.ts'
import { type AgentContent, agentEndpoint, readAgentRequest } from './agent-api.ts'
import { answerControl } from './control.ts'
import { cumulativeComplaint, judgePoint } from './metric-rules.ts'
import { Misbehaving, type Misbehaviour } from './misbehaviour.ts'
import { ReceivedMetrics } from './received-metrics.ts'
import { IntakeRefusals } from './refusals.ts'

/** Paths of Datadog's OTLP intake as `otel-collector.yaml` uses them. */
const SIGNAL_OF_PATH = new Map<string, Signal>([
  ['/api/v2/otlpmetrics', 'metrics'],
  ['/v1/traces', 'traces'],
  ['/v1/logs', 'logs'],
])

/**
 * Of decompressed bodies, where not said otherwise (docs "Datadog OTLP Intake Endpoint", "Intake limits", and
 * "… Metrics Intake Endpoint", "413"). Those pages differ for metrics: 512 KiB of compressed body, or 500 KB of an
 * uncompressed and 5 MB of a decompressed one. All three hold here.
 */
const MAX_BYTES = { metrics: 5_000_000, traces: 15 * 1024 * 1024, logs: Math.floor(5.1 * 1024 * 1024) }
const MAX_SENT_METRICS = { plain: 500_000, compressed: 512 * 1024 }

/** Where the exporter asks whether its key is known: with GET, and the key in the header or in the query. */
const VALIDATE = '/api/v1/validate'

export interface IntakeOptions {
  /** 0 takes a free one. */
  port?: number
  /** Without it any key will do, as long as there is one. */
  apiKey?: string
  /** Milliseconds since the epoch; tests of old points bring their own. */
  now?: () => number
}

interface Reply extends EncodedResponse {
  readonly status: number
  readonly headers?: Record<string, string>
}

/** A request's way: how it is read, and in what form it is answered. */
interface Route {
  readonly signal: Signal | 'none'
  /** Checks the key and reads everything; what it returns stores all but the first so many points, spans, records. */
  read(request: IncomingMessage): Promise<(rejected: number) => void>
  accepted(rejected: number): Reply
  failed(message: string): EncodedResponse
}

/**
 * Stands in for Datadog's OTLP intake, and for the one that its own exporter and the Agent use: as strict as their
 * documentation, and ready to fail on command. What it does not know it refuses, and says so.
 */
export class Intake {
  readonly metrics = new ReceivedMetrics()
  readonly refusals = new IntakeRefusals()
  readonly misbehaving = new Misbehaving()
  /** Spans that were taken, and how many different ones they are by trace and span id. */
  readonly traces = { received: 0, distinct: 0 }
  /** Records that were taken: nothing tells a resent one from a second one. */
  readonly logs = { received: 0 }
  /** Hosts that were described, as the Datadog exporter does beside its metrics. */
  readonly describedHosts = new Set<string>()
  /** Requests by status; those that were not answered are under `none`. */
  readonly requests: Record<string, number> = {}
  readonly #spanIds = new Set<string>()
  readonly #options: IntakeOptions
  readonly #server: Server = createServer((request, response) => void this.#serve(request, response))

  private constructor(options: IntakeOptions) {
    this.#options = options
  }

  static async start(options: IntakeOptions = {}): Promise<Intake> {
    const intake = new Intake(options)
    // A connection closed here while a sender writes to it would be a failure that nobody ordered.
    intake.#server.keepAliveTimeout = 600_000
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    intake.#server.once('error', reject).listen(options.port ?? 0, '127.0.0.1', resolve)
    await promise
    return intake
  }

  /** What DD_OTLP_ENDPOINT wants. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** As if nothing had come; orders to misbehave stay. */
  forget(): void {
    this.metrics.forget()
    this.refusals.forget()
    this.#spanIds.clear()
    Object.assign(this.traces, { received: 0, distinct: 0 })
    this.logs.received = 0
    this.describedHosts.clear()
    for (const status of Object.keys(this.requests)) delete this.requests[status]
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', 'http://intake')
    const route = this.#routeTo(pathname)
    if (route === undefined) return answerControl(this, request, response)
    if (request.method !== 'POST' && pathname !== VALIDATE) {
      response.writeHead(405, { allow: 'POST' }).end()
      return
    }
    const misbehaviour = route.signal === 'none' ? undefined : this.misbehaving.next(route.signal)
    if (misbehaviour?.kind === 'reset') return this.#unanswered(request)
    const reply = await this.#replyTo(request, route, misbehaviour)
    // The sender is gone.
    if (reply === undefined || request.socket.destroyed) this.#count('none')
    else if (misbehaviour?.kind === 'hang') this.#count('none')
    else if (misbehaviour?.kind === 'drop-reply') this.#unanswered(request)
    else {
      this.#count(String(reply.status))
      const { status, contentType, headers, body } = reply
      response.writeHead(status, { 'content-type': contentType, ...headers }).end(body)
    }
  }

  #routeTo(path: string): Route | undefined {
    const signal = SIGNAL_OF_PATH.get(path)
    if (signal !== undefined) return this.#otlpRoute(signal)
    if (path === VALIDATE || /^\/(api|intake)\b/.test(path)) return this.#agentRoute(path)
    return undefined
  }

  #otlpRoute(signal: Signal): Route {
    let encoding: Encoding = 'protobuf'
    return {
      signal,
      read: async (request) => {
        encoding = encodingOrProtobuf(request)
        this.#checkKey(request.headers['dd-api-key'])
        const exported = await readExport(request, signal)
        return (rejected) => this.#take(signal, exported, rejected)
      },
      accepted: (rejected) => {
        const partial = rejected > 0 ? { rejected, message: 'told to reject' } : undefined
        return { status: 200, ...exportResponse(signal, encoding, partial) }
      },
      failed: (message) => failureResponse(encoding, message),
    }
  }

  #agentRoute(path: string): Route {
    const endpoint = agentEndpoint(path)
    return {
      signal: endpoint?.signal ?? 'none',
      read: async (request) => {
        const { searchParams } = new URL(request.url ?? '/', 'http://intake')
        const inQuery = path === VALIDATE ? searchParams.get('api_key') : null
        this.#checkKey(request.headers['dd-api-key'] ?? inQuery ?? undefined)
        if (path === VALIDATE) return () => {}
        if (endpoint === undefined) throw new Refused(404, `${path} is not modelled here.`)
        const content = await readAgentRequest(request, endpoint, this.#nowMs())
        return (rejected) => this.#takeOfAgent(content, rejected)
      },
      accepted: () => {
        const body = path === VALIDATE ? { valid: true } : { errors: [] }
        return { status: endpoint?.status ?? 200, ...jsonReply(body) }
      },
      failed: (message) => jsonReply({ errors: [message] }),
    }
  }

  #unanswered(request: IncomingMessage): void {
    this.#count('none')
    request.socket.resetAndDestroy()
  }

  #count(status: string): void {
    this.requests[status] = (this.requests[status] ?? 0) + 1
  }

  async #replyTo(
    request: IncomingMessage,
    route: Route,
    misbehaviour: Misbehaviour | undefined,
  ): Promise<Reply | undefined> {
    try {
      const take = await route.read(request)
      if (misbehaviour?.kind === 'hang') return undefined
      if (misbehaviour?.kind === 'status') return this.#toldTo(misbehaviour, route)
      const rejected = misbehaviour?.kind === 'partial' ? misbehaviour.rejected : 0
      take(rejected)
      return route.accepted(rejected)
    } catch (error) {
      if (request.socket.destroyed) return undefined
      const { status, message } =
        error instanceof Refused || error instanceof OtlpError ? error : unforeseen(error)
      this.refusals.add({ signal: route.signal, metric: '', reason: message, status, count: 1 })
      // What is left of the body would be taken for the next request.
      const headers = request.complete ? {} : { connection: 'close' }
      return { status, headers, ...route.failed(message) }
    }
  }

  #checkKey(key: string | string[] | undefined): void {
    if (!key || (this.#options.apiKey !== undefined && key !== this.#options.apiKey))
      throw new Refused(
        403,
        key ? 'The key in dd-api-key is not known.' : 'The header dd-api-key is missing.',
      )
  }

  #toldTo(order: Misbehaviour & { kind: 'status' }, { signal, failed }: Route): Reply {
    const { status, retryAfterSeconds } = order
    this.refusals.add({ signal, metric: '', reason: 'told to refuse', status, count: 1 })
    const headers: Record<string, string> =
      retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }
    return { status, headers, ...failed('told to refuse') }
  }

  #take(signal: Signal, exported: Requests[Signal], rejected: number): void {
    if (signal === 'metrics') this.#takeMetrics(exported as MetricsRequest, rejected)
    else if (signal === 'traces') this.#takeSpans(exported as TraceRequest, rejected)
    else this.#takeLogs(exported as LogsRequest, rejected)
  }

  #nowMs(): number {
    return (this.#options.now ?? Date.now)()
  }

  #takeMetrics(request: MetricsRequest, rejected: number): void {
    const complaint = cumulativeComplaint(request)
    if (complaint !== undefined) throw new Refused(400, complaint)
    const nowMs = this.#nowMs()
    let toReject = rejected
    for (const { resource, scopeMetrics } of request.resourceMetrics) {
      const host = hostOf(resource.attributes)
      const common = resourceTags(resource.attributes)
      for (const metric of scopeMetrics.flatMap(({ metrics }) => metrics)) {
        const { name, data } = metric
        if (data === undefined) continue
        for (const [index, { attributes, time, startTime }] of data.points.entries()) {
          const judged = judgePoint({ ...metric, data }, index, nowMs)
          if (toReject > 0) {
            toReject -= 1
            this.#dropped('metrics', name, 'told to reject')
          } else if ('dropped' in judged) this.#dropped('metrics', name, judged.dropped)
          else {
            const tags = [...common, ...pointTags(attributes)]
            this.metrics.add({ metric: name, host, tags, time, startTime, value: judged.value })
          }
        }
      }
    }
  }

  #takeOfAgent(content: AgentContent, rejected: number): void {
    if (content.signal === 'metrics') {
      for (const [index, { judged, ...point }] of content.points.entries())
        if (index < rejected) this.#dropped('metrics', point.metric, 'told to reject')
        else if ('dropped' in judged) this.#dropped('metrics', point.metric, judged.dropped)
        // It sends neither starts nor parts of seconds, so an equal value in the same second counts as a repeat.
        else this.metrics.add({ ...point, startTime: point.time, value: judged.value })
    } else if (content.signal === 'traces')
      this.#takeSpanIds(
        content.spans.map(({ traceId, spanId }) => `${traceId}:${spanId}`),
        rejected,
      )
    else if (content.signal === 'logs') this.#takeRecords(content.records, rejected)
    else this.describedHosts.add(content.host)
  }

  #takeSpans(request: TraceRequest, rejected: number): void {
    const spans = request.resourceSpans.flatMap(({ scopeSpans }) =>
      scopeSpans.flatMap((scope) => scope.spans),
    )
    const ids = spans.map(({ traceId, spanId }) =>
      traceId === undefined || spanId === undefined ? undefined : `${traceId}${spanId}`,
    )
    this.#takeSpanIds(ids, rejected)
  }

  #takeSpanIds(ids: readonly (string | undefined)[], rejected: number): void {
    for (const [index, id] of ids.entries()) {
      if (index < rejected) this.#dropped('traces', '', 'told to reject')
      else if (id === undefined) this.#dropped('traces', '', 'no trace or span id')
      else {
        this.traces.received += 1
        this.#spanIds.add(id)
      }
    }
    this.traces.distinct = this.#spanIds.size
  }

  #takeLogs(request: LogsRequest, rejected: number): void {
    const records = request.resourceLogs.flatMap(({ scopeLogs }) =>
      scopeLogs.flatMap((scope) => scope.logRecords),
    )
    this.#takeRecords(records.length, rejected)
  }

  #takeRecords(count: number, rejected: number): void {
    for (let index = 0; index < count; index += 1)
      if (index < rejected) this.#dropped('logs', '', 'told to reject')
      else this.logs.received += 1
  }

  #dropped(signal: Signal, metric: string, reason: string): void {
    this.refusals.add({ signal, metric, reason, status: 200, count: 1 })
  }
}

class Refused extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

async function readExport(request: IncomingMessage, signal: Signal): Promise<Requests[Signal]> {
  const encoding = encodingOf(request.headers)
  // Its pages on traces and logs know protobuf only.
  if (encoding === 'json' && signal !== 'metrics')
    throw new OtlpError(415, `The intake of ${signal} takes application/x-protobuf only.`)
  const { decoded } = await readRequestBody(request, request.headers, limitsOf(request, signal))
  return decodeRequest(signal, encoding, decoded)
}

function limitsOf(request: IncomingMessage, signal: Signal): OtlpLimits {
  const maxDecodedBytes = MAX_BYTES[signal]
  const isCompressed = request.headers['content-encoding'] !== undefined
  const sent = MAX_SENT_METRICS[isCompressed ? 'compressed' : 'plain']
  return { ...DEFAULT_LIMITS, maxDecodedBytes, maxBodyBytes: signal === 'metrics' ? sent : maxDecodedBytes }
}

function jsonReply(body: object): EncodedResponse {
  return { contentType: 'application/json', body: Buffer.from(JSON.stringify(body)) }
}

function encodingOrProtobuf(request: IncomingMessage): Encoding {
  try {
    return encodingOf(request.headers)
  } catch {
    return 'protobuf'
  }
}

function unforeseen(error: unknown): { status: number; message: string } {
  return { status: 500, message: `The stand-in itself failed: ${(error as Error).stack}` }
}
