import type { Test } from 'tap'
import { requestDefects } from '../contract/emitted.ts'
import {
  AnsweringServer,
  contentOf,
  encodingOf,
  type Outcome,
  type ReceivedRequest,
} from './answering-server.ts'
import {
  type Exported,
  type LogData,
  type Point,
  readExport,
  type Signal,
  type SpanData,
} from './flat-telemetry.ts'
import { exportReply, type PartialSuccess } from './otlp-replies.ts'

export type { ReceivedRequest } from './answering-server.ts'

/**
 * How a request is answered: with a status; with header fields, a body or a partial success besides; never; by a reset
 * before anything is kept; or by a reset after it was kept, so that the sender cannot know.
 */
export type Answer =
  | number
  | { status: number; headers?: Record<string, string>; body?: object; rejected?: PartialSuccess }
  | 'no answer'
  | 'reset'
  | 'lost reply'

const SIGNAL_OF_PATH: Readonly<Record<string, Signal>> = {
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

/** What a request to one of the paths of OTLP brings. */
export function readRequest(request: ReceivedRequest): Exported {
  return readExport(SIGNAL_OF_PATH[request.path]!, encodingOf(request), contentOf(request))
}

type AnswerEach = (request: ReceivedRequest) => Answer | undefined | Promise<Answer | undefined>

/**
 * A real OTLP/HTTP receiver on a free port: keeps everything it is sent, decodes protobuf and JSON, compressed or not.
 * What it answers with a status other than 200 it does not keep, as a receiver that refused it would not. All that it is
 * sent is held against the catalogue, and what is not as that says fails the test.
 */
export class OtlpReceiver {
  readonly requests: ReceivedRequest[] = []
  readonly #server = new AnsweringServer((request) => this.#answer(request))
  readonly #kept: Exported[] = []
  static readonly #open = new Set<OtlpReceiver>()
  readonly #foreign: readonly Signal[]
  /** What is not as the catalogue says. */
  readonly #defects = new Set<string>()
  #answers: Answer[] = []
  #answerEach: AnswerEach | undefined

  private constructor(foreign: readonly Signal[]) {
    this.#foreign = foreign
  }

  /** Starts listening and closes with the test, which fails where something came that the catalogue does not name. */
  static async start(
    t: Pick<Test, 'teardown'>,
    { port = 0, foreign = [] }: ReceiverOptions = {},
  ): Promise<OtlpReceiver> {
    const receiver = new OtlpReceiver(foreign)
    await receiver.#server.listen(port)
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
    return this.#server.url
  }

  /** The next requests are answered with these statuses, or never; those after them with 200 again. */
  answerWith(...answers: Answer[]): void {
    this.#answers = answers
  }

  /** Each request is answered as the function says, when it says it; where it says nothing, as usual. */
  answerEach(answer: AnswerEach | undefined): void {
    this.#answerEach = answer
  }

  /** Every data point, flattened, in the order of arrival. */
  metrics(name?: string): Point[] {
    const points = this.#kept.flatMap((each) => each.points)
    return name === undefined ? points : points.filter((point) => point.name === name)
  }

  spans(): SpanData[] {
    return this.#kept.flatMap(({ spans }) => spans)
  }

  logs(): LogData[] {
    return this.#kept.flatMap(({ logs }) => logs)
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
    await this.#server.close()
  }

  async #answer(request: ReceivedRequest): Promise<Outcome> {
    if (request.method !== 'POST') return { status: 405, headers: { allow: 'POST' } }
    this.requests.push(request)
    const answer = this.#answers.shift() ?? (await this.#answerEach?.(request)) ?? 200
    const status = typeof answer === 'object' ? answer.status : answer
    const signal = SIGNAL_OF_PATH[request.path]
    if (signal) this.#take(signal, request, status === 200 || status === 'lost reply')
    if (answer === 'lost reply') return 'reset'
    if (answer === 'no answer' || answer === 'reset') return answer
    const { headers, body, rejected } = typeof answer === 'object' ? answer : {}
    const reply = exportReply(signal ?? 'metrics', encodingOf(request), rejected)
    return {
      status: Number(status),
      headers: { ...reply.headers, ...headers },
      body: body ? JSON.stringify(body) : reply.body,
    }
  }

  #take(signal: Signal, request: ReceivedRequest, isKept: boolean): void {
    try {
      const exported = readRequest(request)
      if (isKept) this.#kept.push(exported)
      if (this.#foreign.includes(signal)) return
      for (const defect of requestDefects(exported)) this.#defects.add(defect)
    } catch (error) {
      this.#defects.add(`a request of ${signal} cannot be read: ${(error as Error).message}`)
    }
  }
}
