import { readdirSync, readFileSync } from 'node:fs'

/**
 * Nanoseconds that a process has had a processor, all its threads together, from the scheduler's own accounting
 * (Documentation/scheduler/sched-stats.rst of Linux). /proc/PID/stat counts in ticks of 10 ms, and wall time includes
 * other processes.
 */
export function processorNanoseconds(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`)
  return threads.reduce((sum, thread) => sum + threadNanoseconds(`/proc/${pid}/task/${thread}/schedstat`), 0)
}

/** A thread may end between the listing and the reading. */
function threadNanoseconds(file: string): number {
  try {
    return Number(readFileSync(file, 'utf8').split(' ', 1)[0])
  } catch {
    return 0
  }
}

/** Ticks of all processors since the machine started: all of them, and those that the host took away. */
export interface MachineTicks {
  readonly all: number
  readonly stolen: number
}

export function machineTicks(): MachineTicks {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n', 1)
  const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number)
  return { all: ticks.reduce((sum, value) => sum + value, 0), stolen: ticks[7] ?? 0 }
}

/** Part of the time between two readings that the host took away. */
export function stolenPart(before: MachineTicks, after: MachineTicks): number {
  return after.all === before.all ? 0 : (after.stolen - before.stolen) / (after.all - before.all)
}

/** Resident bytes of a process now. */
export function residentBytes(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kib) * 1024
}
