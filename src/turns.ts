export interface TurnLimits {
  readonly atOnce: number
  /** How many may wait; any number if left out. */
  readonly queueMax?: number
  /** How long each may wait; any time if left out. */
  readonly queueMaxMs?: number
}

/** The queue was full, or it took too long. */
export class NoTurnError extends Error {}

/** A few at once, and the others in the order of asking. */
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

  /** Takes a turn where one is free; false where none is. */
  tryTake(): boolean {
    if (this.#taken >= this.#atOnce || this.#closedBecause) return false
    this.#taken += 1
    return true
  }

  /** Resolves when it is the caller's turn; undefined means that it is already. Rejects with {@link NoTurnError}. */
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

  /** Gives a turn back, to the one that waits longest: it stays taken in between, so that nobody overtakes. */
  give(): void {
    // Asked first, because to shift nothing costs as much as all the rest of a turn that nobody waits for.
    if (this.#waiting.length > 0) this.#waiting.shift()?.resolve()
    else this.#taken -= 1
  }

  /** All that wait, and all that come later, are refused with this error. */
  close(reason: Error): void {
    this.#closedBecause = reason
    for (const turn of this.#waiting.splice(0)) turn.reject(reason)
  }
}
