import { METRICS } from './catalogue.ts'
import type { Instruments } from './instruments.ts'

/** Told of every password hash and of those that wait; handed to whoever hashes. */
export function hashTiming(instruments: Instruments) {
  const duration = instruments.histogram(METRICS.passwordHashDuration, {})
  const queue = instruments.gauge(METRICS.passwordHashQueue, {})
  let waiting = 0
  // Sampled: a gauge that was recorded on each change would keep one value of an interval by accident.
  instruments.beforeCollection(() => queue.record(waiting))
  return {
    hashed: (seconds: number) => duration.record(seconds),
    queued: (requests: number) => {
      waiting = requests
    },
  }
}
