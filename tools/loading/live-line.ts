import type { Writable } from 'node:stream'
import { formatCount } from '../progress.ts'
import { formatMs } from './format.ts'
import { Latencies } from './latencies.ts'
import type { Pace } from './pacing.ts'

const TERMINAL_MS = 1000
const LOG_MS = 5000

/** Progress of a run: one line that changes each second on a terminal, a line now and then elsewhere. */
export class LiveLine {
  readonly #out: Writable & { isTTY?: boolean }
  readonly #pace: Pace
  readonly #timer: NodeJS.Timeout
  readonly #startedAt = performance.now()
  /** Answers since the line was last shown. */
  readonly latencies = new Latencies()
  #shownAt = performance.now()
  #sent = 0
  #inFlight = 0
  #errors = 0

  constructor(pace: Pace, out: Writable & { isTTY?: boolean } = process.stderr) {
    this.#pace = pace
    this.#out = out
    this.#timer = setInterval(() => this.#show(), out.isTTY ? TERMINAL_MS : LOG_MS)
  }

  sent(): void {
    this.#sent += 1
    this.#inFlight += 1
  }

  ended(): void {
    this.#inFlight -= 1
  }

  failed(): void {
    this.#errors += 1
  }

  /** Removes the line. */
  end(): void {
    clearInterval(this.#timer)
    if (this.#out.isTTY) this.#out.write('\r\u001b[2K')
  }

  #show(): void {
    const now = performance.now()
    const seconds = Math.min(this.#pace.durationSeconds, Math.round((now - this.#startedAt) / 1000))
    const line = [
      `${seconds} of ${this.#pace.durationSeconds} s`,
      `${formatCount(Math.round((this.#sent * 1000) / (now - this.#shownAt)))} a second`,
      `${formatCount(this.#inFlight)} in flight`,
      `p50 ${formatMs(this.latencies.percentileMs(50))} ms`,
      `p99 ${formatMs(this.latencies.percentileMs(99))} ms`,
      `${formatCount(this.#errors)} errors`,
    ].join(' · ')
    this.#out.write(this.#out.isTTY ? `\r\u001b[2K${line}` : `${line}\n`)
    this.latencies.reset()
    this.#shownAt = now
    this.#sent = 0
  }
}
