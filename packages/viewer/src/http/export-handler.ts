import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  decodeRequest,
  type Encoding,
  encodingOf,
  exportResponse,
  failureResponse,
  OtlpError,
  readRequestBody,
  type Signal,
} from '@rollcall/otlp'
import type { TelemetryStore } from '../telemetry-store.ts'
import { reply } from './reply.ts'

export const SIGNAL_OF_PATH: ReadonlyMap<string, Signal> = new Map([
  ['/v1/metrics', 'metrics'],
  ['/v1/traces', 'traces'],
  ['/v1/logs', 'logs'],
])

/** Bodies that are read at once, each up to the limits' size. Further senders wait. */
const BODIES_AT_ONCE = 4
/** Then a sender is told to send again. Node would end an unread request later, with a status that forbids that. */
const WAIT_MS = 10_000

export class ExportHandler {
  readonly #telemetry: TelemetryStore
  #reading = 0
  readonly #waiting: (() => void)[] = []

  constructor(telemetry: TelemetryStore) {
    this.#telemetry = telemetry
  }

  async receive(signal: Signal, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!(await this.#turn())) {
      const headers = { connection: 'close', 'retry-after': '5' }
      const isJson = request.headers['content-type']?.startsWith('application/json')
      const said = failureResponse(isJson ? 'json' : 'protobuf', 'Too many requests at once; send it again.')
      this.#send(response, 503, said, headers)
      return
    }
    try {
      // A sender that left while waiting sends no more events, so nothing would end the reading.
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
      // The rest of the body would be taken for the next request.
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

  /** Waits for a place, in order of arrival. False if none became free in time. */
  async #turn(): Promise<boolean> {
    if (this.#reading < BODIES_AT_ONCE) {
      this.#reading += 1
      return true
    }
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const begin = () => {
      clearTimeout(timer)
      resolve(true)
    }
    const timer = setTimeout(() => {
      this.#waiting.splice(this.#waiting.indexOf(begin), 1)
      resolve(false)
    }, WAIT_MS)
    this.#waiting.push(begin)
    return promise
  }
}
