import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Command, CommandError, runCommand, UsageError, type Values } from './command.ts'
import {
  ABOUT_AGREEMENT,
  ABOUT_THE_STORY,
  asText,
  busySentence,
  disagreements,
  type Findings,
  latencyChart,
  latencyTable,
  queryTable,
  searchChart,
  searchTable,
  toCsv,
} from './experimenting/findings.ts'
import { MEASURED_PAGES, type Measurement, measurePage, warmUp } from './experimenting/measure.ts'
import { reportPage } from './experimenting/report-page.ts'
import { measureSearch, type SearchShape } from './experimenting/search-shape.ts'
import { seed, startService } from './experimenting/service-process.ts'
import { type Step, Steps } from './experimenting/steps.ts'
import { TelemetryReceiver } from './experimenting/telemetry-receiver.ts'
import { HttpClient } from './loading/http-client.ts'
import { resolveTarget } from './loading/target.ts'
import { logInVisitors } from './loading/visitors.ts'
import { formatCount } from './progress.ts'

const DEFAULT_ROWS = '115,250,500'
const DEFAULT_RATE = 200
const DEFAULT_DURATION_SECONDS = 6
const DEFAULT_FOLDER = 'data/experiment'
/** Everybody's; the friends page is the same at each size, only the table grows. */
const FRIENDS = 10
const ROWS_MIN = 20
const ROWS_MAX = 1_000_000
/** For each page: until the code that it needs is compiled. */
const WARM_UP_MS = 1500
const REQUEST_TIMEOUT_MS = 30_000

const OPTIONS = {
  rows: { kind: 'text', placeholder: 'N,N,…', meaning: `sizes of the table; ${DEFAULT_ROWS} if left out` },
  rate: {
    kind: 'integer',
    min: 1,
    max: 10_000,
    placeholder: 'R',
    meaning: `requests a second, fewer where they would keep the service busy; ${DEFAULT_RATE} if left out`,
  },
  duration: {
    kind: 'integer',
    min: 1,
    max: 3600,
    placeholder: 'S',
    meaning: `seconds for each page at each size; ${DEFAULT_DURATION_SECONDS} if left out`,
  },
  shape: { kind: 'flag', meaning: 'also a search by prefix, with its index and without' },
  out: {
    kind: 'text',
    placeholder: 'FOLDER',
    meaning: `where the results go; ${DEFAULT_FOLDER} if left out`,
  },
} as const

const experiment: Command<typeof OPTIONS> = {
  name: 'npm run experiment',
  summary: [
    'How a page slows down as its table grows: for each size it seeds a database of its own, starts the service, warms it',
    'up, and asks for the full listing, the keyset page and the friends page at a fixed rate. Latencies are measured here',
    'and received as telemetry; the two must agree. Leaves results.csv, curve.svg and report.html. Quiet machines give',
    'quiet curves.',
  ].join('\n'),
  options: OPTIONS,
  run,
}

await runCommand(experiment)

async function run(options: Values<typeof OPTIONS>, signal: AbortSignal): Promise<void> {
  const sizes = readSizes(options.rows ?? DEFAULT_ROWS)
  const out = makeFolder(options.out ?? DEFAULT_FOLDER)
  const startedAt = new Date()
  const measurements: Measurement[] = []
  const searches: SearchShape[] = []
  const durationSeconds = options.duration ?? DEFAULT_DURATION_SECONDS
  const steps = new Steps(sizes.flatMap((size) => stepsOf(size, durationSeconds)))
  const temporary = mkdtempSync(join(tmpdir(), 'rollcall-experiment-'))
  const receiver = new TelemetryReceiver()
  try {
    const endpoint = await receiver.listen()
    for (const tableRows of sizes) {
      const plan = { tableRows, ratePerSecond: options.rate ?? DEFAULT_RATE, durationSeconds }
      const folder = join(temporary, String(tableRows))
      const databaseUrl = `sqlite:${join(folder, 'rollcall.db')}`
      measurements.push(
        ...(await measureSize(plan, { folder, databaseUrl, endpoint, receiver, steps }, signal)),
      )
      if (options.shape) searches.push(await measureSearch(databaseUrl, tableRows))
      rmSync(folder, { recursive: true })
    }
  } finally {
    receiver.close()
    rmSync(temporary, { recursive: true, force: true })
  }
  const tookSeconds = (Date.now() - startedAt.getTime()) / 1000
  const machine = `${availableParallelism()} × ${cpus()[0]?.model.trim() ?? 'unknown processor'}, Node ${process.version}`
  conclude({ measurements, searches, startedAt, tookSeconds, machine }, out)
}

function readSizes(text: string): number[] {
  const sizes = text.split(',').map(Number)
  const isPossible = (size: number) => Number.isInteger(size) && size >= ROWS_MIN && size <= ROWS_MAX
  if (!/^[\d,]+$/.test(text) || !sizes.every(isPossible))
    throw new UsageError(
      `--rows is "${text}"; give whole numbers from ${ROWS_MIN} to ${ROWS_MAX}, with commas between.`,
    )
  return [...new Set(sizes)].sort((one, other) => one - other)
}

/** Made before anything is measured: what cannot be kept need not be found out. */
function makeFolder(path: string): string {
  try {
    mkdirSync(path, { recursive: true })
    return path
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new CommandError(`The folder ${path} cannot be made (${code}); give --out another one.`)
  }
}

/** Planned by what two cores take. */
function stepsOf(tableRows: number, durationSeconds: number): Step[] {
  const rows = `${formatCount(tableRows)} rows`
  return [
    { what: `${rows}: seeding`, plannedSeconds: 1 + tableRows / 10_000 },
    { what: `${rows}: warming up`, plannedSeconds: 8 },
    ...MEASURED_PAGES.map(({ name }) => ({
      what: `${rows}: ${name}`,
      plannedSeconds: durationSeconds + 1.5,
    })),
  ]
}

interface Surroundings {
  readonly folder: string
  readonly databaseUrl: string
  readonly endpoint: string
  readonly receiver: TelemetryReceiver
  readonly steps: Steps
}

async function measureSize(
  plan: { tableRows: number; ratePerSecond: number; durationSeconds: number },
  { folder, databaseUrl, endpoint, receiver, steps }: Surroundings,
  signal: AbortSignal,
): Promise<Measurement[]> {
  const password = randomBytes(15).toString('base64url')
  steps.next()
  await seed(databaseUrl, { rows: plan.tableRows, friends: FRIENDS, password }, signal)
  steps.next()
  const service = await startService(databaseUrl, join(folder, 'telemetry'), endpoint)
  try {
    const client = new HttpClient(
      await resolveTarget(service.url, { allowRemote: false }),
      REQUEST_TIMEOUT_MS,
    )
    const { visitors } = await logInVisitors(client, { wanted: 1, password })
    const bench = { client, receiver, token: visitors[0]!.token! }
    const found: Measurement[] = []
    for (const warm of await warmUp(bench, MEASURED_PAGES, WARM_UP_MS, signal)) {
      steps.next()
      found.push(await measurePage(bench, warm, plan, signal))
    }
    client.close()
    return found
  } finally {
    await service.stop()
  }
}

function conclude(findings: Findings, out: string): void {
  const files = {
    'results.csv': toCsv(findings),
    'curve.svg': latencyChart(findings),
    'report.html': reportPage(findings),
    ...(findings.searches.length > 0 && { 'search.svg': searchChart(findings) }),
  }
  for (const [name, content] of Object.entries(files)) writeFileSync(join(out, name), content)
  const sections = [
    'Latencies in ms:',
    asText(latencyTable(findings)),
    `${[ABOUT_AGREEMENT, ...busySentence(findings)].join('\n')}\n`,
    'Query times in ms, as telemetry reports them:',
    asText(queryTable(findings)),
    `${ABOUT_THE_STORY}\n`,
    ...(findings.searches.length > 0 ? ['Searches in ms:', asText(searchTable(findings))] : []),
    `${formatCount(Math.round(findings.tookSeconds))} s. Results: ${Object.keys(files)
      .map((name) => join(out, name))
      .join(', ')}\n`,
  ]
  process.stdout.write(sections.join('\n'))
  const differing = disagreements(findings)
  if (differing.length > 0)
    throw new CommandError(`Client and telemetry do not agree. ${differing.join('; ')}.`)
}
