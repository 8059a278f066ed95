import type { Test } from 'tap'
import type { Exported } from '../support/flat-telemetry.ts'
import { type Answer, OtlpReceiver, type ReceivedRequest, readRequest } from '../support/otlp-receiver.ts'

/** What becomes of a request, besides what {@link Answer} says. */
export type Fate = Answer | 'stored, no answer' | { partial: number }

export interface Item {
  /** Of a metric: series and second, of which Datadog keeps one. Of others: what tells them apart. */
  readonly key: string
  readonly content: string
  readonly views: number
}

export function itemsOf({ points, spans, logs }: Exported): Item[] {
  return [
    ...spans.map(({ spanId }) => item(`span ${spanId}`)),
    ...logs.map(({ body }) => item(`log ${body}`)),
    ...points.map(({ name, attributes, resource, time, startTime, value, count, sum }) => ({
      key: JSON.stringify([name, attributes, resource['service.instance.id'], String(time / 1_000_000_000n)]),
      content: JSON.stringify([String(time), String(startTime), value, count, sum]),
      views: name === 'web.page_views_total' ? (value ?? 0) : 0,
    })),
  ]
}

function item(key: string): Item {
  return { key, content: key, views: 0 }
}

/**
 * Keeps what it takes by Datadog's storage rule, the last value of a series and second, and meets each request with the
 * next fate. What it has stored it does not refuse later.
 */
export class StoringReceiver {
  readonly receiver: OtlpReceiver
  readonly stored = new Map<string, Item>()
  /** Items that it rejected of requests that it accepted. */
  readonly rejected = new Map<string, Item>()
  /** What must never happen. */
  readonly offences: string[] = []
  fates: Fate[] = []
  readonly #contents = new Map<string, string>()
  readonly #bodyOf = new Map<string, string>()
  readonly #tooLarge = new Set<string>()
  readonly #storedBodies = new Set<string>()

  private constructor(receiver: OtlpReceiver) {
    this.receiver = receiver
    receiver.answerEach((request) => this.#meet(request))
  }

  static async start(t: Test): Promise<StoringReceiver> {
    return new StoringReceiver(await OtlpReceiver.start(t, { foreign: ['metrics', 'traces', 'logs'] }))
  }

  #meet(request: ReceivedRequest): Answer {
    const text = request.body.toString('latin1')
    const items = itemsOf(readRequest(request))
    for (const each of items) this.#check(each, text)
    const fate = this.fates.shift() ?? 200
    const isFinal = fate === 400 || fate === 413 || (typeof fate === 'object' && 'partial' in fate)
    if (isFinal && this.#storedBodies.has(text)) return 200
    if (fate === 413) this.#tooLarge.add(text)
    if (typeof fate === 'object' && 'partial' in fate) {
      const kept = Math.max(0, items.length - fate.partial)
      this.#store(items.slice(0, kept))
      for (const each of items.slice(kept)) this.rejected.set(each.key, each)
      return { status: 200, rejected: { rejected: items.length - kept, message: '' } }
    }
    if (fate === 200 || fate === 'lost reply' || fate === 'stored, no answer') {
      this.#storedBodies.add(text)
      this.#store(items)
    }
    return fate === 'stored, no answer' ? 'no answer' : fate
  }

  #store(items: readonly Item[]): void {
    for (const each of items) this.stored.set(each.key, each)
  }

  /** A series has one point in a second, and what is sent again is the same bytes, unless it was too large. */
  #check({ key, content }: Item, body: string): void {
    const before = this.#contents.get(key)
    if (before !== undefined && before !== content) this.offences.push(`two points: ${key}`)
    this.#contents.set(key, content)
    const sentIn = this.#bodyOf.get(key)
    if (sentIn !== undefined && sentIn !== body && !this.#tooLarge.has(sentIn))
      this.offences.push(`other bytes: ${key}`)
    this.#bodyOf.set(key, body)
  }
}
