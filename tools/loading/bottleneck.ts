import type { AppliedLoad } from './apply-load.ts'
import type { Pace } from './pacing.ts'
import { NOT_SENT, type PageResult, TIME_OUT } from './results.ts'

/** With a larger delay, the latencies tell as much about this machine as about the service. */
const LATE_MS = 10
/** Part of the time: from here on, the sending thread had no rest. */
const BUSY = 0.95
/**
 * Parts of the time in which the thread had work. From the first on, it was running; below the second, it mostly waited
 * for a processor.
 */
const AT_WORK = 0.7
const WAITING = 0.5

export type Bottleneck = 'client' | 'service' | 'machine'

type Run = Pick<AppliedLoad, 'lateness' | 'sender' | 'unanswered'> &
  Pick<Pace, 'ratePerSecond'> & { readonly total: Pick<PageResult, 'errors'> }

export function isLate({ lateness }: Run): boolean {
  return (lateness.percentileMs(99) ?? 0) > LATE_MS
}

/**
 * The cause of a missed rate: the sending thread, which had no rest; other programs, which kept it from a processor;
 * else the service, if requests could not be sent, were not answered in time, or waited for more than a second at the
 * end (the requests of one second, by Little's law). Undefined for none.
 */
export function bottleneckOf(run: Run): Bottleneck | undefined {
  const atWork = run.sender.cpu / run.sender.busy
  if (isLate(run) && run.sender.busy >= BUSY && atWork >= AT_WORK) return 'client'
  if (isLate(run) && atWork < WAITING) return 'machine'
  const { errors } = run.total
  if (errors.has(NOT_SENT) || errors.has(TIME_OUT) || run.unanswered > run.ratePerSecond) return 'service'
  return isLate(run) ? 'machine' : undefined
}
