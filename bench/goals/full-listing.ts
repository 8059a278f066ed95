import { execFile, spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Server } from '../measure/processes.ts'
import { type Measured, measureInterleaved, type Subject } from '../measure/slices.ts'
import type { Stage } from '../stage.ts'
import type { Effort } from './comparison.ts'

/** The numbers of rows that the reference story published. */
export const LISTED_SIZES = [115, 250, 500]
const STORY = join(import.meta.dirname, '..', 'peers', 'story.py')

/** Packages of the story's stack; none of them starts a service. */
export const STORY_PACKAGES = 'mariadb-server-core mariadb-client python3-flask python3-mysqldb'

export interface FullListing {
  /** Versions of the story's stack. */
  readonly stack: string
  readonly sizes: readonly {
    readonly users: number
    readonly rollcall: Measured
    readonly again: Measured
    readonly story: Measured
  }[]
}

/**
 * All members in one reply, by Rollcall with everything on and by the reference story's stack, in requests a second
 * while its processor is busy: Flask answers each request in a thread that then ends and takes its processor time with
 * it. Undefined if the stack is not installed.
 */
export async function fullListing(stage: Stage, effort: Effort): Promise<FullListing | undefined> {
  const programs = findPrograms()
  if (programs === undefined) {
    effort.say(
      `The full listing needs MariaDB and Flask to be compared with: apt-get install ${STORY_PACKAGES}`,
    )
    return undefined
  }
  effort.say('starting MariaDB')
  const socket = await startMariaDb(stage, programs)
  let stack = ''
  const subjects: Subject[] = []
  for (const users of LISTED_SIZES) {
    const database = await stage.database(users)
    for (const name of ['rollcall', 'again']) {
      const server = await stage.rollcall(database, 'everything')
      const headers = await stage.session(server)
      subjects.push({ name, server, visit: { url: `${server.url}/v1/community/full`, headers } })
    }
    const story = await startFlask(stage, programs, { socket, database, users })
    stack = story.stack
    subjects.push({ name: 'story', server: story, visit: { url: `${story.url}/community` } })
  }
  const measured = await measureInterleaved(subjects, stage.load, effort, (done) =>
    effort.say(`full listing: round ${done} of ${effort.rounds}`),
  )
  const sizes = LISTED_SIZES.map((users, at) => {
    const [rollcall, again, story] = measured.slice(3 * at, 3 * at + 3) as [Measured, Measured, Measured]
    return { users, rollcall, again, story }
  })
  return { stack, sizes }
}

interface Programs {
  readonly install: string
  readonly mariadbd: string
  readonly python: string
}

function findPrograms(): Programs | undefined {
  const isThere = (command: string) => spawnSync(command, ['--help'], { stdio: 'ignore' }).error === undefined
  const install = ['mariadb-install-db'].find(isThere)
  const mariadbd = ['mariadbd', '/usr/sbin/mariadbd'].find(isThere)
  // Only Debian's Python sees Debian's packages.
  const python = ['/usr/bin/python3', 'python3'].find(
    (command) => spawnSync(command, ['-c', 'import flask, MySQLdb'], { stdio: 'ignore' }).status === 0,
  )
  // mariadb-install-db needs `my_print_defaults`, from another package.
  return install && mariadbd && python && isThere('my_print_defaults')
    ? { install, mariadbd, python }
    : undefined
}

/** A server with its own data, on a socket in the stage's folder only; resolves to the path of that socket. */
async function startMariaDb({ folder, processes }: Stage, programs: Programs): Promise<string> {
  const home = join(folder, 'mariadb')
  mkdirSync(home)
  const socket = join(home, 'socket')
  // It refuses to run as root without this option.
  const user = userInfo().uid === 0 ? ['--user=root'] : []
  const options = ['--no-defaults', `--datadir=${join(home, 'data')}`, ...user]
  await promisify(execFile)(programs.install, [...options, '--auth-root-authentication-method=normal'])
  await processes.program(
    'mariadbd',
    programs.mariadbd,
    [...options, `--socket=${socket}`, '--skip-networking'],
    { env: {}, ready: (line) => line.includes('ready for connections') },
  )
  return socket
}

async function startFlask(
  { processes }: Stage,
  { python }: Programs,
  { socket, database, users }: { socket: string; database: string; users: number },
): Promise<Server & { stack: string }> {
  const { pid, told } = await processes.program('Flask', python, [STORY], {
    env: { BENCH_DATABASE: database, MARIADB_SOCKET: socket, MARIADB_DATABASE: `story_${users}` },
    ready: (line) => line.startsWith('{') && (JSON.parse(line) as { port: number; stack: string }),
  })
  return { pid, url: `http://127.0.0.1:${told.port}`, stack: told.stack }
}
