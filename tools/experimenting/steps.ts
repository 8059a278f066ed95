import type { Writable } from 'node:stream'

export interface Step {
  readonly what: string
  readonly plannedSeconds: number
}

/** Announces each step and the time of the rest: as planned, corrected by how the plan has held. */
export class Steps {
  readonly #steps: readonly Step[]
  readonly #out: Writable
  readonly #startedAt = performance.now()
  #begun = 0

  constructor(steps: readonly Step[], out: Writable = process.stderr) {
    this.#steps = steps
    this.#out = out
  }

  next(): void {
    const step = this.#steps[this.#begun]
    if (step === undefined) throw new Error('no step is left')
    const tookSeconds = (performance.now() - this.#startedAt) / 1000
    const plannedSeconds = planned(this.#steps.slice(0, this.#begun))
    // As if a tenth had gone as planned: the first short steps say little about the others.
    const assumed = planned(this.#steps) / 10
    const slowdown = (assumed + tookSeconds) / (assumed + plannedSeconds)
    const left = Math.ceil(planned(this.#steps.slice(this.#begun)) * slowdown)
    this.#begun += 1
    this.#out.write(`${this.#begun} of ${this.#steps.length}  ${step.what}, about ${left} s left\n`)
  }
}

function planned(steps: readonly Step[]): number {
  return steps.reduce((sum, { plannedSeconds }) => sum + plannedSeconds, 0)
}
