import { drawBars } from './bar-chart.ts'
import { count, megabytes, micro, nanoseconds, percent, range, seconds, spread, times } from './figures.ts'
import { BASELINE, type Comparison, EVERYTHING, METRICS, NOTHING, rowOf } from './goals/comparison.ts'
import { type FullListing, STORY_PACKAGES } from './goals/full-listing.ts'
import type { Growth } from './goals/growth.ts'
import type { HtmlPage } from './goals/html-page.ts'
import type { Profile } from './goals/profile.ts'
import type { Results } from './goals/results.ts'
import type { Seeding } from './goals/seeding.ts'
import type { Starting } from './goals/starting.ts'
import { goalsTable } from './goals-table.ts'
import { type Measured, ratioOf } from './measure/slices.ts'
import type { RecordCost } from './record.ts'

export interface Findings {
  readonly machine: string
  readonly startedAt: Date
  readonly quick: boolean
  readonly sliceSeconds: number
  readonly own: Comparison
  readonly peers: Comparison
  readonly profiled: Profile
  readonly records: readonly RecordCost[]
  readonly grown: Growth
  readonly voted: Results
  readonly forPeople: HtmlPage
  /** Undefined if its programs are not installed. */
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
    own,
    peers,
    profiled,
    records,
    grown,
    voted,
    forPeople,
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
    'figure is the processor time that the scheduler gave a server, divided by the requests of the slice. A slice is left out',
    'if the host took more than 3 % of it away. A ratio is the median over the rounds of the quotient within a round, with its',
    'quartiles. The row *A/A* is the baseline a second time: the distance of its ratio from 1 is the noise. Idle is the part of',
    'a processor that a server uses between its slices, with its exports.',
    '',
    '## Goals',
    '',
    ...goalsTable(findings),
    '',
    `## ${CHARTS.page.title}`,
    '',
    ...comparisonTable(own.page),
    '',
    '### Beside its peers',
    '',
    picture(CHARTS.page),
    '',
    ...comparisonTable(peers.page),
    '',
    '### Where its time goes',
    '',
    ...profileTable(profiled),
    '',
    `## ${CHARTS.trivial.title}`,
    '',
    ...comparisonTable(own.trivial),
    '',
    '### Beside its peers',
    '',
    picture(CHARTS.trivial),
    '',
    ...comparisonTable(peers.trivial),
    '',
    '## One record',
    '',
    '| | lowest | median | quartiles |',
    '|---|---|---|---|',
    ...records.map(
      ({ name, lowest, nanoseconds: found }) =>
        `| ${name} | ${nanoseconds(lowest)} | ${nanoseconds(found.median)} | ${range(found, nanoseconds)} |`,
    ),
    '',
    '## The page against the table',
    '',
    '| members | processor time for a request, µs | quartiles |',
    '|---|---|---|',
    ...grown.sizes.map(
      ({ users, page }) =>
        `| ${count(users)} | ${micro(page.microseconds.median)} | ${range(page.microseconds, micro)} |`,
    ),
    '',
    '## The results of a poll against its votes',
    '',
    '| votes | processor time for a request, µs | quartiles |',
    '|---|---|---|',
    ...voted.sizes.map(
      ({ votes, page }) =>
        `| ${count(votes)} | ${micro(page.microseconds.median)} | ${range(page.microseconds, micro)} |`,
    ),
    '',
    '## The community page for people',
    '',
    'The first 50 of 10,000 members: as JSON with a token, and as HTML with a cookie, in the frame of all pages.',
    '',
    '| | processor time for a request, µs | quartiles |',
    '|---|---|---|',
    ...[forPeople.json, forPeople.html].map(
      ({ name, microseconds }) =>
        `| ${name.toUpperCase()} | ${micro(microseconds.median)} | ${range(microseconds, micro)} |`,
    ),
    '',
    '## The full listing: all members in one reply',
    '',
    ...listingTable(listing),
    '',
    '## Seeding and starting',
    '',
    `\`npm run seed\` adds ${spread(seeded.command, count)} members a second to an empty database; one prepared insert for each, in one transaction, ${spread(seeded.prepared, count)}. Of votes it adds ${spread(seeded.votes, count)} a second, their counts included.`,
    '',
    `The first answer comes ${spread(started.seconds, seconds)} after the process starts. After ${count(started.requests)} requests in ${count(started.loadSeconds)} s it holds ${megabytes(started.residentBytes)} resident.`,
    '',
  ].join('\n')
}

const CHARTS = {
  page: { title: 'The community page: 50 of 10,000 members', file: 'pictures/bench-community-page.svg' },
  trivial: { title: 'A route that does nothing', file: 'pictures/bench-trivial-route.svg' },
} as const

/** The pictures of the page, as files beside it. */
export function charts({ peers }: Pick<Findings, 'peers'>): { file: string; svg: string }[] {
  return (['page', 'trivial'] as const).map((which) => {
    const rows = peers[which]
    const baseline = rowOf(rows, BASELINE)
    const bars = rows
      .map((row) => ({
        name: row.name,
        value: row.microseconds,
        note: `${micro(row.microseconds.median)} µs, × ${times(ratioOf(row, baseline).median)}`,
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
  return [
    `${EVERYTHING}, under load, by V8’s profiler: the part of ${count(samples)} busy samples in which the code of each row ran,`,
    'and the functions that ran most.',
    '',
    '| | part | most in |',
    '|---|---|---|',
    ...rooms.map(
      ({ name, part, functions }) =>
        `| ${name} | ${percent(part)} | ${functions.map((each) => `\`${each.name}\` ${percent(each.part)}`).join(', ')} |`,
    ),
  ]
}

function comparisonTable(rows: readonly Measured[]): string[] {
  const baseline = rowOf(rows, BASELINE)
  return [
    '| | µs a request | quartiles | ratio | quartiles | slices | idle |',
    '|---|---|---|---|---|---|---|',
    ...rows.map((row) => {
      const ratio = ratioOf(row, baseline)
      const { microseconds: time } = row
      return `| ${row.name} | ${micro(time.median)} | ${range(time, micro)} | **${times(ratio.median)}** | ${range(ratio, times)} | ${time.count} of ${time.count + row.leftOut} | ${percent(row.idle)} |`
    }),
  ]
}

function listingTable(listing: FullListing | undefined): string[] {
  if (listing === undefined)
    return [`Not measured: the stack to compare with was missing (\`apt-get install ${STORY_PACKAGES}\`).`]
  const rate = (name: string, users: number, { requestsASecond: found }: Measured) =>
    `| ${count(users)} | ${name} | ${count(found.median)} | ${range(found, count)} | ${found.count} |`
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

const OURS: ReadonlySet<string> = new Set([EVERYTHING, METRICS, NOTHING])
