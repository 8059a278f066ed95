import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import type { Test } from 'tap'
import {
  decodeLogs,
  decodeMetrics,
  decodeSpans,
  type LogRecord,
  type Point,
  type SpanData,
} from './otlp-json.ts'

export interface ReceivedRequest {
  path: string
  headers: IncomingHttpHeaders
  /** As it came over the wire. */
  body: Buffer
}

/**
 * A real OTLP/HTTP receiver on a free port: keeps everything it is sent, decodes JSON (gzipped or not). What it
 * answers with a status other than 200 it does not keep, as a receiver that refused it would not.
 */
export class OtlpReceiver {
  readonly requests: ReceivedRequest[] = []
  readonly #server = createServer((request, response) => {
    void this.#receive(request).then((status) => {
      if (status === 'never') return
      response.writeHead(status, { 'content-type': 'application/json' }).end('{}')
    })
  })
  readonly #accepted: { path: string; payload: unknown }[] = []
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

  /** Every data point, flattened, in the order of arrival; by the usual path or by Datadog's. */
  metrics(name?: string): Point[] {
    const points = this.#payloads('/v1/metrics', '/api/v2/otlpmetrics').flatMap(decodeMetrics)
    return name === undefined ? points : points.filter((point) => point.name === name)
  }

  spans(): SpanData[] {
    return this.#payloads('/v1/traces').flatMap(decodeSpans)
  }

  logs(): LogRecord[] {
    return this.#payloads('/v1/logs').flatMap(decodeLogs)
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

  #payloads(...paths: string[]): unknown[] {
    return this.#accepted.filter(({ path }) => paths.includes(path)).map(({ payload }) => payload)
  }

  async #receive(request: IncomingMessage): Promise<number | 'never'> {
    const body = Buffer.concat(await request.toArray())
    const path = request.url ?? ''
    this.requests.push({ path, headers: request.headers, body })
    const status = this.#statuses.shift() ?? 200
    if (status !== 200) return status
    if (request.headers['content-type'] === 'application/json') {
      const text = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body
      this.#accepted.push({ path, payload: JSON.parse(text.toString('utf8')) })
    }
    return status
  }
}
