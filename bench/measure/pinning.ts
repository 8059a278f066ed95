import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

/** Servers have the first processor; the load and the receiver of telemetry have the second, if there are two. */
export const SERVER_PROCESSOR = 0
export const LOAD_PROCESSOR = 1

/** Binds all threads of a process to one processor; false if the machine has only one, or no `taskset`. */
export function pin(pid: number, processor: number): boolean {
  if (availableParallelism() < 2) return false
  try {
    execFileSync('taskset', ['-acp', String(processor), String(pid)], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
