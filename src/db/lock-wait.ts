/** Locks of other processes on the file: how to recognise them, and how long to wait before the next attempt. */

const LONGEST_PAUSE_MS = 20

/** Another process holds a lock. Nothing has happened: the same statement may be repeated. */
export function isLocked(error: unknown): boolean {
  const code = (error as { code?: unknown } | undefined)?.code
  return typeof code === 'string' && code.startsWith('SQLITE_BUSY')
}

/**
 * Doubles from 1 ms and stays at 20: an attempt costs microseconds, and a seeding process leaves gaps of this length.
 * Half of it is random, so that waiting processes do not meet again.
 */
export function pauseMs(attempt: number): number {
  return Math.min(2 ** attempt, LONGEST_PAUSE_MS) * (0.5 + Math.random() / 2)
}

/** For opening only: blocks the thread until `run` is no longer refused or the time is over. */
export function retryWhileLocked<T>(timeoutMs: number, run: () => T): T {
  const deadline = performance.now() + timeoutMs
  for (let attempt = 0; ; attempt++) {
    try {
      return run()
    } catch (error) {
      if (!isLocked(error) || performance.now() >= deadline) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pauseMs(attempt))
    }
  }
}
