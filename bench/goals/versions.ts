import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { CommandError } from '../../src/process/command.ts'
import { count, micro, seconds, spread, times, type Writer } from '../figures.ts'
import { measureInterleaved, ratioOf } from '../measure/slices.ts'
import { type Spread, spreadOf } from '../measure/statistics.ts'
import { HERE, type Instrumented, type Stage } from '../stage.ts'
import { type Effort, USERS } from './comparison.ts'

const SEEDED = 100_000
const RUNS = 5

const PATHS = { 'community page': '/v1/community', 'trivial route': '/' } as const

/** A version of Rollcall among those that take turns; `now` is there twice, as the control. */
const VERSIONS = ['before', 'now', 'now again'] as const
type Version = (typeof VERSIONS)[number]

/**
 * Two checkouts in one run: requests with everything on and off, seeding, and the start. A table in Markdown; its
 * ratios compare figures that were measured beside each other.
 */
export async function compareVersions(stage: Stage, before: string, effort: Effort): Promise<string> {
  if (!existsSync(join(before, 'node_modules')))
    throw new CommandError(`${before} has no installed Rollcall; run npm start there once.`)
  const folders = { before, now: HERE, 'now again': HERE }
  const rows: string[] = []
  for (const instrumented of ['everything', 'nothing'] as const)
    for (const [page, path] of Object.entries(PATHS))
      rows.push(
        await stage.act(() =>
          requests(stage, folders, instrumented, path, `${page}, ${instrumented} on`, effort),
        ),
      )
  rows.push(
    await inTurns('seeding, members a second', count, (version) => {
      effort.say(`seeding ${version}`)
      return stage.seedAnew(SEEDED, folders[version]).then(({ usersASecond }) => usersASecond)
    }),
  )
  const databases = {
    before: await stage.database(1000, { checkout: before }),
    now: await stage.database(1000),
    'now again': await stage.database(1000),
  }
  rows.push(
    await inTurns('start to first answer', seconds, async (version) => {
      effort.say(`starting ${version}`)
      const startedAt = performance.now()
      const server = await stage.rollcall(databases[version], 'everything', { checkout: folders[version] })
      await (await fetch(server.url)).text()
      const taken = (performance.now() - startedAt) / 1000
      await stage.processes.stop(server)
      return taken
    }),
  )
  return [
    '| | before | now | now to before | now to now again (A/A) |',
    '|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}

async function requests(
  stage: Stage,
  folders: Record<Version, string>,
  instrumented: Instrumented,
  path: string,
  what: string,
  effort: Effort,
): Promise<string> {
  const subjects = []
  for (const version of VERSIONS) {
    const checkout = folders[version]
    const database = await stage.database(USERS, { checkout })
    const server = await stage.rollcall(database, instrumented, { checkout })
    const headers = await stage.session(server)
    subjects.push({ name: version, server, visit: { url: `${server.url}${path}`, headers } })
  }
  const [before, now, again] = await measureInterleaved(subjects, stage.load, effort, (done) =>
    effort.say(`${what}: round ${done} of ${effort.rounds}`),
  )
  if (!before || !now || !again) throw new Error('a version was not measured')
  const figures = { before: before.microseconds, now: now.microseconds }
  return row(`${what}, µs`, micro, figures, ratioOf(now, before), ratioOf(now, again))
}

async function inTurns(
  what: string,
  write: Writer,
  measure: (version: Version) => Promise<number>,
): Promise<string> {
  const found: Record<Version, number[]> = { before: [], now: [], 'now again': [] }
  for (let run = 0; run < RUNS; run++)
    for (const version of VERSIONS) found[version].push(await measure(version))
  const { before, now, 'now again': again } = found
  const ratio = (others: readonly number[]) =>
    spreadOf(now.map((value, run) => value / (others[run] as number)))
  return row(what, write, { before: spreadOf(before), now: spreadOf(now) }, ratio(before), ratio(again))
}

function row(
  what: string,
  write: Writer,
  { before, now }: Record<'before' | 'now', Spread>,
  ratio: Spread,
  control: Spread,
): string {
  return `| ${what} | ${spread(before, write)} | ${spread(now, write)} | ${spread(ratio, times)} | ${spread(control, times)} |`
}
