import type { Signal } from './otlp-endpoint.ts'

/** Reasons for dead letters: refused for good, rejected in part, too large even when split, or too old. */
export const DEAD_LETTER_REASONS = ['refused', 'rejected', 'too_large', 'too_old'] as const
export type DeadLetterReason = (typeof DEAD_LETTER_REASONS)[number]

/**
 * Reasons for loss: no room in memory (`buffer_full`), none in the folder's bounds (`spool_full`,
 * `dead_letters_full`), a folder that cannot be written or a file that cannot be read (`unwritable`, `unreadable`), or a
 * shutdown whose time was over.
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
 * The fate of a signal's items (data points, spans, log records). At every moment
 * `recorded + restored = acknowledged + waiting + deadLetters + the sum of dropped`.
 */
export interface SignalCounts {
  /** Made by this process: collected points, ended spans that are sampled, emitted records. */
  readonly recorded: number
  /** Found on disk, left by an earlier process. */
  readonly restored: number
  readonly acknowledged: number
  /** In memory and on disk. Counted directly, not from the other numbers. */
  readonly waiting: number
  /** On disk, with the reason, not to be sent again. */
  readonly deadLetters: number
  readonly dropped: Readonly<Record<DropReason, number>>
}

export type ExportCounts = Readonly<Record<Signal, SignalCounts>>

/** Counts one signal's items. Waiting items are counted in their queue. */
export class Counts {
  recorded = 0
  restored = 0
  acknowledged = 0
  /** Requests that were sent again. */
  resent = 0
  readonly deadLettersBy = zeros(DEAD_LETTER_REASONS)
  readonly droppedBy = zeros(DROP_REASONS)
  /** Dead letters of another process that this one removed to make room. The other process has counted them. */
  prunedOfOthers = 0

  /** Dead letters were removed to make room, so they count as dropped. */
  prune(items: number, isOwn: boolean): void {
    if (isOwn) this.droppedBy.dead_letters_full += items
    else this.prunedOfOthers += items
  }

  /** All dropped items that had been waiting. Pruned dead letters had not. */
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

/** The counts of a process without exports. */
export const NOTHING_COUNTED: ExportCounts = { metrics: NOTHING, traces: NOTHING, logs: NOTHING }
