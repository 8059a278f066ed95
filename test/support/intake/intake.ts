import {
  AnsweringServer,
  type BodyLimits,
  contentOf,
  encodingOf,
  type Outcome,
  type ReceivedRequest,
  Refused,
  type Reply,
  readable,
} from '../answering-server.ts'
import { readExport, type Signal } from '../flat-telemetry.ts'
import type { Answer } from '../otlp-receiver.ts'
import { exportReply, type PartialSuccess, refusalReply } from '../otlp-replies.ts'
import type { Encoding } from '../protobuf.ts'
import { agentEndpoint, readAgentRequest } from './agent-api.ts'
import type { Content } from './content.ts'
import { answerControl } from './control.ts'
import { cumulativeComplaint, judgePoint } from './metric-rules.ts'
import { Misbehaving } from './misbehaviour.ts'
import { ReceivedMetrics } from './received-metrics.ts'
import { IntakeRefusals } from './refusals.ts'
import { hostOf, tagsOf } from './tags.ts'

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

/** A request's way: how it is read, and in what form it is answered. */
interface Route {
  readonly signal: Signal | 'none'
  read(request: ReceivedRequest): Content
  accepted(partial: PartialSuccess | undefined): Reply
  refused(status: number, message: string): Reply
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
  readonly #server = new AnsweringServer((request) => this.#answer(request))

  private constructor(options: IntakeOptions) {
    this.#options = options
  }

  static async start(options: IntakeOptions = {}): Promise<Intake> {
    const intake = new Intake(options)
    await intake.#server.listen(options.port)
    return intake
  }

  /** What DD_OTLP_ENDPOINT wants. */
  get url(): string {
    return this.#server.url
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

  close(): Promise<void> {
    return this.#server.close()
  }

  #answer(request: ReceivedRequest): Outcome {
    const route = this.#routeTo(request)
    if (route === undefined) return answerControl(this, request)
    if (request.method !== 'POST' && request.path !== VALIDATE)
      return { status: 405, headers: { allow: 'POST' } }
    const answer = route.signal === 'none' ? undefined : this.misbehaving.next(route.signal)
    const outcome = this.#meet(request, route, answer ?? 200)
    const status = typeof outcome === 'object' ? String(outcome.status) : 'none'
    this.requests[status] = (this.requests[status] ?? 0) + 1
    return outcome
  }

  #routeTo(request: ReceivedRequest): Route | undefined {
    const { path } = request
    const signal = SIGNAL_OF_PATH.get(path)
    if (signal !== undefined) return this.#otlpRoute(signal, encodingOrProtobuf(request))
    if (path === VALIDATE || /^\/(api|intake)\b/.test(path)) return this.#agentRoute(path)
    return undefined
  }

  #otlpRoute(signal: Signal, encoding: Encoding): Route {
    return {
      signal,
      read: (request) => {
        this.#checkKey(request.headers['dd-api-key'])
        return this.#readExport(request, signal)
      },
      accepted: (partial) => exportReply(signal, encoding, partial),
      refused: (status, message) => refusalReply(status, encoding, message),
    }
  }

  #agentRoute(path: string): Route {
    const endpoint = agentEndpoint(path)
    return {
      signal: endpoint?.signal ?? 'none',
      read: (request) => {
        const inQuery = path === VALIDATE ? request.query.get('api_key') : null
        this.#checkKey(request.headers['dd-api-key'] ?? inQuery ?? undefined)
        if (path === VALIDATE) return {}
        if (endpoint === undefined) throw new Refused(404, `${path} is not modelled here.`)
        return readAgentRequest(request, endpoint, this.#nowMs())
      },
      accepted: () =>
        jsonReply(endpoint?.status ?? 200, path === VALIDATE ? { valid: true } : { errors: [] }),
      refused: (status, message) => jsonReply(status, { errors: [message] }),
    }
  }

  /** Does the work, as far as the answer lets it. */
  #meet(request: ReceivedRequest, { signal, read, accepted, refused }: Route, answer: Answer): Outcome {
    if (answer === 'reset') return answer
    const refuse = (status: number, reason: string) => {
      this.refusals.add({ signal, metric: '', reason, status, count: 1 })
      return refused(status, reason)
    }
    try {
      const content = read(request)
      if (answer === 'no answer') return answer
      if (answer === 'lost reply') {
        this.#take(content, 0)
        return 'reset'
      }
      const { status, headers, rejected } = typeof answer === 'object' ? answer : { status: answer }
      if (status !== 200) {
        const reply = refuse(status, 'told to refuse')
        return { ...reply, headers: { ...reply.headers, ...headers } }
      }
      this.#take(content, rejected?.rejected ?? 0)
      return accepted(rejected)
    } catch (error) {
      if (error instanceof Refused) return refuse(error.status, error.message)
      return refuse(500, `The stand-in itself failed: ${(error as Error).stack}`)
    }
  }

  #checkKey(key: string | string[] | undefined): void {
    if (!key || (this.#options.apiKey !== undefined && key !== this.#options.apiKey))
      throw new Refused(
        403,
        key ? 'The key in dd-api-key is not known.' : 'The header dd-api-key is missing.',
      )
  }

  #nowMs(): number {
    return (this.#options.now ?? Date.now)()
  }

  #readExport(request: ReceivedRequest, signal: Signal): Content {
    const encoding = encodingOf(request)
    // Its pages on traces and logs know protobuf only.
    if (encoding === 'json' && signal !== 'metrics')
      throw new Refused(415, `The intake of ${signal} takes application/x-protobuf only.`)
    const body = contentOf(request, limitsOf(request, signal))
    const { points, spans, logs } = readable(() => readExport(signal, encoding, body))
    const complaint = cumulativeComplaint(points)
    if (complaint !== undefined) throw new Refused(400, complaint)
    const nowMs = this.#nowMs()
    return {
      points: points.map((point) => ({
        metric: point.name,
        host: hostOf(point.resource),
        tags: tagsOf(point.resource, point.attributes),
        time: point.time,
        startTime: point.startTime,
        judged: judgePoint(point, nowMs),
      })),
      spanIds: spans.map(({ traceId, spanId }) => (traceId && spanId ? traceId + spanId : undefined)),
      records: logs.length,
    }
  }

  /** Stores all but the first so many points, spans and records. */
  #take({ points = [], spanIds = [], records = 0, host }: Content, rejected: number): void {
    for (const [index, { judged, ...point }] of points.entries())
      if (index < rejected) this.#dropped('metrics', point.metric, 'told to reject')
      else if ('dropped' in judged) this.#dropped('metrics', point.metric, judged.dropped)
      else this.metrics.add({ ...point, value: judged.value })
    for (const [index, id] of spanIds.entries())
      if (index < rejected) this.#dropped('traces', '', 'told to reject')
      else if (id === undefined) this.#dropped('traces', '', 'no trace or span id')
      else {
        this.traces.received += 1
        this.#spanIds.add(id)
      }
    this.traces.distinct = this.#spanIds.size
    for (let index = 0; index < records; index += 1)
      if (index < rejected) this.#dropped('logs', '', 'told to reject')
      else this.logs.received += 1
    if (host !== undefined) this.describedHosts.add(host)
  }

  #dropped(signal: Signal, metric: string, reason: string): void {
    this.refusals.add({ signal, metric, reason, status: 200, count: 1 })
  }
}

function limitsOf({ headers }: ReceivedRequest, signal: Signal): BodyLimits {
  const maxBytes = MAX_BYTES[signal]
  const isCompressed = headers['content-encoding'] !== undefined
  const sent = MAX_SENT_METRICS[isCompressed ? 'compressed' : 'plain']
  return { maxBytes, maxSentBytes: signal === 'metrics' ? sent : maxBytes }
}

function jsonReply(status: number, body: object): Reply {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
}

function encodingOrProtobuf(request: ReceivedRequest): Encoding {
  try {
    return encodingOf(request)
  } catch {
    return 'protobuf'
  }
}
