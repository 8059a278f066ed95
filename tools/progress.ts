import type { Writable } from 'node:stream'

const BAR_WIDTH = 30
const REDRAW_MS = 100
const LINE_MS = 2000

/** Progress of a long step: a bar that moves on a terminal, a line now and then elsewhere. */
export class Progress {
  readonly #out: Writable & { isTTY?: boolean }
  readonly #label: string
  readonly #total: number
  readonly #startedAt = performance.now()
  readonly #lineMs: number
  #shownAt = performance.now()
  #done = 0

  constructor(
    label: string,
    total: number,
    out: Writable & { isTTY?: boolean } = process.stderr,
    { lineMs = LINE_MS } = {},
  ) {
    this.#label = label
    this.#total = total
    this.#out = out
    this.#lineMs = lineMs
  }

  advance(units: number): void {
    this.#done = Math.min(this.#total, this.#done + units)
    const now = performance.now()
    if (now - this.#shownAt < (this.#out.isTTY ? REDRAW_MS : this.#lineMs)) return
    this.#shownAt = now
    this.#out.write(this.#out.isTTY ? `\r\u001b[2K${this.#bar()}` : `${this.#line()}\n`)
  }

  /** Replaces the bar by a line with the work done and its rate. */
  end(): void {
    if (this.#out.isTTY) this.#out.write('\r\u001b[2K')
    this.#out.write(`${this.#line()}\n`)
  }

  #bar(): string {
    const share = this.#total === 0 ? 1 : this.#done / this.#total
    const full = Math.round(share * BAR_WIDTH)
    const bar = '█'.repeat(full) + '░'.repeat(BAR_WIDTH - full)
    return `${this.#label} ${bar} ${Math.floor(share * 100)} %  ${this.#rate()}${this.#left()}`
  }

  /** Remaining time, at the pace so far. */
  #left(): string {
    if (this.#done === 0 || this.#done === this.#total) return ''
    const passedMs = performance.now() - this.#startedAt
    return `, ${formatDuration((passedMs / this.#done) * (this.#total - this.#done))} left`
  }

  #line(): string {
    return `${this.#label}: ${formatCount(this.#done)} of ${formatCount(this.#total)}, ${this.#rate()}`
  }

  #rate(): string {
    const seconds = (performance.now() - this.#startedAt) / 1000
    return `${formatCount(Math.round(this.#done / seconds))} a second`
  }
}

/** With a comma between thousands. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US')
}

export function formatDuration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000)
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}
