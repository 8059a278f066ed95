import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Stage } from '../stage.ts'
import { type Effort, USERS } from './comparison.ts'

const SAMPLE_MICROSECONDS = 500
const WARM_UP_REQUESTS = 10_000
const REQUESTS_AT_ONCE = 2000
const NAMED_FUNCTIONS = 3
const NAMED_PART = 0.001

/** A server's processor time, by the author of the running code. */
export interface Profile {
  readonly rooms: readonly {
    readonly name: string
    /** Part of the busy time. */
    readonly part: number
    /** Named functions with the most self time there, most first, each with its part of the whole. */
    readonly functions: readonly { readonly name: string; readonly part: number }[]
  }[]
  /** Samples in which it was busy. */
  readonly samples: number
}

/** The first room whose pattern fits a function's file, or its name if it has no file. */
const ROOMS: readonly { readonly name: string; readonly file?: RegExp; readonly native?: RegExp }[] = [
  { name: 'garbage collection', native: /^\(garbage collector\)$/ },
  { name: 'writing to sockets', native: /^write(v|Buffer|Utf8String|Latin1String|AsciiString|Ucs2String)$/ },
  // better-sqlite3's functions have no frame of their own: their time is that of the calling function.
  { name: 'SQLite', file: /\/src\/db\/execute\.ts$|\/node_modules\/better-sqlite3\// },
  { name: 'telemetry', file: /\/src\/telemetry\/|\/node_modules\/@opentelemetry\// },
  { name: 'hash of the session’s token', file: /^node:internal\/crypto\// },
  { name: 'Node’s HTTP, streams and timers', file: /^node:/ },
  { name: 'Fastify and other packages', file: /\/node_modules\// },
  { name: 'Rollcall’s own code', file: /\/src\// },
]
const REST = 'the rest of V8 and Node'

/** The community page with everything on, under load for `seconds`. */
export async function profile(stage: Stage, { say }: Pick<Effort, 'say'>, seconds: number): Promise<Profile> {
  say('profile of the processor time')
  const folder = join(stage.folder, 'profile')
  const server = await stage.rollcall(await stage.database(USERS), 'everything', {
    execArgv: ['--cpu-prof', `--cpu-prof-dir=${folder}`, `--cpu-prof-interval=${SAMPLE_MICROSECONDS}`],
  })
  const visit = { url: `${server.url}/v1/community`, headers: await stage.session(server) }
  await stage.load.send(visit, WARM_UP_REQUESTS)
  const from = monotonicMicroseconds()
  const until = from + seconds * 1e6
  while (monotonicMicroseconds() < until) await stage.load.send(visit, REQUESTS_AT_ONCE)
  const to = monotonicMicroseconds()
  await stage.processes.stop(server)
  const [file] = readdirSync(folder) as [string]
  return summarize(JSON.parse(readFileSync(join(folder, file), 'utf8')), { from, to })
}

/** The clock of V8's profiles, which all processes share. */
function monotonicMicroseconds(): number {
  return Number(process.hrtime.bigint() / 1000n)
}

/** The part of a .cpuprofile that is read here: times in microseconds. */
export interface CpuProfile {
  readonly startTime: number
  readonly nodes: readonly ProfileNode[]
  /** Ids of nodes. */
  readonly samples: readonly number[]
  /** Since the sample before, or since the start. */
  readonly timeDeltas: readonly number[]
}

interface ProfileNode {
  readonly id: number
  readonly callFrame: { readonly functionName: string; readonly url: string }
  readonly children?: readonly number[]
}

/** Self time by room, of the samples between two times of the profile's clock. */
export function summarize(
  { startTime, nodes, samples, timeDeltas }: CpuProfile,
  { from, to }: { from: number; to: number },
): Profile {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const callers = new Map(nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node])))
  const rooms = new Map<string, Map<string, number>>()
  let at = startTime
  let [counted, total] = [0, 0]
  for (const [index, id] of samples.entries()) {
    at += timeDeltas[index] as number
    const node = byId.get(id) as ProfileNode
    const { functionName } = node.callFrame
    if (at < from || at > to || functionName === '(idle)') continue
    const lasted = timeDeltas[index + 1] ?? 0
    const room = roomOf(node, callers)
    const functions = rooms.get(room) ?? new Map<string, number>()
    rooms.set(room, functions)
    functions.set(functionName, (functions.get(functionName) ?? 0) + lasted)
    total += lasted
    counted++
  }
  const parts = (times: ReadonlyMap<string, number>) =>
    [...times]
      .map(([name, time]) => ({ name, part: time / total }))
      .sort((one, other) => other.part - one.part)
  return {
    samples: counted,
    rooms: [...rooms]
      .map(([name, functions]) => ({ name, functions: parts(functions) }))
      .map(({ name, functions }) => ({
        name,
        part: functions.reduce((sum, { part }) => sum + part, 0),
        functions: functions
          .filter(({ name, part }) => name !== '' && part >= NAMED_PART)
          .slice(0, NAMED_FUNCTIONS),
      }))
      .sort((one, other) => other.part - one.part),
  }
}

/** A native function without a room belongs to its caller: a regular expression to the code that uses it. */
function roomOf(node: ProfileNode, callers: ReadonlyMap<number, ProfileNode>): string {
  const { functionName, url } = node.callFrame
  const room = ROOMS.find(({ file, native }) => (url === '' ? native?.test(functionName) : file?.test(url)))
  if (room !== undefined) return room.name
  const caller = callers.get(node.id)
  return url !== '' || caller === undefined ? REST : roomOf(caller, callers)
}
