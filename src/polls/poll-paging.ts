import { Cursors } from '../http/paging.ts'
import type { PollPosition } from './poll-queries.ts'

/** Longest time that one listing is paged through in its first page's order. */
const LISTING_MAX_MS = 86_400_000

/**
 * Cursors of a listing of polls. They carry the time of its first page, so that a poll that closes meanwhile is neither
 * missed nor shown twice. A forged time shows nothing early, and reads no more than what closed within a day.
 */
export function pollCursors(listing: string, memberId: number, cursor: string | undefined, now = Date.now()) {
  const cursors = new Cursors([listing, memberId], ['number', 'number', 'number'])
  const [startedAt, isClosed, beforeId] = (cursors.decode(cursor) ?? [now, 0, Number.MAX_SAFE_INTEGER]) as [
    number,
    number,
    number,
  ]
  const asOf = Math.min(Math.max(startedAt, now - LISTING_MAX_MS), now)
  const position: PollPosition = { asOf, isClosed: isClosed === 1, beforeId }
  return {
    position,
    cursorAfter: (last: { id: number; closes_at: number }) =>
      cursors.encode([asOf, last.closes_at > asOf ? 0 : 1, last.id]),
  }
}
