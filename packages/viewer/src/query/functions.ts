import { fillGaps, type Line, noTags, type Unit } from './series.ts'
import { FILL_METHODS, ROLLUP_METHODS } from './syntax.ts'

export type Parameter =
  | { readonly kind: 'number'; readonly name: string; readonly max?: number; readonly isOptional?: true }
  | {
      readonly kind: 'choice'
      readonly name: string
      readonly choices: readonly string[]
      readonly isOptional?: true
    }
  | {
      readonly kind: 'text'
      readonly name: string
      readonly pattern: RegExp
      readonly example: string
      readonly isOptional?: true
    }

export interface QueryFunction {
  readonly parameters: readonly Parameter[]
  readonly meaning: string
  /** Depends on one moment only, so it works on single values as well. */
  readonly isOverTime: boolean
  /** Seconds of a shift into the past: the expression inside is evaluated for that time. */
  secondsBefore?(args: readonly (number | string | undefined)[]): number
  apply(
    lines: readonly Line[],
    args: readonly (number | string | undefined)[],
    interval: number,
    buckets: number,
  ): Line[]
}

const RANKS = ['max', 'mean', 'min', 'sum', 'last', 'l2norm', 'area'] as const
type Rank = (typeof RANKS)[number]
const DIRECTIONS = ['asc', 'desc'] as const

const HOUR = 3600
const DAY = 24 * HOUR

/**
 * Datadog has these functions and documents no exact method. A line close to Datadog's would be taken for Datadog's.
 */
export const REFUSED: ReadonlySet<string> = new Set([
  'anomalies',
  'outliers',
  'forecast',
  'autosmooth',
  'robust_trend',
  'piecewise_constant',
])

/** Functions around a query, by their name at Datadog (docs "Functions"). */
export const FUNCTIONS: ReadonlyMap<string, QueryFunction> = new Map([
  ['abs', each('absolute value', Math.abs, keep)],
  [
    'log2',
    each(
      'logarithm to base 2',
      (value) => finite(Math.log2(value)),
      () => null,
    ),
  ],
  [
    'log10',
    each(
      'logarithm to base 10',
      (value) => finite(Math.log10(value)),
      () => null,
    ),
  ],
  [
    'default_zero',
    {
      ...each('0 where there is nothing', (value) => (Number.isNaN(value) ? 0 : value), keep),
      apply: defaultZero,
    },
  ],
  ['clamp_min', bounded('raises what is below', (value, bound) => Math.max(value, bound))],
  ['clamp_max', bounded('lowers what is above', (value, bound) => Math.min(value, bound))],
  ['cutoff_min', bounded('removes what is below', (value, bound) => (value < bound ? Number.NaN : value))],
  ['cutoff_max', bounded('removes what is above', (value, bound) => (value > bound ? Number.NaN : value))],
  ['cumsum', overTime('sum of all up to here', cumulated, keep)],
  [
    'integral',
    overTime(
      'sum of value times seconds',
      (values, interval) => cumulated(values.map((value) => value * interval)),
      () => null,
    ),
  ],
  ['diff', overTime('difference to the previous value', (values) => differences(values), keep)],
  [
    'monotonic_diff',
    overTime(
      'difference to the previous value, if it grew',
      (values) => differences(values).map((grown) => (grown < 0 ? Number.NaN : grown)),
      keep,
    ),
  ],
  [
    'derivative',
    overTime('change in each second', (values, interval) => differences(values, interval), per('second')),
  ],
  [
    'per_second',
    overTime('growth in each second', (values, interval) => growth(values, interval), per('second')),
  ],
  [
    'per_minute',
    overTime('growth in each minute', (values, interval) => growth(values, interval / 60), per('minute')),
  ],
  [
    'per_hour',
    overTime('growth in each hour', (values, interval) => growth(values, interval / 3600), per('hour')),
  ],
  [
    'throughput',
    overTime(
      "value divided by the bucket's seconds",
      (values, interval) => values.map((value) => value / interval),
      per('second'),
    ),
  ],
  ['dt', { parameters: [], meaning: 'seconds since the previous value', isOverTime: true, apply: elapsed }],
  ...[1, 3, 5, 7, 10, 20].map((span): [string, QueryFunction] => [
    `ewma_${span}`,
    overTime(`exponentially weighted mean of ${span}`, (values) => weighted(values, span), keep),
  ]),
  ...[3, 5, 7, 9].map((span): [string, QueryFunction] => [
    `median_${span}`,
    overTime(`median of the last ${span}`, (values) => moving(values, span, median), keep),
  ]),
  ...[5, 13, 21, 29].map((span): [string, QueryFunction] => [
    `rollingavg_${span}`,
    overTime(`mean of the last ${span}`, (values) => moving(values, span, mean), keep),
  ]),
  ['trend_line', overTime('straight line of least squares', trendLine, keep)],
  ['timeshift', timeshift()],
  ['hour_before', before('an hour', HOUR)],
  ['day_before', before('a day', DAY)],
  ['week_before', before('a week', 7 * DAY)],
  ['month_before', before('28 days', 28 * DAY)],
  ['calendar_shift', calendarShift()],
  ['moving_rollup', movingRollup()],
  ['fill', fill()],
  [
    'exclude_null',
    {
      parameters: [],
      meaning: 'without groups N/A',
      isOverTime: false,
      apply: (lines) => lines.filter(({ tags }) => !Object.values(tags).includes('N/A')),
    },
  ],
  ['count_nonzero', counting('number of groups that are not 0', (value) => value !== 0)],
  ['count_not_null', counting('number of groups with a value', () => true)],
  ['top', top()],
  ...conveniences(),
])

function each(
  meaning: string,
  change: (value: number) => number,
  unit: (unit: Unit | null) => Unit | null,
): QueryFunction {
  return {
    parameters: [],
    meaning,
    isOverTime: false,
    apply: (lines) =>
      lines.map((line) => ({ ...line, values: line.values.map(change), unit: unit(line.unit) })),
  }
}

function bounded(meaning: string, change: (value: number, bound: number) => number): QueryFunction {
  return {
    parameters: [{ kind: 'number', name: 'bound' }],
    meaning,
    isOverTime: false,
    apply: (lines, [bound]) =>
      lines.map((line) => ({ ...line, values: line.values.map((value) => change(value, bound as number)) })),
  }
}

function overTime(
  meaning: string,
  change: (values: Float64Array, interval: number) => Float64Array,
  unit: (unit: Unit | null) => Unit | null,
): QueryFunction {
  return {
    parameters: [],
    meaning,
    isOverTime: true,
    apply: (lines, _, interval) =>
      lines.map((line) => ({ ...line, values: change(line.values, interval), unit: unit(line.unit) })),
  }
}

function keep(unit: Unit | null): Unit | null {
  return unit
}

function per(time: string) {
  return (unit: Unit | null): Unit | null => ({ name: unit?.name ?? '', per: time })
}

function finite(value: number): number {
  return Number.isFinite(value) ? value : Number.NaN
}

/** Without any line the answer is 0, and not empty. */
function defaultZero(lines: readonly Line[], _: unknown, __: number, buckets: number): Line[] {
  const all = lines.length > 0 ? lines : [{ tags: noTags(), values: new Float64Array(buckets), unit: null }]
  return all.map((line) => ({
    ...line,
    values: line.values.map((value) => (Number.isNaN(value) ? 0 : value)),
  }))
}

function cumulated(values: Float64Array): Float64Array {
  let sum = 0
  return values.map((value) => {
    if (Number.isNaN(value)) return value
    sum += value
    return sum
  })
}

/** Differences to the last present value. `unit` is the time of one bucket. */
function differences(values: Float64Array, unit?: number): Float64Array {
  let last = -1
  return values.map((value, index) => {
    if (Number.isNaN(value)) return Number.NaN
    const difference =
      last === -1 ? Number.NaN : (value - values[last]!) / (unit === undefined ? 1 : unit * (index - last))
    last = index
    return difference
  })
}

/** A value that fell began anew. */
function growth(values: Float64Array, unit: number): Float64Array {
  return differences(values, unit).map((change) => (change < 0 ? Number.NaN : change))
}

function weighted(values: Float64Array, span: number): Float64Array {
  const alpha = 2 / (span + 1)
  let mean = Number.NaN
  return values.map((value) => {
    if (Number.isNaN(value)) return value
    mean = Number.isNaN(mean) ? value : alpha * value + (1 - alpha) * mean
    return mean
  })
}

/** A reduction of the present values among the last `span`. */
function moving(values: Float64Array, span: number, reduce: (present: Float64Array) => number): Float64Array {
  const present = new Float64Array(Math.min(span, values.length))
  return values.map((_, index) => {
    let count = 0
    for (let position = Math.max(0, index - span + 1); position <= index; position += 1)
      if (!Number.isNaN(values[position]!)) present[count++] = values[position]!
    return count === 0 ? Number.NaN : reduce(present.subarray(0, count))
  })
}

function median(values: Float64Array): number {
  const sorted = values.toSorted()
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

function total(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0)
}

function mean(values: Float64Array): number {
  return total(values) / values.length
}

/** One line for all groups: at each bucket with a value, the time since the previous one. */
function elapsed(lines: readonly Line[], _: unknown, interval: number, buckets: number): Line[] {
  if (lines.length === 0) return []
  const values = new Float64Array(buckets).fill(Number.NaN)
  let last = -1
  for (let index = 0; index < buckets; index += 1) {
    if (lines.every((line) => Number.isNaN(line.values[index]!))) continue
    if (last >= 0) values[index] = (index - last) * interval
    last = index
  }
  return [{ tags: noTags(), values, unit: { name: 's', per: null } }]
}

/** Over the whole time, if it has two values at least. */
function trendLine(values: Float64Array): Float64Array {
  let [count, sumX, sumY, sumXX, sumXY] = [0, 0, 0, 0, 0]
  for (const [x, y] of values.entries()) {
    if (Number.isNaN(y)) continue
    count += 1
    sumX += x
    sumY += y
    sumXX += x * x
    sumXY += x * y
  }
  const slope = (count * sumXY - sumX * sumY) / (count * sumXX - sumX * sumX)
  return values.map((_, x) => (count < 2 ? Number.NaN : (sumY + slope * (count * x - sumX)) / count))
}

function timeshift(): QueryFunction {
  return {
    ...before('a time', 0),
    parameters: [{ kind: 'number', name: '-seconds', max: -1 }],
    meaning: 'the values of an earlier time, by seconds',
    secondsBefore: ([seconds]) => -Math.round(seconds as number),
  }
}

function before(time: string, seconds: number): QueryFunction {
  return {
    parameters: [],
    meaning: `the values of ${time} before`,
    isOverTime: false,
    secondsBefore: () => seconds,
    apply: (lines) => [...lines],
  }
}

/** Days of 24 hours: data are not kept long enough for a change of clocks. */
function calendarShift(): QueryFunction {
  return {
    ...before('a time', 0),
    parameters: [
      { kind: 'text', name: 'shift', pattern: /^-[1-9]\d{0,3}[dw]$/, example: '-1d' },
      { kind: 'text', name: 'time zone', pattern: /^[\w/+-]+$/, example: 'UTC', isOptional: true },
    ],
    meaning: 'the values of an earlier time, by days or weeks',
    secondsBefore([shift]) {
      const text = String(shift)
      return Number(text.slice(1, -1)) * (text.endsWith('w') ? 7 * DAY : DAY)
    },
  }
}

function movingRollup(): QueryFunction {
  const reducers: Record<string, (values: Float64Array) => number> = {
    avg: mean,
    sum: total,
    min: (values) => values.reduce((one, other) => Math.min(one, other)),
    max: (values) => values.reduce((one, other) => Math.max(one, other)),
    count: (values) => values.length,
  }
  return {
    parameters: [
      { kind: 'number', name: 'seconds' },
      { kind: 'choice', name: 'method', choices: ROLLUP_METHODS, isOptional: true },
    ],
    meaning: 'joins the values of the seconds up to here',
    isOverTime: true,
    apply: (lines, [seconds, method = 'avg'], interval) =>
      lines.map((line) => {
        const span = Math.max(1, Math.round((seconds as number) / interval))
        return { ...line, values: moving(line.values, span, reducers[method]!) }
      }),
  }
}

function fill(): QueryFunction {
  return {
    parameters: [
      { kind: 'choice', name: 'method', choices: FILL_METHODS },
      { kind: 'number', name: 'seconds', isOptional: true },
    ],
    meaning: 'fills gaps',
    isOverTime: true,
    apply: (lines, [method, seconds], interval) =>
      lines.map((line) => {
        const values = line.values.slice()
        fillGaps(values, method as (typeof FILL_METHODS)[number], interval, seconds as number | undefined)
        return { ...line, values }
      }),
  }
}

function counting(meaning: string, counts: (value: number) => boolean): QueryFunction {
  return {
    parameters: [],
    meaning,
    isOverTime: false,
    apply(lines, _, __, buckets) {
      const values = new Float64Array(buckets)
      for (const line of lines)
        for (const [index, value] of line.values.entries())
          if (!Number.isNaN(value) && counts(value)) values[index]! += 1
      return [{ tags: noTags(), values, unit: null }]
    },
  }
}

function top(): QueryFunction {
  return {
    parameters: [
      { kind: 'number', name: 'count' },
      { kind: 'choice', name: 'by', choices: RANKS, isOptional: true },
      { kind: 'choice', name: 'direction', choices: DIRECTIONS, isOptional: true },
    ],
    meaning: 'the groups of highest rank',
    isOverTime: true,
    apply: (lines, [count, by = 'mean', direction = 'desc'], interval) =>
      ranked(lines, count as number, by as Rank, direction as 'asc' | 'desc', interval),
  }
}

/** `top5_mean` and similar functions. */
function conveniences(): [string, QueryFunction][] {
  return (['top', 'bottom'] as const).flatMap((end) =>
    [5, 10, 15, 20].flatMap((count) =>
      RANKS.map((rank): [string, QueryFunction] => [
        `${end}${count}_${rank}`,
        {
          parameters: [],
          meaning: `the ${count} groups with the ${end === 'top' ? 'highest' : 'lowest'} ${rank}`,
          isOverTime: true,
          apply: (lines, _, interval) => ranked(lines, count, rank, end === 'top' ? 'desc' : 'asc', interval),
        },
      ]),
    ),
  )
}

export function ranked(
  lines: readonly Line[],
  count: number,
  by: Rank,
  direction: 'asc' | 'desc',
  interval: number,
): Line[] {
  const sign = direction === 'desc' ? -1 : 1
  return lines
    .map((line) => ({ line, rank: rankOf(line.values, by, interval) }))
    .sort((one, other) => sign * (one.rank - other.rank))
    .slice(0, Math.max(0, Math.floor(count)))
    .map(({ line }) => line)
}

/** By the present values. A line without values has the lowest rank. */
export function rankOf(values: Float64Array, by: Rank, interval: number): number {
  const present = values.filter((value) => !Number.isNaN(value))
  if (present.length === 0) return -Number.MAX_VALUE
  switch (by) {
    case 'max':
      return present.reduce((one, other) => Math.max(one, other))
    case 'min':
      return present.reduce((one, other) => Math.min(one, other))
    case 'mean':
      return total(present) / present.length
    case 'sum':
      return total(present)
    case 'last':
      return present.at(-1)!
    case 'area':
      return total(present) * interval
    case 'l2norm':
      return Math.sqrt(total(present.map((value) => value * value)))
  }
}
