import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  decodeRequest,
  type Encoding,
  encodingOf,
  exportResponse,
  MergedHistogram,
  type Metric,
  type MetricsRequest,
  readRequestBody,
  type Signal,
  type TraceRequest,
} from '@rollcall/otlp'
import { CommandError } from '../../src/process/command.ts'

const SERVER_SPAN = 2
const CLIENT_SPAN = 3
const POLL_MS = 50
/** The service exports each second. */
const PATIENCE_MS = 20_000

/** The service's telemetry about the requests of one window. */
export class TelemetryWindow {
  readonly #requests = new Map<string, MergedHistogram>()
  readonly #queries = new Map<string, MergedHistogram>()
  /** Durations in seconds, by trace id: exactly those recorded in the histograms. */
  readonly requestSpans = new Map<string, number>()
  readonly querySpans = new Map<string, number[]>()

  /** `http.server.request.duration` of a route. */
  requestsTo(route: string): MergedHistogram {
    return at(this.#requests, route)
  }

  /** `database.query.time` of a page. */
  queriesOf(page: string): MergedHistogram {
    return at(this.#queries, page)
  }

  addMetrics({ resourceMetrics }: MetricsRequest): void {
    for (const { metrics } of resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics))
      for (const metric of metrics) {
        if (metric.name === 'http.server.request.duration') addPoints(metric, 'http.route', this.#requests)
        if (metric.name === 'database.query.time') addPoints(metric, 'page', this.#queries)
      }
  }

  addSpans({ resourceSpans }: TraceRequest): void {
    for (const { spans } of resourceSpans.flatMap(({ scopeSpans }) => scopeSpans))
      for (const { traceId = '', kind, startTime, endTime } of spans) {
        const seconds = Number(endTime - startTime) / 1e9
        if (kind === SERVER_SPAN) this.requestSpans.set(traceId, seconds)
        if (kind === CLIENT_SPAN)
          this.querySpans.set(traceId, [...(this.querySpans.get(traceId) ?? []), seconds])
      }
  }
}

function at(histograms: Map<string, MergedHistogram>, key: string): MergedHistogram {
  const found = histograms.get(key) ?? new MergedHistogram()
  histograms.set(key, found)
  return found
}

function addPoints({ data }: Metric, attribute: string, into: Map<string, MergedHistogram>): void {
  if (data?.kind !== 'exponential histogram') return
  for (const point of data.points) at(into, String(point.attributes[attribute])).add(point)
}

interface Received {
  readonly signal: Signal
  readonly encoding: Encoding
  readonly body: Buffer
}

/**
 * An OTLP/HTTP receiver in this process. It only keeps requests, and decodes them on demand: decoding while requests
 * are under way would make the client late.
 */
export class TelemetryReceiver {
  readonly #server = createServer((request, response) => void this.#receive(request, response))
  readonly #received: Received[] = []
  #window = new TelemetryWindow()

  /** Resolves to the value of OTEL_EXPORTER_OTLP_ENDPOINT. */
  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /**
   * The telemetry since the last call, once all requests to the route are in it. It then holds their queries too: they
   * ended earlier, and one export holds both.
   */
  async takeWindow(
    route: string,
    traceIds: readonly string[],
    signal: AbortSignal,
  ): Promise<TelemetryWindow> {
    for (const deadline = performance.now() + PATIENCE_MS; ; await sleep(POLL_MS)) {
      signal.throwIfAborted()
      this.#decode()
      const { requestSpans } = this.#window
      const counted = this.#window.requestsTo(route).count
      if (counted >= traceIds.length && traceIds.every((traceId) => requestSpans.has(traceId))) break
      if (performance.now() > deadline)
        throw new CommandError(
          `Telemetry told of ${counted} of ${traceIds.length} requests to ${route} within ${PATIENCE_MS / 1000} s; the machine is too busy to measure on.`,
        )
    }
    const window = this.#window
    this.#window = new TelemetryWindow()
    return window
  }

  close(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const signal = request.url === '/v1/metrics' ? 'metrics' : 'traces'
    try {
      const encoding = encodingOf(request.headers)
      const { decoded } = await readRequestBody(request, request.headers)
      this.#received.push({ signal, encoding, body: decoded })
      const { contentType, body } = exportResponse(signal, encoding)
      response.writeHead(200, { 'content-type': contentType }).end(body)
    } catch {
      // The sender retries; a missing request is noticed when the window is taken.
      response.writeHead(503).end()
    }
  }

  #decode(): void {
    for (const { signal, encoding, body } of this.#received.splice(0)) {
      if (signal === 'metrics') this.#window.addMetrics(decodeRequest('metrics', encoding, body))
      else this.#window.addSpans(decodeRequest('traces', encoding, body))
    }
  }
}
