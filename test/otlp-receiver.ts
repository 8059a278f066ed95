import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { decodeRequest, type Requests, type Signal } from '../src/otlp/decode.ts'
import { exportResponse, type PartialSuccess } from '../src/otlp/export-response.ts'
import { encodingOf, readRequestBody } from '../src/otlp/request-body.ts'
import { flatLogs, flatPoints, flatSpans, type LogData, type Point, type SpanData } from './flat-telemetry.ts'

export interface ReceivedRequest {
  path: string
  headers: IncomingHttpHeaders
  /** As it came over the wire. */
  body: Buffer
}

/**
 * How a request is answered: with a status; with header fields, a body or a partial success besides; never; by a reset
 * before anything is kept; or by a reset after it was kept, so that the sender cannot know.
 */
export type Answer =
  | number
  | { status: number; headers?: Record<string, string>; body?: object; rejected?: PartialSuccess }
  | 'never'
  | 'reset'
  | 'lost reply'

/** The usual one, and Datadog's. */
const METRIC_PATHS = ['/v1/metrics', '/api/v2/otlpmetrics']

/**
 * A real OTLP/HTTP receiver on a free port: keeps everything it is sent, decodes protobuf and JSON, compressed or not.
 * What it answers with a status other than 200 it does not keep, as a receiver that refused it would not.
 */
export class OtlpReceiver {
  readonly requests: ReceivedRequest[] = []
  readonly #server = createServer((request, response) => {
    void this.#receive(request).then((answer) => {
      if (answer === 'never') return
      if (answer === 'reset' || answer === 'lost reply') {
        request.socket.resetAndDestroy()
        return
      }
      const {
        status,
        headers = {},
        body,
        rejected,
      } = typeof answer === 'number' ? { status: answer } : answer
      const encoded = exportResponse(signalOf(request.url), encodingOf(request.headers), rejected)
      response
        .writeHead(status, { 'content-type': encoded.contentType, ...headers })
        .end(body ? JSON.stringify(body) : encoded.body)
    })
  })
  readonly #accepted: { [S in Signal]: Requests[S][] } = { metrics: [], traces: [], logs: [] }
  #answers: Answer[] = []
  #answerEach: ((request: ReceivedRequest) => Answer | undefined) | undefined

  /** Starts listening, on a free port unless told, and closes with the test. */
  static async start(t: Pick<Test, 'teardown'>, port = 0): Promise<OtlpReceiver> {
    const receiver = new OtlpReceiver()
    await new Promise<void>((resolve) => receiver.#server.listen(port, '127.0.0.1', resolve))
    t.teardown(() => receiver.close())
    return receiver
  }

  /** What OTEL_EXPORTER_OTLP_ENDPOINT wants. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** The next requests are answered with these statuses, or never; those after them with 200 again. */
  answerWith(...answers: Answer[]): void {
    this.#answers = answers
  }

  /** Each request is answered as the function says; where it says nothing, as usual. */
  answerEach(answer: ((request: ReceivedRequest) => Answer | undefined) | undefined): void {
    this.#answerEach = answer
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

  async #receive(request: IncomingMessage): Promise<Answer> {
    const { sent, decoded } = await readRequestBody(request, request.headers)
    const path = request.url ?? ''
    const received = { path, headers: request.headers, body: sent }
    this.requests.push(received)
    const answer = this.#answers.shift() ?? this.#answerEach?.(received) ?? 200
    const status = typeof answer === 'object' ? answer.status : answer
    if (status !== 200 && status !== 'lost reply') return answer
    const encoding = encodingOf(request.headers)
    if (METRIC_PATHS.includes(path)) this.#accepted.metrics.push(decodeRequest('metrics', encoding, decoded))
    if (path === '/v1/traces') this.#accepted.traces.push(decodeRequest('traces', encoding, decoded))
    if (path === '/v1/logs') this.#accepted.logs.push(decodeRequest('logs', encoding, decoded))
    return answer
  }
}

function signalOf(path = ''): Signal {
  return path.endsWith('traces') ? 'traces' : path.endsWith('logs') ? 'logs' : 'metrics'
}
