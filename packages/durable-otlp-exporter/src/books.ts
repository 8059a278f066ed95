import type { Signal } from './otlp-settings.ts'

/** Why something was set aside: refused for good, not taken in part, too large even when split, or too old to be taken. */
export const SET_ASIDE_REASONS = ['refused', 'rejected', 'too_large', 'too_old'] as const
export type SetAsideReason = (typeof SET_ASIDE_REASONS)[number]

/**
 * Why something was lost: no room in memory (`buffer_full`), none in the folder's bounds (`spool_full`,
 * `set_aside_full`), a folder that cannot be written or a file that cannot be read (`unwritable`, `unreadable`), or a
 * shutdown that nobody could wait for longer.
 */
export const DROP_REASONS = [
  'buffer_full',
  'spool_full',
  'set_aside_full',
  'unwritable',
  'unreadable',
  'shutdown',
] as const
export type DropReason = (typeof DROP_REASONS)[number]

/**
 * What became of a signal's items (data points, spans, log records). At every moment
 * `recorded + restored = acknowledged + waiting + setAside + the sum of dropped`.
 */
export interface Account {
  /** Made by this process: collected points, ended spans that are sampled, emitted records. */
  readonly recorded: number
  /** Found on disk, left by an earlier process. */
  readonly restored: number
  readonly acknowledged: number
  /** In memory and on disk; counted from what is there, not from the other numbers. */
  readonly waiting: number
  /** On disk, with the reason, not to be sent again. */
  readonly setAside: number
  readonly dropped: Readonly<Record<DropReason, number>>
}

export type Books = Readonly<Record<Signal, Account>>

/** Keeps one signal's account; `waiting` is asked from whoever holds what waits. */
export class Bookkeeper {
  recorded = 0
  restored = 0
  acknowledged = 0
  /** Requests that were sent again. */
  resent = 0
  readonly setAsideBy = zeros(SET_ASIDE_REASONS)
  readonly droppedBy = zeros(DROP_REASONS)
  /** Items that another process had set aside, in whose books they are, and that this one removed to make room. */
  prunedOfOthers = 0

  /** What was set aside had to go to make room: no longer there, so dropped. */
  prune(items: number, isOwn: boolean): void {
    if (isOwn) this.droppedBy.set_aside_full += items
    else this.prunedOfOthers += items
  }

  account(waiting: number): Account {
    const setAside = Object.values(this.setAsideBy).reduce((sum, items) => sum + items, 0)
    return {
      recorded: this.recorded,
      restored: this.restored,
      acknowledged: this.acknowledged,
      waiting,
      setAside: setAside - this.droppedBy.set_aside_full,
      dropped: { ...this.droppedBy },
    }
  }
}

function zeros<K extends string>(keys: readonly K[]): Record<K, number> {
  return Object.fromEntries(keys.map((key) => [key, 0])) as Record<K, number>
}
