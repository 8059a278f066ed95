import { drawBars } from './bar-chart.ts'
import { BASELINE, CONTROL, EVERYTHING, METRICS, NOTHING } from './goals/comparison.ts'
import { type FullListing, LISTED_SIZES, STORY_PACKAGES } from './goals/full-listing.ts'
import type { Growth } from './goals/growth.ts'
import type { Profile } from './goals/profile.ts'
import type { Seeding } from './goals/seeding.ts'
import type { Starting } from './goals/starting.ts'
import { type Measured, ratioOf } from './measure/slices.ts'
import type { Spread } from './measure/statistics.ts'
import type { RecordCost } from './record.ts'

export interface Findings {
  readonly machine: string
  readonly startedAt: Date
  readonly quick: boolean
  readonly sliceSeconds: number
  readonly comparison: { readonly page: readonly Measured[]; readonly trivial: readonly Measured[] }
  readonly profiled: Profile
  readonly records: readonly RecordCost[]
  readonly grown: Growth
  /** Undefined where the programs that it needs are not installed. */
  readonly listing: FullListing | undefined
  readonly seeded: Seeding
  readonly started: Starting
}

/** docs/performance.md, whole. */
export function performancePage(findings: Findings): string {
  const {
    machine,
    startedAt,
    quick,
    sliceSeconds,
    comparison,
    profiled,
    records,
    grown,
    listing,
    seeded,
    started,
  } = findings
  return [
    '# Performance',
    '',
    '<!-- Written by `npm run bench`; change bench/, not this page. -->',
    '',
    `Measured on ${startedAt.toISOString().slice(0, 10)} on ${machine}${quick ? ', with `--quick`' : ''}.`,
    '',
    `All servers of a table are alive at once and take turns in slices of ${sliceSeconds} s, in a new order each round. The`,
    'figure is the time for which the scheduler gave a server the processor, divided by the requests of the slice; slices in which',
    'the host took more than 3 % away are left out. A ratio is the median over the rounds of the quotient within a round,',
    'with its quartiles. The row *A/A* is the baseline a second time: what its ratio is away from 1 cannot be told apart.',
    'Idle is what a server uses of a processor between its slices, where exports happen too.',
    '',
    '## Goals',
    '',
    ...goals(findings),
    '',
    `## ${CHARTS.page.title}`,
    '',
    picture(CHARTS.page),
    '',
    ...comparisonTable(comparison.page),
    '',
    '### Where its time goes',
    '',
    ...profileTable(profiled),
    '',
    `## ${CHARTS.trivial.title}`,
    '',
    picture(CHARTS.trivial),
    '',
    ...comparisonTable(comparison.trivial),
    '',
    '## One record',
    '',
    '| | lowest, ns | median | quartiles |',
    '|---|---|---|---|',
    ...records.map(
      ({ name, lowest, nanoseconds: { median, low, high } }) =>
        `| ${name} | ${lowest.toFixed(0)} | ${median.toFixed(0)} | ${low.toFixed(0)} to ${high.toFixed(0)} |`,
    ),
    '',
    '## The page against the table',
    '',
    '| members | processor time for a request, µs | quartiles |',
    '|---|---|---|',
    ...grown.sizes.map(
      ({ users, page }) =>
        `| ${count(users)} | ${micro(page.microseconds.median)} | ${micro(page.microseconds.low)} to ${micro(page.microseconds.high)} |`,
    ),
    '',
    '## The full listing: everybody in one reply',
    '',
    ...listingTable(listing),
    '',
    '## Seeding and starting',
    '',
    `\`npm run seed\` adds ${spread(seeded.command, count)} members a second to an empty database; one prepared insert for each, in one transaction, ${spread(seeded.prepared, count)}.`,
    '',
    `The first answer comes ${spread(started.seconds, (value) => `${value.toFixed(2)} s`)} after the process starts. After ${count(started.requests)} requests in ${count(started.loadSeconds)} s it holds ${mib(started.residentBytes)} resident.`,
    '',
  ].join('\n')
}

const CHARTS = {
  page: { title: 'The community page: 50 of 10,000 members', file: 'pictures/bench-community-page.svg' },
  trivial: { title: 'A route that does nothing', file: 'pictures/bench-trivial-route.svg' },
} as const

/** The pictures of the page, as files beside it. */
export function charts({ comparison }: Pick<Findings, 'comparison'>): { file: string; svg: string }[] {
  return (['page', 'trivial'] as const).map((which) => {
    const rows = comparison[which]
    const baseline = rowOf(rows, BASELINE)
    const bars = rows
      .map((row) => ({
        name: row.name,
        value: row.microseconds,
        note: `${micro(row.microseconds.median)} µs, × ${ratioOf(row, baseline).median.toFixed(2)}`,
        isOurs: OURS.has(row.name),
      }))
      .sort((one, other) => one.value.median - other.value.median)
    const { title, file } = CHARTS[which]
    const label = `processor time for a request, µs, with quartiles; × to ${BASELINE}`
    return { file, svg: drawBars({ title, label, bars }) }
  })
}

function picture({ title, file }: { title: string; file: string }): string {
  return `![${title}: processor time for a request of each server, as bars; the table below has the figures](${file})`
}

function profileTable({ rooms, samples }: Profile): string[] {
  const percent = (part: number) => `${(100 * part).toFixed(1)} %`
  return [
    `${EVERYTHING}, under load, by V8’s own profiler: of ${count(samples)} samples in which it was busy, the part in which`,
    'the code of each was running itself, and the functions that ran most.',
    '',
    '| | part | most in |',
    '|---|---|---|',
    ...rooms.map(
      ({ name, part, functions }) =>
        `| ${name} | ${percent(part)} | ${functions.map((each) => `\`${each.name}\` ${percent(each.part)}`).join(', ')} |`,
    ),
  ]
}

function goals({ comparison, records, grown, listing, seeded, started }: Findings): string[] {
  const page = (name: string) => rowOf(comparison.page, name)
  const trivial = (name: string) => rowOf(comparison.trivial, name)
  const control = `A/A ${ratio(ratioOf(page(CONTROL), page(BASELINE)))}`
  const bound = records.find(({ name }) => name === 'bound histogram') as RecordCost
  const again = records.find(({ name }) => name.startsWith('bound histogram, again')) as RecordCost
  const row = (id: string, what: string, goal: string, measured: string, note: string) =>
    `| ${id} | ${what} | ${goal} | ${measured} | ${note} |`
  return [
    '| | | goal | measured | control |',
    '|---|---|---|---|---|',
    row(
      'P1',
      'community page, everything on, to plain Fastify on raw SQLite',
      '≤ 1.0',
      ratio(ratioOf(page(EVERYTHING), page(BASELINE))),
      control,
    ),
    row(
      'P2',
      'the same page, everything on to everything off',
      '≤ 1.10',
      ratio(ratioOf(page(EVERYTHING), page(NOTHING))),
      control,
    ),
    row(
      'P3',
      'one record of a histogram',
      '≤ 60 ns',
      `${bound.nanoseconds.median.toFixed(0)} ns`,
      `A/A ${(again.nanoseconds.median / bound.nanoseconds.median).toFixed(2)}`,
    ),
    row(
      'P4',
      'a trivial route, metrics on to off',
      '≤ 1.20',
      ratio(ratioOf(trivial(METRICS), trivial(NOTHING))),
      `A/A ${ratio(ratioOf(trivial(CONTROL), trivial(BASELINE)))}`,
    ),
    row(
      'P5',
      `the page of ${grown.sizes
        .map(({ users }) => count(users))
        .toReversed()
        .join(' to that of ')} members`,
      '≤ 1.3',
      ratio(grown.ratio),
      `A/A ${ratio(grown.control)}`,
    ),
    row(
      'P6',
      `full listing, requests a second, to Flask with MariaDB, at ${LISTED.format(LISTED_SIZES.map(count))} members`,
      '≥ 10',
      listing === undefined
        ? 'not measured'
        : listing.sizes
            .map(({ rollcall, story }) => ratio(ratioOf(rollcall, story, 'requestsASecond')))
            .join('; '),
      listing === undefined
        ? '–'
        : `A/A ${listing.sizes.map(({ rollcall, again }) => ratio(ratioOf(again, rollcall, 'requestsASecond'))).join('; ')}`,
    ),
    row(
      'P7',
      'seeding, members a second',
      '≥ 300,000',
      spread(seeded.command, count),
      `one insert each ${spread(seeded.prepared, count)}`,
    ),
    row(
      'P8',
      'first answer after the start; resident memory after load',
      '≤ 0.5 s; ≤ 120 MB',
      `${spread(started.seconds, (value) => `${value.toFixed(2)} s`)}; ${mib(started.residentBytes)}`,
      '–',
    ),
  ]
}

function comparisonTable(rows: readonly Measured[]): string[] {
  const baseline = rowOf(rows, BASELINE)
  return [
    '| | µs a request | quartiles | ratio | quartiles | slices | idle |',
    '|---|---|---|---|---|---|---|',
    ...rows.map((row) => {
      const { median, low, high } = ratioOf(row, baseline)
      const { microseconds: time } = row
      return `| ${row.name} | ${micro(time.median)} | ${micro(time.low)} to ${micro(time.high)} | **${median.toFixed(2)}** | ${low.toFixed(2)} to ${high.toFixed(2)} | ${time.count} of ${time.count + row.leftOut} | ${(row.idle * 100).toFixed(1)} % |`
    }),
  ]
}

function listingTable(listing: FullListing | undefined): string[] {
  if (listing === undefined)
    return [`Not measured: the stack to compare with was missing (\`apt-get install ${STORY_PACKAGES}\`).`]
  const rate = (
    name: string,
    users: number,
    { requestsASecond: { median, low, high, count: slices } }: Measured,
  ) => `| ${count(users)} | ${name} | ${count(median)} | ${count(low)} to ${count(high)} | ${slices} |`
  return [
    `Requests a second, with the servers’ processor always busy: ${EVERYTHING}, and the reference story’s stack rebuilt`,
    `(${listing.stack}): Flask’s own development server, which connects to MariaDB on each request and closes after it.`,
    '',
    '| members | | requests a second | quartiles | slices |',
    '|---|---|---|---|---|',
    ...listing.sizes.flatMap(({ users, rollcall, again, story }) => [
      rate(EVERYTHING, users, rollcall),
      rate('Rollcall again (A/A)', users, again),
      rate('Flask with MariaDB', users, story),
    ]),
  ]
}

function rowOf(rows: readonly Measured[], wanted: string): Measured {
  const row = rows.find(({ name }) => name === wanted)
  if (row === undefined) throw new Error(`nothing measured ${wanted}`)
  return row
}

const OURS: ReadonlySet<string> = new Set([EVERYTHING, METRICS, NOTHING])
const LISTED = new Intl.ListFormat('en')
const micro = (value: number) => value.toFixed(value < 100 ? 1 : 0)
const count = (value: number) => Math.round(value).toLocaleString('en')
const mib = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`
const ratio = ({ median, low, high }: Spread) =>
  `**${median.toFixed(2)}** (${low.toFixed(2)} to ${high.toFixed(2)})`
const spread = ({ median, low, high }: Spread, write: (value: number) => string) =>
  `${write(median)} (${write(low)} to ${write(high)})`
