export interface TurnLimits {
  readonly atOnce: number
  /** Most that may wait; without it, any number. */
  readonly queueMax?: number
  /** Longest wait, in milliseconds; without it, any time. */
  readonly queueMaxMs?: number
}

/** The queue was full, or the wait took too long. */
export class NoTurnError extends Error {}

/** A few at once; the others wait in the order of asking. */
export class Turns {
  readonly #atOnce: number
  readonly #queueMax: number
  readonly #queueMaxMs: number | undefined
  readonly #waiting: PromiseWithResolvers<void>[] = []
  #taken = 0
  #closedBecause: Error | undefined

  constructor({ atOnce, queueMax = Number.POSITIVE_INFINITY, queueMaxMs }: TurnLimits) {
    this.#atOnce = atOnce
    this.#queueMax = queueMax
    this.#queueMaxMs = queueMaxMs
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** Takes a turn if one is free; false if none is. */
  tryTake(): boolean {
    if (this.#taken >= this.#atOnce || this.#closedBecause) return false
    this.#taken += 1
    return true
  }

  /** Resolves when it is the caller's turn; undefined if it is already. Rejects with {@link NoTurnError}. */
  take(): Promise<void> | undefined {
    if (this.#closedBecause) return Promise.reject(this.#closedBecause)
    if (this.tryTake()) return undefined
    if (this.#waiting.length >= this.#queueMax) return Promise.reject(new NoTurnError('The queue is full.'))
    const turn = Promise.withResolvers<void>()
    this.#waiting.push(turn)
    if (this.#queueMaxMs === undefined) return turn.promise
    const timer = setTimeout(() => {
      this.#waiting.splice(this.#waiting.indexOf(turn), 1)
      turn.reject(new NoTurnError('It took too long.'))
    }, this.#queueMaxMs)
    return turn.promise.finally(() => clearTimeout(timer))
  }

  /** Gives a turn to the longest waiter: it stays taken in between, so that no other caller overtakes. */
  give(): void {
    // Checked first, because a shift of an empty queue costs as much as all the rest of an uncontended turn.
    if (this.#waiting.length > 0) this.#waiting.shift()?.resolve()
    else this.#taken -= 1
  }

  /** Refuses all waiting and later callers with this error. */
  close(reason: Error): void {
    this.#closedBecause = reason
    for (const turn of this.#waiting.splice(0)) turn.reject(reason)
  }
}
