import type { AttemptCount } from '../../http/attempt-counts.ts'

/** Messages between the primary process and its workers, over the channel that `fork` opens. */

/** A worker's file descriptor of the one socket, after its standard streams and the channel. */
export const SOCKET_FD = 4

/** The variable with a worker's slot, from 1. */
export const SLOT_VARIABLE = 'WORKER_SLOT'

export type FromWorker =
  | { readonly kind: 'ready'; readonly url: string; readonly telemetryDestination: string }
  /** It ends now, for this reason, in one sentence. */
  | { readonly kind: 'failed'; readonly reason: string }
  /** Asks the primary process to count an attempt under a limit. */
  | { readonly kind: 'attempt'; readonly id: number; readonly key: string; readonly windowMs: number }

/** The answer to an attempt. */
export interface ToWorker extends AttemptCount {
  readonly id: number
}
