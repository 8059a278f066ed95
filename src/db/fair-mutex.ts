/** One holder at a time, in the order of asking. */
export class FairMutex {
  #held = false
  #closedBecause: Error | undefined
  readonly #waiting: PromiseWithResolvers<void>[] = []

  /** Takes it where it is free; false where it is not. */
  tryAcquire(): boolean {
    if (this.#held || this.#closedBecause) return false
    this.#held = true
    return true
  }

  /** Resolves when it is the caller's turn; undefined means that it is already. */
  acquire(): Promise<void> | undefined {
    if (this.#closedBecause) return Promise.reject(this.#closedBecause)
    if (this.tryAcquire()) return undefined
    const turn = Promise.withResolvers<void>()
    this.#waiting.push(turn)
    return turn.promise
  }

  /** Hands over to whoever waits longest: it stays held in between, so that nobody overtakes. */
  release(): void {
    const next = this.#waiting.shift()
    if (next) next.resolve()
    else this.#held = false
  }

  /** Everybody who waits, and everybody who comes later, is refused with this error. */
  close(reason: Error): void {
    this.#closedBecause = reason
    for (const turn of this.#waiting.splice(0)) turn.reject(reason)
  }
}
