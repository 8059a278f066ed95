import { type Measured, measureInterleaved, ratioOf, type Subject } from '../measure/slices.ts'
import type { Spread } from '../measure/statistics.ts'
import type { Stage } from '../stage.ts'
import type { Effort } from './comparison.ts'

const FEW = 100

export interface Results {
  readonly sizes: readonly { votes: number; page: Measured }[]
  readonly ratio: Spread
  readonly control: Spread
}

/** The results of a poll with few and with many votes: everything on, each over its own database. */
export async function results(stage: Stage, votes: number, effort: Effort): Promise<Results> {
  const subjects: Subject[] = []
  for (const [name, size] of [
    ['few', FEW],
    ['again', FEW],
    ['many', votes],
  ] as const) {
    effort.say(`seeding ${size.toLocaleString('en')} votes`)
    // Everybody votes, so the logged-in member may see the results.
    const database = await stage.database(size, { seeding: ['--polls', '1', '--votes', String(size)] })
    const server = await stage.rollcall(database, 'everything')
    const headers = await stage.session(server)
    const polls = await (await fetch(`${server.url}/v1/polls`, { headers })).json()
    const [{ id }] = (polls as { data: [{ id: number }] }).data
    subjects.push({ name, server, visit: { url: `${server.url}/v1/polls/${id}/results`, headers } })
  }
  const [few, again, many] = (await measureInterleaved(subjects, stage.load, effort, (done) =>
    effort.say(`results of a poll: round ${done} of ${effort.rounds}`),
  )) as [Measured, Measured, Measured]
  return {
    sizes: [
      { votes: FEW, page: few },
      { votes, page: many },
    ],
    ratio: ratioOf(many, few),
    control: ratioOf(again, few),
  }
}
