import { setTimeout as sleep } from 'node:timers/promises'
import { residentBytes } from '../measure/processor-time.ts'
import { type Spread, spreadOf } from '../measure/statistics.ts'
import type { Stage } from '../stage.ts'
import type { Effort } from './comparison.ts'

const STARTS = 7
const RATE = 200

export interface Starting {
  /** Seconds from the start of the process to its first answer. */
  readonly seconds: Spread
  /** Resident bytes after the load. */
  readonly residentBytes: number
  readonly loadSeconds: number
  readonly requests: number
}

/** Starts the service several times, then loads the last one for `loadSeconds`. */
export async function starting(
  stage: Stage,
  { say }: Pick<Effort, 'say'>,
  loadSeconds: number,
): Promise<Starting> {
  const database = await stage.database(1000)
  const seconds: number[] = []
  for (let start = 0; start < STARTS; start++) {
    say(`start ${start + 1} of ${STARTS}`)
    const startedAt = performance.now()
    const server = await stage.rollcall(database, 'everything')
    await (await fetch(server.url)).text()
    seconds.push((performance.now() - startedAt) / 1000)
    await stage.processes.stop(server)
  }
  const server = await stage.rollcall(database, 'everything')
  const headers = await stage.session(server)
  let requests = 0
  for (let second = 0; second < loadSeconds; second++) {
    say(`memory: second ${second + 1} of ${loadSeconds}`)
    const pause = sleep(1000)
    await stage.load.send({ url: `${server.url}/v1/community`, headers }, RATE)
    requests += RATE
    await pause
  }
  return { seconds: spreadOf(seconds), residentBytes: residentBytes(server.pid), loadSeconds, requests }
}
