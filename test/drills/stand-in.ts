import type { Order } from '../support/intake/control.ts'
import type { StoreCounters } from '../support/intake/received-metrics.ts'
import type { IntakeRefusal } from '../support/intake/refusals.ts'
import type { Percentile } from '../support/intake/sketch.ts'

export interface Stored {
  readonly metrics: StoreCounters & {
    readonly series: Readonly<Record<string, number>>
    readonly overwrittenPerMetric: Readonly<Record<string, number>>
  }
  readonly traces: { readonly received: number; readonly distinct: number }
  readonly logs: { readonly received: number }
  readonly requests: Readonly<Record<string, number>>
  readonly misbehaved: Readonly<Record<string, number>>
  readonly refused: readonly IntakeRefusal[]
}

type Groups<T> = Record<string, T>

/** The side door of the stand-in for Datadog's intake: what it stored, and what it shall do. */
export class StandIn {
  readonly url: string

  constructor(url: string) {
    this.url = url
  }

  stored(): Promise<Stored> {
    return this.#get({}) as Promise<Stored>
  }

  /** Of a counter. */
  sum(metric: string, by: readonly string[], filter: readonly string[] = []): Promise<Groups<number>> {
    return this.#get({ query: 'sum', metric, by, filter }) as Promise<Groups<number>>
  }

  /** Of a distribution. */
  async count(metric: string, by: readonly string[]): Promise<Groups<number>> {
    return this.#get({ query: 'count', metric, by }) as Promise<Groups<number>>
  }

  /** End (seconds since the epoch) and value of each point, in their order. */
  async points(metric: string, by: readonly string[] = []): Promise<Groups<[number, number][]>> {
    return this.#get({ query: 'points', metric, by }) as Promise<Groups<[number, number][]>>
  }

  /** Seconds since the epoch between which a series says nothing. */
  async gaps(metric: string, by: readonly string[]): Promise<Groups<[number, number][]>> {
    return this.#get({ query: 'gaps', metric, by }) as Promise<Groups<[number, number][]>>
  }

  async percentile(metric: string, by: readonly string[], p: number): Promise<Groups<Percentile>> {
    return this.#get({ query: 'percentile', metric, by, p: [String(p)] }) as Promise<Groups<Percentile>>
  }

  async order(order: Order): Promise<void> {
    const response = await fetch(`${this.url}/control`, { method: 'POST', body: JSON.stringify(order) })
    if (!response.ok) throw new Error(`The stand-in does not obey: ${await response.text()}`)
  }

  async #get(parameters: Record<string, string | readonly string[]>): Promise<unknown> {
    const query = new URLSearchParams()
    for (const [name, value] of Object.entries(parameters))
      if (value.length > 0) query.set(name, [value].flat().join(','))
    const response = await fetch(`${this.url}/stored?${query}`)
    if (!response.ok) throw new Error(`The stand-in cannot answer: ${await response.text()}`)
    return response.json()
  }
}
