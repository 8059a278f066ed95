import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '../../src/db/database.ts'

/** Milliseconds of one transaction: syncing to the disk is a small part of it, and others need not wait long. */
const TARGET_MS = 50

/** In the pause, others find the write lock free; they try it every 20 ms at most (db/lock-wait.ts). */
const PAUSE_MS = 5

const FIRST_SIZE = 200

/** A disk that syncs slowly must not shrink the work to nothing. */
const LEAST_SIZE = 20

export interface Step {
  /** Work done in this step, for a progress display. */
  readonly done: number
  readonly isLast: boolean
}

/**
 * Does long work in transactions of about 50 ms with pauses between, so that a running service can write too. `step`
 * gets the amount to try, from the pace of the last one. Between two transactions the database is in order: a signal or
 * a crash loses none of the committed work.
 */
export async function inShortTransactions(
  db: Database,
  signal: AbortSignal,
  step: (tx: Database, size: number) => Promise<Step>,
  onProgress: (done: number) => void,
): Promise<void> {
  let size = FIRST_SIZE
  for (;;) {
    signal.throwIfAborted()
    let startedAt = 0
    const { done, isLast } = await db.transaction().execute((tx) => {
      startedAt = performance.now()
      return step(tx, size)
    })
    const tookMs = performance.now() - startedAt
    onProgress(done)
    if (isLast) return
    size = Math.max(LEAST_SIZE, Math.round(size * Math.min(10, TARGET_MS / tookMs)))
    await sleep(PAUSE_MS)
  }
}

/** The same for the numbers `first` to `last`; `step` resolves to the work done between two of them. */
export async function overRange(
  db: Database,
  signal: AbortSignal,
  [first, last]: readonly [number, number],
  step: (tx: Database, from: number, to: number) => Promise<number>,
  onProgress: (done: number) => void,
): Promise<void> {
  if (first > last) return
  let next = first
  await inShortTransactions(
    db,
    signal,
    async (tx, size) => {
      const to = Math.min(last, next + size - 1)
      const done = await step(tx, next, to)
      next = to + 1
      return { done, isLast: next > last }
    },
    onProgress,
  )
}
