import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'tap'
import { processorNanoseconds, residentBytes } from '../../bench/measure/processor-time.ts'

const skip = process.platform !== 'linux' && 'the scheduler of Linux is what is read'

/** Answers each message after so many milliseconds of work of two threads, with what it has used by its own account. */
const BUSY = join(import.meta.dirname, 'busy-process.ts')

test('processor time of a process is what it says itself, its threads included', { skip }, async (t) => {
  const child = fork(BUSY, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  t.teardown(() => child.kill())
  const pid = child.pid as number
  const [before] = (await once(child, 'message')) as [number]
  const startedAt = processorNanoseconds(pid)
  child.send('work')
  const [after] = (await once(child, 'message')) as [number]
  const used = (processorNanoseconds(pid) - startedAt) / 1000
  const own = after - before
  t.ok(own > 100_000, `it worked: ${own} µs`)
  t.ok(Math.abs(used - own) < 0.1 * own, `${used} µs by the scheduler, ${own} µs by itself`)
  t.ok(residentBytes(pid) > 10e6)
})
