import { argon2id, hash, verify } from 'argon2'
import { Problem } from '../errors.ts'
import { NoTurnError, type TurnLimits, Turns } from '../turns.ts'

/** argon2id, 19 MiB, two passes, one lane: the OWASP and ASVS 5.0 (appendix C) minimum, and one thread for a hash. */
export const ARGON2_OPTIONS = { type: argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const

/** Observes every hash; telemetry hands one in. */
export interface HashingObserver {
  /** Duration of one hash or verification in seconds, waiting not included. */
  hashed(seconds: number): void
  /** Number of requests that wait for their turn now. */
  queued(requests: number): void
}

/**
 * Hashes and verifies passwords, a few at once: each takes a core for tens of milliseconds and 19 MiB, so a flood of
 * log-ins would otherwise starve every other route and then the memory. A full queue or a long wait throws `overloaded`
 * (503).
 */
export class PasswordHasher {
  readonly #turns: Turns
  readonly #observer: HashingObserver
  #dummy: string | undefined

  constructor(limits: Required<TurnLimits>, observer: HashingObserver) {
    this.#turns = new Turns(limits)
    this.#observer = observer
  }

  /** PHC string of a password that {@link parsePassword} accepted. */
  async hash(password: string): Promise<string> {
    return this.#take(() => hash(password.normalize('NFC'), ARGON2_OPTIONS))
  }

  /**
   * Whether the password belongs to the hash. Without a hash (an unknown account) it costs the same and is false, so
   * that the time of an answer does not tell whether an account exists.
   */
  async verify(phc: string | undefined, password: string): Promise<boolean> {
    // Always made first, or the first unknown account would take twice as long.
    this.#dummy ??= await this.hash('an account that does not exist')
    const against = phc ?? this.#dummy
    const matches = await this.#take(() => verify(against, password.normalize('NFC')))
    return matches && phc !== undefined
  }

  async #take<T>(work: () => Promise<T>): Promise<T> {
    await this.#turn()
    const startedAt = performance.now()
    try {
      return await work()
    } finally {
      this.#observer.hashed((performance.now() - startedAt) / 1000)
      this.#turns.give()
      this.#observer.queued(this.#turns.waiting)
    }
  }

  async #turn(): Promise<void> {
    const turn = this.#turns.take()
    if (turn === undefined) return
    this.#observer.queued(this.#turns.waiting)
    try {
      await turn
    } catch (error) {
      this.#observer.queued(this.#turns.waiting)
      throw error instanceof NoTurnError ? tooBusy() : error
    }
  }
}

function tooBusy(): Problem {
  return new Problem('overloaded', 'Too many log-ins at the moment; try again shortly.', {
    headers: { 'retry-after': '2' },
  })
}
