// Tells the processor time that it has used, in microseconds, once at its start and after each message, when two of its
// threads have worked for 60 ms of processor time each.
import { once } from 'node:events'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'

const WORK_MICROSECONDS = 60_000

function work(): void {
  const since = process.threadCpuUsage()
  const used = () => {
    const { user, system } = process.threadCpuUsage(since)
    return user + system
  }
  while (used() < WORK_MICROSECONDS);
}

function tell(): void {
  const { user, system } = process.cpuUsage()
  process.send?.(user + system)
}

if (isMainThread) {
  const worker = new Worker(import.meta.filename)
  await once(worker, 'message')
  process.on('message', async () => {
    worker.postMessage('work')
    work()
    await once(worker, 'message')
    tell()
  })
  tell()
} else {
  parentPort?.on('message', () => {
    work()
    parentPort?.postMessage('done')
  })
  parentPort?.postMessage('ready')
}
