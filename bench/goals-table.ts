import { count, megabytes, nanoseconds, seconds, spread, type Writer } from './figures.ts'
import { BASELINE, CONTROL, EVERYTHING, METRICS, NOTHING, rowOf } from './goals/comparison.ts'
import { type FullListing, LISTED_SIZES } from './goals/full-listing.ts'
import { ratioOf } from './measure/slices.ts'
import { type Spread, spreadOf } from './measure/statistics.ts'
import type { Findings } from './performance-page.ts'
import { BOUND, BOUND_AGAIN } from './record.ts'

/** A figure that must be on one side of its limit; its median counts. */
interface Figure {
  /** Undefined if it was not measured. */
  readonly found: Spread | undefined
  readonly limit: Limit
  readonly write: Writer
}

interface Limit {
  readonly side: 'at most' | 'at least'
  readonly value: number
}

interface Goal {
  readonly id: string
  readonly what: string
  readonly figures: readonly Figure[]
  readonly control: string
}

/** Finer than elsewhere, so that no figure reads like the limit that it misses. */
const exactTimes: Writer = (value) => value.toFixed(3)
const atMost = (value: number): Limit => ({ side: 'at most', value })
const atLeast = (value: number): Limit => ({ side: 'at least', value })

/** The table of goals, each with its figure, whether it is met, and the control of the same run. */
export function goalsTable(findings: Findings): string[] {
  return [
    '| | | goal | measured | | control |',
    '|---|---|---|---|---|---|',
    ...goalsOf(findings).map(
      ({ id, what, figures, control }) =>
        `| ${id} | ${what} | ${distinct(figures.map(writeLimit))} | ${distinct(figures.map(writeFound))} | ${verdict(figures)} | ${control} |`,
    ),
  ]
}

function verdict(figures: readonly Figure[]): string {
  if (figures.some(({ found }) => found === undefined)) return ''
  return figures.every(isMet) ? 'met' : '**missed**'
}

function isMet({ found, limit: { side, value } }: Figure): boolean {
  if (found === undefined) return false
  return side === 'at most' ? found.median <= value : found.median >= value
}

function writeLimit({ limit: { side, value }, write }: Figure): string {
  return `${side === 'at most' ? '≤' : '≥'} ${write(value)}`
}

function writeFound({ found, write }: Figure): string {
  return found === undefined ? 'not measured' : spread(found, write)
}

function distinct(texts: readonly string[]): string {
  return [...new Set(texts)].join('; ')
}

function goalsOf({ own, records, grown, voted, forPeople, listing, seeded, started }: Findings): Goal[] {
  const page = (name: string) => rowOf(own.page, name)
  const trivial = (name: string) => rowOf(own.trivial, name)
  const record = (wanted: string) => rowOf(records, wanted).nanoseconds
  const ratio = (found: Spread | undefined, limit: Limit): Figure => ({ found, limit, write: exactTimes })
  const listed = (of: (size: FullListing['sizes'][number]) => Spread) =>
    listing === undefined ? [undefined] : listing.sizes.map(of)
  const pageControl = writeControl(ratioOf(page(CONTROL), page(BASELINE)))
  return [
    {
      id: 'P1',
      what: 'community page, everything on, to plain Fastify on raw SQLite',
      figures: [ratio(ratioOf(page(EVERYTHING), page(BASELINE)), atMost(1))],
      control: pageControl,
    },
    {
      id: 'P2',
      what: 'the same page, everything on to everything off',
      figures: [ratio(ratioOf(page(EVERYTHING), page(NOTHING)), atMost(1.1))],
      control: pageControl,
    },
    {
      id: 'P3',
      what: 'one record of a histogram',
      figures: [{ found: record(BOUND), limit: atMost(60), write: nanoseconds }],
      control: `A/A ${nanoseconds(record(BOUND_AGAIN).median)}`,
    },
    {
      id: 'P4',
      what: 'a trivial route, metrics on to off',
      figures: [ratio(ratioOf(trivial(METRICS), trivial(NOTHING)), atMost(1.2))],
      control: writeControl(ratioOf(trivial(CONTROL), trivial(BASELINE))),
    },
    {
      id: 'P5',
      what: `the page of ${grown.sizes
        .map(({ users }) => count(users))
        .toReversed()
        .join(' to that of ')} members`,
      figures: [ratio(grown.ratio, atMost(1.3))],
      control: writeControl(grown.control),
    },
    {
      id: 'P6',
      what: `full listing, requests a second, to Flask with MariaDB, at ${new Intl.ListFormat('en').format(LISTED_SIZES.map(count))} members`,
      figures: listed(({ rollcall, story }) => ratioOf(rollcall, story, 'requestsASecond')).map((found) =>
        ratio(found, atLeast(10)),
      ),
      control: listed(({ rollcall, again }) => ratioOf(again, rollcall, 'requestsASecond'))
        .map((found) => (found === undefined ? '' : writeControl(found)))
        .join('; '),
    },
    {
      id: 'P7',
      what: 'seeding, members a second; votes a second',
      figures: [
        { found: seeded.command, limit: atLeast(300_000), write: count },
        { found: seeded.votes, limit: atLeast(100_000), write: count },
      ],
      control: `one insert each ${spread(seeded.prepared, count)}`,
    },
    {
      id: 'P8',
      what: `first answer after the start; resident memory after ${count(started.loadSeconds)} s of load`,
      figures: [
        { found: started.seconds, limit: atMost(0.5), write: seconds },
        { found: spreadOf([started.residentBytes]), limit: atMost(120e6), write: megabytes },
      ],
      control: '',
    },
    {
      id: 'P9',
      what: `the results of a poll with ${voted.sizes
        .map(({ votes }) => count(votes))
        .toReversed()
        .join(' votes to those with ')}`,
      figures: [ratio(voted.ratio, atMost(1.3))],
      control: writeControl(voted.control),
    },
    {
      id: 'P10',
      what: 'the community page as HTML to the same page as JSON, 50 members',
      figures: [ratio(forPeople.ratio, atMost(2))],
      control: writeControl(forPeople.control),
    },
  ]
}

function writeControl(found: Spread): string {
  return `A/A ${spread(found, exactTimes)}`
}
