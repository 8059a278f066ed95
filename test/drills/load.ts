import type { Client } from '../proof/client.ts'
import { draw, isViewed, type Kind, type Outcome } from '../proof/kinds.ts'
import type { RequestLedger } from './request-ledger.ts'

export interface LoadOptions {
  /** Asked in turn. */
  readonly clients: readonly Client[]
  readonly kinds: Readonly<Record<string, Kind>>
  readonly ledger: RequestLedger
  /** Requests a second. */
  readonly rate: number
  readonly random: () => number
  readonly onSent: (requests: number) => void
}

const TICK_MS = 5
/** A page for people is counted after it was sent, or when the service has noticed that its client is gone. */
const COUNTED_LATER_MS = 500
const DRAWN_AT_ONCE = 10_000

/**
 * A mix at a constant rate: each request has a moment when it is due, whether or not those before it were answered, and
 * its time runs from then. A service that stalls cannot hide the time in which nobody could ask.
 */
export class Load {
  readonly #options: LoadOptions
  readonly #underway = new Set<Promise<void>>()
  #drawn: [string, Kind][] = []
  #timer: NodeJS.Timeout | undefined
  #sent = 0

  constructor(options: LoadOptions) {
    this.#options = options
  }

  start(): void {
    const startedAt = performance.now()
    const before = this.#sent
    this.#timer = setInterval(() => {
      const dueBy = before + ((performance.now() - startedAt) * this.#options.rate) / 1000
      const first = this.#sent
      while (this.#sent < dueBy) this.#send(startedAt + ((this.#sent - before) * 1000) / this.#options.rate)
      this.#options.onSent(this.#sent - first)
    }, TICK_MS)
  }

  /** Sends no more and waits for the answers. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.#underway)
  }

  #send(dueAt: number): void {
    if (this.#drawn.length === 0) this.#drawn = draw(this.#options.kinds, DRAWN_AT_ONCE, this.#options.random)
    const [name, kind] = this.#drawn.pop() as [string, Kind]
    const { clients } = this.#options
    const client = clients[this.#sent % clients.length] as Client
    this.#sent += 1
    const asking = this.#ask(client, name, kind, dueAt)
    this.#underway.add(asking)
    void asking.finally(() => this.#underway.delete(asking))
  }

  async #ask(client: Client, name: string, kind: Kind, dueAt: number): Promise<void> {
    const { ledger } = this.#options
    const sentAt = Date.now()
    let outcome: Outcome | undefined
    ledger.sent += 1
    try {
      if (kind.aborts) {
        await client.abort(kind.ask)
        outcome = { cutOff: 'aborted' }
        ledger.aborted(kind)
      } else {
        const { status } = await client.ask(kind.ask)
        ledger.latencies.push(performance.now() - dueAt)
        outcome = { status }
        ledger.answered(name, kind, status)
      }
    } catch (error) {
      // While connecting: what waited in the backlog when listening ended was never read.
      if ((error as NodeJS.ErrnoException).syscall === 'connect') {
        ledger.notLetIn += 1
        return
      }
      ledger.unanswered(kind)
    }
    if (outcome ? isViewed(kind, outcome) : kind.page !== undefined) {
      const countedAt = Date.now() + (kind.isForPeople ? COUNTED_LATER_MS : 0)
      ledger.journeys?.push({ sentAt, countedAt, isAnswered: outcome !== undefined })
    }
  }
}
