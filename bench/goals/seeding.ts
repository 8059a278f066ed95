import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { type Spread, spreadOf } from '../measure/statistics.ts'
import type { Stage } from '../stage.ts'
import type { Effort } from './comparison.ts'

const USERS = 100_000
const RUNS = 5
const POLLS = 5

export interface Seeding {
  /** Members a second: the command, and a prepared insert for each in one transaction into the same tables. */
  readonly command: Spread
  readonly prepared: Spread
  /** Votes a second, of all these members in some polls. */
  readonly votes: Spread
}

/** Both ways of seeding members, and votes, in turns. */
export async function seeding(stage: Stage, { say }: Pick<Effort, 'say'>): Promise<Seeding> {
  const command: number[] = []
  const prepared: number[] = []
  const votes: number[] = []
  for (let run = 0; run < RUNS; run++) {
    say(`seeding: run ${run + 1} of ${RUNS}`)
    const { path, usersASecond } = await stage.seedAnew(USERS)
    command.push(usersASecond)
    prepared.push(insertOneByOne(path, join(stage.folder, `prepared-${run}.db`)))
    votes.push(await stage.seedVotes(path, USERS, POLLS))
  }
  return { command: spreadOf(command), prepared: spreadOf(prepared), votes: spreadOf(votes) }
}

/** Into an empty table with the same definition, indexes and triggers. */
function insertOneByOne(from: string, to: string): number {
  const source = new Sqlite(from, { readonly: true })
  const objects = source
    .prepare<[], { sql: string }>(
      "select sql from sqlite_master where sql is not null and name not like 'sqlite_%' order by rowid",
    )
    .all()
  const rows = source
    .prepare<[], Record<string, unknown>>(
      'select name, name_key, email, email_key, joined_at, seed_number from users',
    )
    .all()
  source.close()
  const target = new Sqlite(to)
  target.pragma('journal_mode = wal')
  target.pragma('synchronous = full')
  for (const { sql } of objects) target.exec(sql)
  const insert = target.prepare(
    'insert into users (name, name_key, email, email_key, joined_at, seed_number) values (@name, @name_key, @email, @email_key, @joined_at, @seed_number)',
  )
  const startedAt = performance.now()
  target.transaction(() => {
    for (const row of rows) insert.run(row)
  })()
  const seconds = (performance.now() - startedAt) / 1000
  target.close()
  return rows.length / seconds
}
