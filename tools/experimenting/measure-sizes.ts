import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HttpClient } from '../loading/http-client.ts'
import { resolveTarget } from '../loading/target.ts'
import { logInVisitors, logInWithCookie } from '../loading/visitors.ts'
import { formatCount } from '../progress.ts'
import { DEMO_EMAIL } from '../seeding/seeded-users.ts'
import { type Listing, type Measurement, measureListing, warmUp } from './measure.ts'
import { measureSearch, type SearchShape } from './search-shape.ts'
import { seed, startBareServer, startTracedService } from './service-process.ts'
import { type Step, Steps } from './steps.ts'
import { TelemetryReceiver } from './telemetry-receiver.ts'

/** Friends of each account; the friends page is the same at each size, only the table grows. */
const FRIENDS = 10
/** For each listing: until its code is compiled. */
const WARM_UP_MS = 1500
const REQUEST_TIMEOUT_MS = 30_000

export interface ExperimentPlan {
  /** Numbers of rows in the table, ascending. */
  readonly sizes: readonly number[]
  readonly listings: readonly Listing[]
  readonly ratePerSecond: number
  /** Seconds for each page at each size. */
  readonly durationSeconds: number
  readonly withSearches: boolean
}

/** The measurements so far. */
export interface Found {
  readonly measurements: Measurement[]
  readonly searches: SearchShape[]
}

/** Adds to the findings as it goes, so that they survive an abort or a thrown `CommandError`. */
export async function measureSizes(plan: ExperimentPlan, found: Found, signal: AbortSignal): Promise<void> {
  const steps = new Steps(plan.sizes.flatMap((size) => stepsOf(size, plan)))
  const temporary = mkdtempSync(join(tmpdir(), 'rollcall-experiment-'))
  const clear = () => rmSync(temporary, { recursive: true, force: true })
  // Also after an interrupt.
  process.on('exit', clear)
  const receiver = new TelemetryReceiver()
  try {
    const endpoint = await receiver.listen()
    for (const tableRows of plan.sizes) {
      const folder = join(temporary, String(tableRows))
      const place = { databaseUrl: `sqlite:${join(folder, 'rollcall.db')}`, folder, endpoint, receiver }
      await measureSize(tableRows, plan, place, steps, found, signal)
      if (plan.withSearches) {
        steps.next()
        found.searches.push(await measureSearch(place.databaseUrl, tableRows, signal))
      }
      rmSync(folder, { recursive: true })
    }
  } finally {
    receiver.close()
    clear()
    process.off('exit', clear)
  }
}

/** Planned for two cores. */
function stepsOf(tableRows: number, { listings, durationSeconds, withSearches }: ExperimentPlan): Step[] {
  const rows = `${formatCount(tableRows)} rows`
  return [
    { what: `${rows}: seeding`, plannedSeconds: 1 + tableRows / 20_000 },
    { what: `${rows}: warming up`, plannedSeconds: 8 },
    ...listings.map(({ name }) => ({
      what: `${rows}: ${name}`,
      plannedSeconds: durationSeconds + 1.5,
    })),
    ...(withSearches ? [{ what: `${rows}: searching`, plannedSeconds: 4 }] : []),
  ]
}

interface Place {
  readonly databaseUrl: string
  readonly folder: string
  readonly endpoint: string
  readonly receiver: TelemetryReceiver
}

async function measureSize(
  tableRows: number,
  { listings, ratePerSecond, durationSeconds }: ExperimentPlan,
  { databaseUrl, folder, endpoint, receiver }: Place,
  steps: Steps,
  found: Found,
  signal: AbortSignal,
): Promise<void> {
  // Hexadecimal, because it is an option's value below, and base64url may begin with a dash.
  const password = randomBytes(15).toString('hex')
  const ends: (() => unknown)[] = []
  try {
    steps.next()
    await seed(databaseUrl, { rows: tableRows, friends: FRIENDS, password }, signal)
    steps.next()
    const service = await startTracedService(databaseUrl, join(folder, 'telemetry'), endpoint)
    ends.unshift(service.stop)
    const bareServer = await startBareServer()
    ends.unshift(bareServer.stop)
    const [client, bareClient] = [await clientOf(service.url), await clientOf(bareServer.url)]
    ends.unshift(
      () => client.close(),
      () => bareClient.close(),
    )
    const { visitors } = await logInVisitors(client, { wanted: 1, password }, signal)
    signal.throwIfAborted()
    const cookie = await logInWithCookie(client, { email: DEMO_EMAIL, password })
    const bench = { client, bareClient, receiver, token: visitors[0]!.token!, cookie }
    for (const warm of await warmUp(bench, listings, WARM_UP_MS, signal)) {
      steps.next()
      const plan = { tableRows, ratePerSecond, durationSeconds }
      found.measurements.push(await measureListing(bench, warm, plan, signal))
    }
  } finally {
    for (const end of ends) await end()
  }
}

async function clientOf(url: string): Promise<HttpClient> {
  return new HttpClient(await resolveTarget(url, { allowRemote: false }), REQUEST_TIMEOUT_MS)
}
