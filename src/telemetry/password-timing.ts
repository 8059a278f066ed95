import { METRICS } from './catalogue.ts'
import type { Instruments } from './instruments.ts'

/** Observes password hashes and the requests that wait for them; handed to the hasher. */
export function hashTiming(instruments: Instruments) {
  const duration = instruments.histogram(METRICS.passwordHashDuration, {})
  const queue = instruments.gauge(METRICS.passwordHashQueue, {})
  let waiting = 0
  // Sampled: a gauge recorded on each change would keep one value of an interval by accident.
  instruments.beforeCollection(() => queue.record(waiting))
  return {
    hashed: (seconds: number) => duration.record(seconds),
    queued: (requests: number) => {
      waiting = requests
    },
  }
}
