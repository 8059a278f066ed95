import type { AttemptCount } from '../../http/attempt-counts.ts'

/** What the primary process and its workers say to each other, over the channel that `fork` opens. */

/** Where the one socket is found by a worker: after its standard streams and the channel. */
export const SOCKET_FD = 4

/** The variable that tells a worker which place it takes, from 1. */
export const SLOT_VARIABLE = 'WORKER_SLOT'

export type FromWorker =
  | { readonly kind: 'ready'; readonly url: string; readonly telemetryDestination: string }
  /** It ends now; why, in one sentence. */
  | { readonly kind: 'failed'; readonly reason: string }
  /** Somebody tries something that is limited: how many have there been? */
  | { readonly kind: 'attempt'; readonly id: number; readonly key: string; readonly windowMs: number }

/** The answer to an attempt. */
export interface ToWorker extends AttemptCount {
  readonly id: number
}
