import { parentPort } from 'node:worker_threads'

/** The ticks: `count` of them, `stepMs` apart, from `startNs` (of `process.hrtime`, which all threads share). */
export interface Beat {
  readonly startNs: bigint
  readonly stepMs: number
  readonly count: number
}

/**
 * The thread that wakes the sending one. Timers have whole milliseconds, which is too coarse for a page of 0.3 ms; a
 * busy loop would take a core away from the measured service. A futex is 0.1 ms late.
 */
parentPort!.once('message', ({ startNs, stepMs, count }: Beat) => {
  const neverWoken = new Int32Array(new SharedArrayBuffer(4))
  for (let tick = 0; tick < count; tick++) {
    const waitMs = Number(startNs - process.hrtime.bigint()) / 1e6 + tick * stepMs
    if (waitMs > 0) Atomics.wait(neverWoken, 0, 0, waitMs)
    parentPort!.postMessage(tick)
  }
})
