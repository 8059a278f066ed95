import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { decodeRequest, type Requests, type Signal } from '../src/otlp/decode.ts'
import { exportResponse } from '../src/otlp/export-response.ts'
import { encodingOf, readRequestBody } from '../src/otlp/request-body.ts'
import { flatLogs, flatPoints, flatSpans, type LogData, type Point, type SpanData } from './flat-telemetry.ts'

export interface ReceivedRequest {
  path: string
  headers: IncomingHttpHeaders
  /** As it came over the wire. */
  body: Buffer
}

/** The usual one, and Datadog's. */
const METRIC_PATHS = ['/v1/metrics', '/api/v2/otlpmetrics']

/**
 * A real OTLP/HTTP receiver on a free port: keeps everything it is sent, decodes protobuf and JSON, compressed or not.
 * What it answers with a status other than 200 it does not keep, as a receiver that refused it would not.
 */
export class OtlpReceiver {
  readonly requests: ReceivedRequest[] = []
  readonly #server = createServer((request, response) => {
    void this.#receive(request).then((status) => {
      if (status === 'never') return
      const { contentType, body } = exportResponse('metrics', encodingOf(request.headers))
      response.writeHead(status, { 'content-type': contentType }).end(body)
    })
  })
  readonly #accepted: { [S in Signal]: Requests[S][] } = { metrics: [], traces: [], logs: [] }
  #statuses: (number | 'never')[] = []

  /** Starts listening, and closes with the test. */
  static async start(t: Pick<Test, 'teardown'>): Promise<OtlpReceiver> {
    const receiver = new OtlpReceiver()
    await new Promise<void>((resolve) => receiver.#server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => receiver.close())
    return receiver
  }

  /** What OTEL_EXPORTER_OTLP_ENDPOINT wants. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** The next requests are answered with these statuses, or never; those after them with 200 again. */
  answerWith(...statuses: (number | 'never')[]): void {
    this.#statuses = statuses
  }

  /** Every data point, flattened, in the order of arrival. */
  metrics(name?: string): Point[] {
    const points = this.#accepted.metrics.flatMap(flatPoints)
    return name === undefined ? points : points.filter((point) => point.name === name)
  }

  spans(): SpanData[] {
    return this.#accepted.traces.flatMap(flatSpans)
  }

  logs(): LogData[] {
    return this.#accepted.logs.flatMap(flatLogs)
  }

  /** Sums a counter, or the counts of a histogram, by attribute set (JSON with sorted keys). */
  totals(name: string): Record<string, number> {
    const totals: Record<string, number> = {}
    for (const { attributes, count, value } of this.metrics(name)) {
      const key = JSON.stringify(Object.fromEntries(Object.entries(attributes).sort()))
      totals[key] = (totals[key] ?? 0) + (count ?? value ?? 0)
    }
    return totals
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #receive(request: IncomingMessage): Promise<number | 'never'> {
    const { sent, decoded } = await readRequestBody(request, request.headers)
    const path = request.url ?? ''
    this.requests.push({ path, headers: request.headers, body: sent })
    const status = this.#statuses.shift() ?? 200
    if (status !== 200) return status
    const encoding = encodingOf(request.headers)
    if (METRIC_PATHS.includes(path)) this.#accepted.metrics.push(decodeRequest('metrics', encoding, decoded))
    if (path === '/v1/traces') this.#accepted.traces.push(decodeRequest('traces', encoding, decoded))
    if (path === '/v1/logs') this.#accepted.logs.push(decodeRequest('logs', encoding, decoded))
    return status
  }
}
