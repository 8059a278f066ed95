import { BASELINE, CONTROL, EVERYTHING, METRICS, NOTHING } from '../../bench/goals/comparison.ts'
import type { FullListing } from '../../bench/goals/full-listing.ts'
import type { Measured } from '../../bench/measure/slices.ts'
import { spreadOf } from '../../bench/measure/statistics.ts'
import type { Findings } from '../../bench/performance-page.ts'
import { BOUND, BOUND_AGAIN } from '../../bench/record.ts'

/** A subject of so many microseconds in each round, busy all the time; undefined where the slice was left out. */
export function measured(name: string, ...microseconds: (number | undefined)[]): Measured {
  const slices = microseconds.flatMap((each, round) =>
    each === undefined ? [] : [{ round, microseconds: each, requestsASecond: 1e6 / each, stolen: 0 }],
  )
  return {
    name,
    slices,
    leftOut: microseconds.length - slices.length,
    idle: 0.004,
    microseconds: spreadOf(slices.map((slice) => slice.microseconds)),
    requestsASecond: spreadOf(slices.map((slice) => slice.requestsASecond)),
  }
}

/** Of a run in which every goal is met. */
export function madeUpFindings(): Findings {
  const listing: FullListing = {
    stack: 'Flask 9.8.7, MariaDB 6.5.4',
    sizes: [115, 250, 500].map((users) => ({
      users,
      rollcall: measured('rollcall', 100, 110),
      again: measured('again', 100, 110),
      story: measured('story', 1500, 1650),
    })),
  }
  return {
    machine: 'a machine',
    startedAt: new Date('2026-02-03T04:05:06Z'),
    quick: false,
    sliceSeconds: 1.5,
    own: {
      page: [
        measured(BASELINE, 100, 120),
        measured(CONTROL, 101, 121),
        measured(EVERYTHING, 90, 108),
        measured(NOTHING, 85, 102),
      ],
      trivial: [
        measured(BASELINE, 20, 22),
        measured(CONTROL, 20, 22),
        measured(EVERYTHING, 28, 30),
        measured(METRICS, 24, 26),
        measured(NOTHING, 22, 24),
      ],
    },
    peers: {
      page: [measured(BASELINE, 100, 120), measured('a peer', 150, 170), measured(EVERYTHING, 90, 108)],
      trivial: [measured(BASELINE, 20, 22), measured('another peer', 40, 42), measured(EVERYTHING, 28, 30)],
    },
    profiled: {
      samples: 1234,
      rooms: [{ name: 'SQLite', part: 0.25, functions: [{ name: 'execute', part: 0.2 }] }],
    },
    records: [BOUND, BOUND_AGAIN].map((name) => ({ name, nanoseconds: spreadOf([40, 44, 48]), lowest: 40 })),
    grown: {
      sizes: [
        { users: 115, page: measured('small', 100, 110) },
        { users: 10_000_000, page: measured('large', 120, 132) },
      ],
      ratio: spreadOf([1.2, 1.2]),
      control: spreadOf([1, 1]),
    },
    voted: {
      sizes: [
        { votes: 100, page: measured('few', 100, 110) },
        { votes: 1_000_000, page: measured('many', 110, 121) },
      ],
      ratio: spreadOf([1.1, 1.1]),
      control: spreadOf([1, 1]),
    },
    forPeople: {
      json: measured('json', 100, 110),
      html: measured('html', 180, 198),
      ratio: spreadOf([1.8, 1.8]),
      control: spreadOf([1, 1]),
    },
    listing,
    seeded: {
      command: spreadOf([310_000, 320_000]),
      prepared: spreadOf([120_000, 130_000]),
      votes: spreadOf([190_000, 200_000]),
    },
    started: { seconds: spreadOf([0.38, 0.42]), residentBytes: 110e6, loadSeconds: 60, requests: 12_000 },
  }
}
