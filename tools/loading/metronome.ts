import { parentPort } from 'node:worker_threads'

/** When to tick: `count` times, `stepMs` apart, from `startNs` (of `process.hrtime`, which all threads share). */
export interface Beat {
  readonly startNs: bigint
  readonly stepMs: number
  readonly count: number
}

/**
 * The thread that wakes the one that sends. Timers have whole milliseconds, which for a page of 0.3 ms is too coarse;
 * looking at the clock all the time instead takes a core away from whom is measured. A futex is 0.1 ms late.
 */
parentPort!.once('message', ({ startNs, stepMs, count }: Beat) => {
  const neverWoken = new Int32Array(new SharedArrayBuffer(4))
  for (let tick = 0; tick < count; tick++) {
    const waitMs = Number(startNs - process.hrtime.bigint()) / 1e6 + tick * stepMs
    if (waitMs > 0) Atomics.wait(neverWoken, 0, 0, waitMs)
    parentPort!.postMessage(tick)
  }
})
