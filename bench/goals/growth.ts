import { type Measured, measureInterleaved, ratioOf, type Subject } from '../measure/slices.ts'
import type { Spread } from '../measure/statistics.ts'
import type { Stage } from '../stage.ts'
import type { Effort } from './comparison.ts'

const SMALL = 115

export interface Growth {
  readonly sizes: readonly { users: number; page: Measured }[]
  readonly ratio: Spread
  readonly control: Spread
}

/** The same page of fifty, of few and of many members: everything on, each over its own database. */
export async function growth(stage: Stage, users: number, effort: Effort): Promise<Growth> {
  const subjects: Subject[] = []
  for (const [name, size] of [
    ['small', SMALL],
    ['again', SMALL],
    ['large', users],
  ] as const) {
    effort.say(`seeding ${size.toLocaleString('en')} members`)
    const database = await stage.database(size)
    const server = await stage.rollcall(database, 'everything')
    const headers = await stage.session(server)
    subjects.push({ name, server, visit: { url: `${server.url}/v1/community`, headers } })
  }
  const [small, again, large] = (await measureInterleaved(subjects, stage.load, effort, (done) =>
    effort.say(`table growth: round ${done} of ${effort.rounds}`),
  )) as [Measured, Measured, Measured]
  return {
    sizes: [
      { users: SMALL, page: small },
      { users, page: large },
    ],
    ratio: ratioOf(large, small),
    control: ratioOf(again, small),
  }
}
