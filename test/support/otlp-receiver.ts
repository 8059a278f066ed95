import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { decodeRequest, type Requests, type Signal } from '../../packages/otlp/src/decode.ts'
import { exportResponse, type PartialSuccess } from '../../packages/otlp/src/export-response.ts'
import { encodingOf, readRequestBody } from '../../packages/otlp/src/request-body.ts'
import { requestDefects } from '../contract/emitted.ts'
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

const SIGNALS: Readonly<Record<string, Signal>> = {
  '/v1/metrics': 'metrics',
  // Datadog's
  '/api/v2/otlpmetrics': 'metrics',
  '/v1/traces': 'traces',
  '/v1/logs': 'logs',
}

export interface ReceiverOptions {
  /** A free one unless told. */
  port?: number
  /** Signals of which it is sent what is not the service's own, and so not in the catalogue. */
  foreign?: readonly Signal[]
}

/**
 * A real OTLP/HTTP receiver on a free port: keeps everything it is sent, decodes protobuf and JSON, compressed or not.
 * What it answers with a status other than 200 it does not keep, as a receiver that refused it would not. All that it is
 * sent is held against the catalogue, and what is not as that says fails the test.
 */
export class OtlpReceiver {
  readonly requests: ReceivedRequest[] = []
  readonly #server = createServer((request, response) => {
    if (request.method !== 'POST') {
      response.writeHead(405, { allow: 'POST' }).end()
      return
    }
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
  static readonly #open = new Set<OtlpReceiver>()
  readonly #foreign: readonly Signal[]
  /** What is not as the catalogue says. */
  readonly #defects = new Set<string>()
  #answers: Answer[] = []
  #answerEach: ((request: ReceivedRequest) => Answer | undefined) | undefined

  private constructor(foreign: readonly Signal[]) {
    this.#foreign = foreign
  }

  /** Starts listening and closes with the test, which fails where something came that the catalogue does not name. */
  static async start(
    t: Pick<Test, 'teardown'>,
    { port = 0, foreign = [] }: ReceiverOptions = {},
  ): Promise<OtlpReceiver> {
    const receiver = new OtlpReceiver(foreign)
    await new Promise<void>((resolve) => receiver.#server.listen(port, '127.0.0.1', resolve))
    OtlpReceiver.#open.add(receiver)
    t.teardown(async () => {
      await receiver.close()
      const [first, ...others] = receiver.#defects
      if (first === undefined) return
      // What a teardown throws ends the others too, and a receiver that still listens would keep the process.
      await Promise.all(Array.from(OtlpReceiver.#open, (open) => open.close()))
      throw new Error(others.length > 0 ? `${first}; and ${others.length} more such defects` : first)
    })
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
    OtlpReceiver.#open.delete(this)
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
    const isKept = status === 200 || status === 'lost reply'
    const signal = SIGNALS[path]
    if (signal) this.#take(signal, decodeRequest(signal, encodingOf(request.headers), decoded), isKept)
    return answer
  }

  #take<S extends Signal>(signal: S, request: Requests[S], isKept: boolean): void {
    if (isKept) this.#accepted[signal].push(request)
    if (this.#foreign.includes(signal)) return
    for (const defect of requestDefects({ [signal]: request })) this.#defects.add(defect)
  }
}

function signalOf(path = ''): Signal {
  return path.endsWith('traces') ? 'traces' : path.endsWith('logs') ? 'logs' : 'metrics'
}
