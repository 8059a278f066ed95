import type { AttemptCount, AttemptCounts } from '../../http/attempt-counts.ts'
import type { FromWorker, ToWorker } from './messages.ts'

/** More keys than any window should see at once; the least recently used one goes first. */
const KEYS_MAX = 50_000

interface Window {
  readonly endsAt: number
  count: number
}

/** The counts themselves, in the primary process: a limit holds for all workers together, and outlives each of them. */
export class SharedCounts {
  readonly #windows = new Map<string, Window>()

  add(key: string, windowMs: number, now = performance.now()): AttemptCount {
    const known = this.#windows.get(key)
    const window = known !== undefined && known.endsAt > now ? known : { endsAt: now + windowMs, count: 0 }
    window.count += 1
    // Last in the order of use.
    this.#windows.delete(key)
    this.#windows.set(key, window)
    if (this.#windows.size > KEYS_MAX) this.#windows.delete(this.#windows.keys().next().value as string)
    return { current: window.count, ttl: Math.ceil(window.endsAt - now) }
  }
}

/** Asks the primary process. */
export function countsOfPrimary(): AttemptCounts {
  const waiting = new Map<number, (count: AttemptCount) => void>()
  let asked = 0
  process.on('message', (message: ToWorker) => {
    waiting.get(message.id)?.(message)
    waiting.delete(message.id)
  })
  // No process counts any more: accepted requests are answered, and this process ends.
  process.once('disconnect', () => {
    for (const resolve of waiting.values()) resolve(UNCOUNTED)
    waiting.clear()
  })
  return {
    async add(key, windowMs) {
      if (!process.connected) return UNCOUNTED
      const id = asked++
      const question: FromWorker = { kind: 'attempt', id, key, windowMs }
      const answer = new Promise<AttemptCount>((resolve) => waiting.set(id, resolve))
      // A broken channel is reported by its disconnection.
      process.send?.(question, undefined, undefined, () => {})
      return answer
    },
  }
}

const UNCOUNTED: AttemptCount = { current: 1, ttl: 0 }
