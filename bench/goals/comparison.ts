import type { Server, Visit } from '../measure/processes.ts'
import { type Measured, measureInterleaved, type Rounds, type Subject } from '../measure/slices.ts'
import type { Stage } from '../stage.ts'

export const USERS = 10_000

export interface Effort extends Rounds {
  readonly say: (progress: string) => void
}

const PEERS = {
  'fastify-metrics': { file: 'fastify-metrics.js' },
  'the SDK’s own instruments': { file: 'sdk-instruments.js' },
  '@fastify/otel, 10 %': { file: 'fastify-otel.js' },
  'http and @fastify/otel, 10 %': { file: 'fastify-otel.js', args: ['--with-http'] },
  'automatic instrumentation, 10 %': {
    file: 'raw.js',
    execArgv: ['--require', '@opentelemetry/auto-instrumentations-node/register'],
  },
  'dd-trace, 10 %': { file: 'raw.js', execArgv: ['--require', 'dd-trace/init'] },
} as const

/** Names of the rows with goals. */
export const BASELINE = 'plain Fastify, raw SQLite'
export const CONTROL = 'plain Fastify again (A/A)'
export const SAME_JOB = 'plain Fastify, session and blocks'
export const EVERYTHING = 'Rollcall, everything on'
export const METRICS = 'Rollcall, metrics on'
export const NOTHING = 'Rollcall, everything off'

/** The community page, 50 of 10,000 members, and a route that does nothing. */
export interface Comparison {
  readonly page: readonly Measured[]
  readonly trivial: readonly Measured[]
}

/** The subjects of the goals, without others between them: a waiting subject loses its caches, the larger the more. */
export async function compareOwn(stage: Stage, effort: Effort): Promise<Comparison> {
  const { raw, control, database } = await baselines(stage)
  const everything = await stage.rollcall(database, 'everything')
  const metrics = await stage.rollcall(database, 'metrics')
  const nothing = await stage.rollcall(database, 'nothing')
  const headers = await stage.session(everything)
  const page = await measure('community page', stage, effort, [
    at(BASELINE, raw, '/community'),
    at(CONTROL, control, '/community'),
    at(EVERYTHING, everything, '/v1/community', headers),
    at(NOTHING, nothing, '/v1/community', headers),
  ])
  const trivial = await measure('trivial route', stage, effort, [
    at(BASELINE, raw, '/trivial'),
    at(CONTROL, control, '/trivial'),
    at(EVERYTHING, everything, '/'),
    at(METRICS, metrics, '/'),
    at(NOTHING, nothing, '/'),
  ])
  return { page, trivial }
}

/** Both pages by Rollcall and its peers, each once a round. */
export async function comparePeers(stage: Stage, effort: Effort): Promise<Comparison> {
  const { raw, control, database, env } = await baselines(stage)
  const kysely = await stage.processes.peer('kysely.js', { env })
  const peers: [string, Server][] = []
  for (const [name, { file, ...options }] of Object.entries(PEERS) as [string, { file: string }][])
    peers.push([name, await stage.processes.peer(file, { env, ...options })])
  const everything = await stage.rollcall(database, 'everything')
  const headers = await stage.session(everything)
  const page = await measure('community page, peers', stage, effort, [
    at(BASELINE, raw, '/community'),
    at(CONTROL, control, '/community'),
    at(SAME_JOB, raw, '/members', headers),
    at('Kysely as it comes', kysely, '/community'),
    ...peers.map(([name, server]) => at(name, server, '/community')),
    at(EVERYTHING, everything, '/v1/community', headers),
  ])
  const trivial = await measure('trivial route, peers', stage, effort, [
    at(BASELINE, raw, '/trivial'),
    at(CONTROL, control, '/trivial'),
    ...peers.map(([name, server]) => at(name, server, '/trivial')),
    at(EVERYTHING, everything, '/'),
  ])
  return { page, trivial }
}

async function baselines(stage: Stage) {
  const database = await stage.database(USERS)
  const env = stage.peerEnv(database)
  const raw = await stage.processes.peer('raw.js', { env })
  const control = await stage.processes.peer('raw.js', { env })
  return { database, env, raw, control }
}

function at(name: string, server: Server, path: string, headers?: Visit['headers']): Subject {
  return { name, server, visit: { url: `${server.url}${path}`, ...(headers && { headers }) } }
}

function measure(page: string, stage: Stage, effort: Effort, subjects: Subject[]): Promise<Measured[]> {
  return measureInterleaved(subjects, stage.load, effort, (done) =>
    effort.say(`${page}: round ${done} of ${effort.rounds}`),
  )
}

/** The row with this name; throws if it is missing. */
export function rowOf<T extends { readonly name: string }>(rows: readonly T[], wanted: string): T {
  const row = rows.find(({ name }) => name === wanted)
  if (row === undefined) throw new Error(`nothing measured ${wanted}`)
  return row
}
