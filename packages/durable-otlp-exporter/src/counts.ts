import type { Signal } from './otlp-endpoint.ts'

/** Why something became a dead letter: refused for good, not taken in part, too large even when split, or too old. */
export const DEAD_LETTER_REASONS = ['refused', 'rejected', 'too_large', 'too_old'] as const
export type DeadLetterReason = (typeof DEAD_LETTER_REASONS)[number]

/**
 * Why something was lost: no room in memory (`buffer_full`), none in the folder's bounds (`spool_full`,
 * `dead_letters_full`), a folder that cannot be written or a file that cannot be read (`unwritable`, `unreadable`), or a
 * shutdown that nobody could wait for longer.
 */
export const DROP_REASONS = [
  'buffer_full',
  'spool_full',
  'dead_letters_full',
  'unwritable',
  'unreadable',
  'shutdown',
] as const
export type DropReason = (typeof DROP_REASONS)[number]

/**
 * What became of a signal's items (data points, spans, log records). At every moment
 * `recorded + restored = acknowledged + waiting + deadLetters + the sum of dropped`.
 */
export interface SignalCounts {
  /** Made by this process: collected points, ended spans that are sampled, emitted records. */
  readonly recorded: number
  /** Found on disk, left by an earlier process. */
  readonly restored: number
  readonly acknowledged: number
  /** In memory and on disk; counted from what is there, not from the other numbers. */
  readonly waiting: number
  /** On disk, with the reason, not to be sent again. */
  readonly deadLetters: number
  readonly dropped: Readonly<Record<DropReason, number>>
}

export type ExportCounts = Readonly<Record<Signal, SignalCounts>>

/** Counts one signal's items; what waits is counted where it waits. */
export class Counts {
  recorded = 0
  restored = 0
  acknowledged = 0
  /** Requests that were sent again. */
  resent = 0
  readonly deadLettersBy = zeros(DEAD_LETTER_REASONS)
  readonly droppedBy = zeros(DROP_REASONS)
  /** Dead letters of another process, in whose counts they are, that this one removed to make room. */
  prunedOfOthers = 0

  /** Dead letters had to go to make room: no longer there, so dropped. */
  prune(items: number, isOwn: boolean): void {
    if (isOwn) this.droppedBy.dead_letters_full += items
    else this.prunedOfOthers += items
  }

  /** All that was dropped of what waited; dead letters that were pruned had not been waiting. */
  get dropped(): number {
    const all = Object.values(this.droppedBy).reduce((sum, items) => sum + items, 0)
    return all - this.droppedBy.dead_letters_full
  }

  snapshot(waiting: number): SignalCounts {
    const deadLetters = Object.values(this.deadLettersBy).reduce((sum, items) => sum + items, 0)
    return {
      recorded: this.recorded,
      restored: this.restored,
      acknowledged: this.acknowledged,
      waiting,
      deadLetters: deadLetters - this.droppedBy.dead_letters_full,
      dropped: { ...this.droppedBy },
    }
  }
}

function zeros<K extends string>(keys: readonly K[]): Record<K, number> {
  return Object.fromEntries(keys.map((key) => [key, 0])) as Record<K, number>
}

const NOTHING = new Counts().snapshot(0)

/** Of a process that exports nothing. */
export const NOTHING_COUNTED: ExportCounts = { metrics: NOTHING, traces: NOTHING, logs: NOTHING }
