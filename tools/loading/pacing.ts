import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Beat } from './metronome.ts'

/** At higher rates several requests are due at a tick. */
const LEAST_STEP_MS = 0.5
/** A late sender sends this many in one go; then the answers have their turn. */
const MOST_AT_ONCE = 32

export interface Pace {
  readonly ratePerSecond: number
  readonly durationSeconds: number
}

/**
 * Calls `send` at a fixed rate, with the time (of `performance.now`) at which it was due, and never waits for an answer:
 * users do not wait for each other either. A latency is measured from the due time; measured from the sending alone,
 * each stall would hide behind the requests that were not sent meanwhile ("coordinated omission"). Resolves after the
 * last one, or when the signal aborts.
 *
 * Of our own because autocannon 9 is a closed loop: each connection sends its share of the rate as fast as answers come,
 * at the start of each second, and its correction takes requests to be due 1 ms apart at any rate.
 */
export async function keepPace(
  { ratePerSecond, durationSeconds }: Pace,
  signal: AbortSignal,
  send: (dueMs: number) => void,
): Promise<void> {
  const requests = Math.round(ratePerSecond * durationSeconds)
  const intervalMs = 1000 / ratePerSecond
  const stepMs = Math.max(LEAST_STEP_MS, intervalMs)
  const metronome = new Worker(new URL('./metronome.ts', import.meta.url))
  await once(metronome, 'online')
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const startedAt = performance.now()
  const count = Math.ceil(((requests - 1) * intervalMs) / stepMs) + 1
  metronome.postMessage({ startNs: process.hrtime.bigint(), stepMs, count } satisfies Beat)
  let next = 0

  function turn(): void {
    const turnedAt = performance.now()
    for (let sent = 0; next < requests && !signal.aborted; sent++) {
      const dueMs = startedAt + next * intervalMs
      if (dueMs > turnedAt) return
      if (sent === MOST_AT_ONCE) {
        setImmediate(turn)
        return
      }
      next += 1
      send(dueMs)
    }
    resolve()
  }

  metronome.on('message', turn)
  metronome.on('error', reject)
  signal.addEventListener('abort', () => resolve())
  try {
    await promise
  } finally {
    await metronome.terminate()
  }
}
