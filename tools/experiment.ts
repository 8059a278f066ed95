import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'
import { wholeNumber } from '../src/allowed.ts'
import {
  type Command,
  CommandError,
  flag,
  integer,
  runCommand,
  text,
  UsageError,
  type Values,
} from '../src/process/command.ts'
import { latencyChart, searchChart } from './experimenting/charts.ts'
import { drawChart, wrap } from './experimenting/curve.ts'
import {
  ABOUT_AGREEMENT,
  ABOUT_QUERIES,
  ABOUT_THE_COLUMNS,
  ABOUT_THE_STORY,
  asText,
  disagreements,
  type Findings,
  hasStorySize,
  inOrder,
  latencyTable,
  partialNote,
  progressOf,
  queryTable,
  searchTable,
  toCsv,
  untold,
} from './experimenting/findings.ts'
import { LISTINGS } from './experimenting/measure.ts'
import { type Found, measureSizes } from './experimenting/measure-sizes.ts'
import { reportPage } from './experimenting/report-page.ts'
import { formatCount } from './progress.ts'

const DEFAULT_ROWS = '115,250,500'
const DEFAULT_RATE = 100
const DEFAULT_DURATION_SECONDS = 6
const DEFAULT_FOLDER = 'data/experiment'
const ROWS = wholeNumber(20, 1_000_000)
/** Width of a line of text on the terminal, in characters. */
const TEXT_WIDTH = 100

const RESULT_FILES = ['results.csv', 'curve.svg', 'report.html', 'search.svg']

const OPTIONS = {
  rows: text('N,N,…', `sizes of the table; ${DEFAULT_ROWS} if left out`),
  rate: integer(
    'R',
    [1, 10_000],
    `requests a second, fewer if they would keep the service busy; ${DEFAULT_RATE} if left out`,
  ),
  duration: integer(
    'S',
    [1, 3600],
    `seconds for each page at each size; ${DEFAULT_DURATION_SECONDS} if left out`,
  ),
  html: flag('also the community page that people see, with a cookie'),
  shape: flag('also searches by prefix, with the index and without'),
  out: text('FOLDER', `folder of the results; ${DEFAULT_FOLDER} if left out`),
}

const experiment: Command<typeof OPTIONS> = {
  name: 'npm run experiment',
  summary: [
    'How a page slows down as its table grows: for each size it seeds a database, starts the service, warms it',
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
  const plan = {
    sizes,
    listings: LISTINGS.filter(({ isHtml }) => options.html || !isHtml),
    ratePerSecond: options.rate ?? DEFAULT_RATE,
    durationSeconds: options.duration ?? DEFAULT_DURATION_SECONDS,
    withSearches: options.shape,
  }
  const startedAt = new Date()
  const found: Found = { measurements: [], searches: [] }
  const findings = (): Findings => ({
    measurements: inOrder(found.measurements),
    searches: found.searches,
    startedAt,
    tookSeconds: (Date.now() - startedAt.getTime()) / 1000,
    machine: `${availableParallelism()} × ${cpus()[0]?.model.trim() ?? 'unknown processor'}, Node ${process.version}`,
    planned: sizes.length * (plan.listings.length + (plan.withSearches ? 1 : 0)),
  })
  // A terminal that closes ends it like Ctrl-C: no process and no database stays behind.
  process.on('SIGHUP', () => process.kill(process.pid, 'SIGTERM'))
  try {
    await measureSizes(plan, found, signal)
  } catch (error) {
    const kept =
      found.measurements.length === 0
        ? 'nothing was measured yet'
        : `${progressOf(findings())} are in ${conclude(findings(), out)}`
    if (signal.aborted) process.stderr.write(`Interrupted: ${kept}.\n`)
    else if (error instanceof CommandError) throw new CommandError(`${error.message} Before that, ${kept}.`)
    else throw error
    return
  }
  const files = conclude(findings(), out)
  process.stdout.write(`${formatCount(Math.round(findings().tookSeconds))} s. Results: ${files}\n`)
  const differing = disagreements(findings())
  if (differing.length > 0)
    throw new CommandError(`Client and telemetry do not agree. ${differing.join('; ')}.`)
}

function readSizes(text: string): number[] {
  const sizes = text.split(',').map((size) => {
    const rows = ROWS.parse(size)
    if (rows !== undefined) return rows
    throw new UsageError(`--rows is "${text}"; give whole numbers from ${ROWS.range}, with commas between.`)
  })
  return [...new Set(sizes)].sort((one, other) => one - other)
}

/** Made before the first measurement: results that cannot be kept are not worth measuring. */
function makeFolder(path: string): string {
  try {
    mkdirSync(path, { recursive: true })
    return path
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new CommandError(`The folder ${path} cannot be made (${code}); give --out another one.`)
  }
}

/** Prints the findings and keeps them; incomplete ones beside those of an earlier run. */
function conclude(findings: Findings, out: string): string {
  const note = partialNote(findings)
  const prefix = note === undefined ? '' : 'partial-'
  const files = {
    'results.csv': toCsv(findings),
    'curve.svg': drawChart(latencyChart(findings)),
    'report.html': reportPage(findings),
    ...(findings.searches.length > 0 && { 'search.svg': drawChart(searchChart(findings)) }),
  }
  // Files of an earlier run would pass for this one's: a search that was not asked for, partial results.
  const left = note === undefined ? [...RESULT_FILES.map((name) => `partial-${name}`), 'search.svg'] : []
  for (const name of left) rmSync(join(out, name), { force: true })
  const paths = Object.entries(files).map(([name, content]) => {
    const path = join(out, prefix + name)
    writeFileSync(path, content)
    return path
  })
  const told = [ABOUT_THE_COLUMNS, ABOUT_AGREEMENT, ...untold(findings)]
  const sections = [
    ...(note === undefined ? [] : [`${note}.\n`]),
    'Latencies in ms:',
    asText(latencyTable(findings)),
    told.map(wrapped).join('\n'),
    'Query times in ms, as telemetry reports them:',
    asText(queryTable(findings)),
    [ABOUT_QUERIES, ...(hasStorySize(findings) ? [ABOUT_THE_STORY] : [])].map(wrapped).join('\n'),
    ...(findings.searches.length > 0 ? ['Searches in ms:', asText(searchTable(findings))] : []),
  ]
  process.stdout.write(sections.join('\n'))
  return paths.join(', ')
}

function wrapped(content: string): string {
  return `${wrap(content, TEXT_WIDTH).join('\n')}\n`
}
