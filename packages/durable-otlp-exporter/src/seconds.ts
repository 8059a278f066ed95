/**
 * Datadog keeps one value for a series and second, the last: two points of one interval sequence must never end in
 * the same second. This class decides the ends of intervals. docs/decisions/0010 has the reasons.
 */
export class Seconds {
  /** The last second with the end of an interval, here or in an earlier process of the same name. */
  #last: number
  /** The last second before the clock went far ahead: it may come back there. */
  #beforeLeap: number | undefined

  constructor(startedAt: number) {
    // An earlier process of the name ended before this one began, but maybe within the same second.
    this.#last = secondOf(startedAt)
  }

  get last(): number {
    return this.#last
  }

  /** An earlier process of the same name ended an interval in this second. */
  remember(second: number, now: number): void {
    if (second - secondOf(now) <= UNREACHABLE_S) this.#last = Math.max(this.#last, second)
  }

  /** The end of an interval that ends now, in milliseconds. Undefined: not now, let it grow. */
  next(now: number): number | undefined {
    const ahead = this.#ahead(now)
    if (ahead < 0 || ahead > UNREACHABLE_S) return now
    if (ahead <= SMALL_STEP_S || ahead > FUTURE_S) return undefined
    return (this.#last + 1) * 1000
  }

  /** As {@link next}, for an interval that cannot be put off any longer. */
  final(now: number): number {
    const ahead = this.#ahead(now)
    return ahead < 0 || ahead > UNREACHABLE_S ? now : (this.#last + 1) * 1000
  }

  /** The time until a final interval can end at its true time. 0 if it can at once, or if the wait is too long. */
  waitForFinal(now: number): number {
    const wait = (this.#last + 1) * 1000 - now
    return wait <= 0 || wait > 1000 ? 0 : Math.ceil(wait)
  }

  take(time: number): void {
    const second = secondOf(time)
    if (second - this.#last > UNREACHABLE_S) this.#beforeLeap = this.#last
    this.#last = second
  }

  #ahead(now: number): number {
    const second = secondOf(now)
    if (this.#last - second > UNREACHABLE_S && this.#beforeLeap !== undefined) {
      this.#last = this.#beforeLeap
      this.#beforeLeap = undefined
    }
    return this.#last - second
  }
}

/** A clock that went back by up to this is waited for: the interval in between merges with the next. */
const SMALL_STEP_S = 10
/** Datadog takes points up to ten minutes ahead of its clock; a minute of that is left for other differences. */
export const FUTURE_S = 540
/** Datadog takes points up to an hour old: of two clocks further apart it cannot have taken both points. */
const UNREACHABLE_S = 3600

function secondOf(time: number): number {
  return Math.floor(time / 1000)
}
