import type { IncomingMessage, ServerResponse } from 'node:http'
import { decodeRequest, type Encoding, type Signal } from '../../otlp/decode.ts'
import { exportResponse, failureResponse } from '../../otlp/export-response.ts'
import { OtlpError } from '../../otlp/otlp-error.ts'
import { encodingOf, readRequestBody } from '../../otlp/request-body.ts'
import type { Telemetry } from '../telemetry.ts'
import { reply } from './reply.ts'

export const SIGNALS: ReadonlyMap<string, Signal> = new Map([
  ['/v1/metrics', 'metrics'],
  ['/v1/traces', 'traces'],
  ['/v1/logs', 'logs'],
])

/** Bodies that are read at once, each of up to the limits' size; further ones wait in their senders. */
const BODIES_AT_ONCE = 8

export class OtlpReceiver {
  readonly #telemetry: Telemetry
  #reading = 0
  readonly #waiting: (() => void)[] = []

  constructor(telemetry: Telemetry) {
    this.#telemetry = telemetry
  }

  async receive(signal: Signal, request: IncomingMessage, response: ServerResponse): Promise<void> {
    await this.#turn()
    try {
      // Who left while waiting sends no event any more that would end the reading.
      if (!request.destroyed) await this.#answer(signal, request, response)
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#reading -= 1
    }
  }

  async #answer(signal: Signal, request: IncomingMessage, response: ServerResponse): Promise<void> {
    let encoding: Encoding = 'protobuf'
    try {
      encoding = encodingOf(request.headers)
      const { decoded } = await readRequestBody(request, request.headers)
      const rejections = this.#telemetry.receive(signal, decodeRequest(signal, encoding, decoded))
      const { rejected, message } = rejections
      this.#send(
        response,
        200,
        exportResponse(signal, encoding, rejected > 0 ? { rejected, message } : undefined),
      )
    } catch (error) {
      if (!(error instanceof OtlpError)) throw error
      // What is left of the body would be taken for the next request.
      const headers = request.complete ? {} : { connection: 'close' }
      this.#send(response, error.status, failureResponse(encoding, error.message), headers)
    }
  }

  #send(
    response: ServerResponse,
    status: number,
    { contentType, body }: { contentType: string; body: Buffer },
    headers: Record<string, string> = {},
  ): void {
    this.#telemetry.countRequest(status)
    reply(response, status, contentType, body, headers)
  }

  /** A place that becomes free is handed to the one that waited longest. */
  async #turn(): Promise<void> {
    if (this.#reading < BODIES_AT_ONCE) this.#reading += 1
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }
}
