import { formatMs } from '../loading/format.ts'
import { formatCount } from '../progress.ts'
import type { Chart, Group, LineStyle } from './curve.ts'
import { type Findings, isCapped, partialNote, REBUILT_MS, STORY_MS } from './findings.ts'
import { LISTINGS, type Measurement } from './measure.ts'
import { type Estimate, fitExponent, fitPerRow, type Slope } from './statistics.ts'

const PERCENTILE_KEY: Chart['key'] = [
  { style: 'line', name: 'median' },
  { style: 'dashed', name: 'p95' },
  { style: 'bar', name: '95 % confidence' },
]

/** From this ratio on, small values would lie on the axis of a linear scale. */
const LOGARITHMIC_FROM = 10

/** Latency against rows, by listing: the client's, and telemetry's own percentiles as rings. */
export function latencyChart(findings: Findings): Chart {
  const groups = LISTINGS.map(({ name }): Group => {
    const found = findings.measurements.filter(({ listing }) => listing.name === name)
    const told = found.flatMap(({ tableRows, telemetry }) =>
      [telemetry.p50, telemetry.p95].map(({ ms }) => ({ x: tableRows, y: ms })),
    )
    return {
      name,
      lines: [...percentileLines(found, ({ client }) => client), { style: 'rings', points: told }],
    }
  }).filter(({ lines }) => lines[0]!.points.length > 0)
  return chart(findings, 'Latency as the table grows', groups, {
    key: [...PERCENTILE_KEY, { style: 'rings', name: 'by telemetry' }],
    caption: [
      ...LISTINGS.flatMap(({ name }) => growth(name, findings)),
      'Lines: from sending to the last byte, by the client’s clock. Rings: within the service, by telemetry.',
      'Bars and brackets: 95 % confidence, if the machine was the same at each size.',
      ...storyLine(findings),
    ],
  })
}

/** The story's query and ours; undefined if no size is the story's. */
export function storyChart(findings: Findings): Chart | undefined {
  const found = findings.measurements.filter(
    ({ listing, tableRows }) => listing.name === 'full listing' && tableRows in STORY_MS,
  )
  if (found.length === 0) return undefined
  const rebuilt = found.map(({ tableRows: x }) => {
    const [low, high] = REBUILT_MS[x]!
    return { x, y: (low + high) / 2, low, high }
  })
  const groups: Group[] = [
    { name: 'here', lines: percentileLines(found, ({ longestQuery }) => longestQuery) },
    {
      name: 'published',
      lines: [{ style: 'line', points: found.map(({ tableRows: x }) => ({ x, y: STORY_MS[x]! })) }],
    },
    { name: 'rebuilt', lines: [{ style: 'line', points: rebuilt }] },
  ]
  return chart(findings, 'The query of the full listing', groups, { key: PERCENTILE_KEY, caption: [] })
}

/** Latency of a prefix search against rows, with and without the index. */
export function searchChart(findings: Findings): Chart {
  const groups = (['indexed', 'unindexed'] as const).map(
    (kind): Group => ({
      name: kind === 'indexed' ? 'with index' : 'without index',
      lines: percentileLines(findings.searches, (search) => search[kind]),
    }),
  )
  return chart(findings, 'A prefix search as the table grows, in the database alone', groups, {
    key: PERCENTILE_KEY,
    caption: ['The same file and the same rows; the search without index is forbidden to use it.'],
  })
}

function percentileLines<T extends { readonly tableRows: number }>(
  found: readonly T[],
  percentilesOf: (each: T) => { readonly p50: Estimate; readonly p95: Estimate },
) {
  return (['p50', 'p95'] as const).map((percent) => ({
    style: (percent === 'p50' ? 'line' : 'dashed') as LineStyle,
    points: found.map((each) => {
      const { ms, lowMs, highMs } = percentilesOf(each)[percent]
      return { x: each.tableRows, y: ms, low: lowMs, high: highMs }
    }),
  }))
}

function chart(
  findings: Findings,
  title: string,
  groups: readonly Group[],
  { key, caption }: Pick<Chart, 'key' | 'caption'>,
): Chart {
  const points = groups.flatMap(({ lines }) => lines.flatMap(({ points }) => points))
  const spansDecades = (values: readonly number[]) =>
    Math.max(...values) >= LOGARITHMIC_FROM * Math.min(...values)
  const x = spansDecades(points.map((point) => point.x))
  const note = partialNote(findings)
  return {
    title: note === undefined ? title : `${title}. ${note}`,
    xLabel: 'rows in the table',
    yLabel: 'ms',
    isLogarithmic: { x, y: x || spansDecades(points.map((point) => point.y)) },
    groups,
    key,
    caption,
  }
}

/** Growth of the listing's median, by its client and by telemetry; none for a single size. */
function growth(name: string, findings: Findings): string[] {
  const found = findings.measurements.filter((each) => each.listing.name === name && !isCapped(each))
  const of = (side: 'client' | 'telemetry') =>
    found.map((each) => ({ rows: each.tableRows, estimate: each[side].p50 }))
  const isLogarithmic = spansLogarithmically(found)
  const [fit, print] = isLogarithmic ? [fitExponent, printExponent] : [fitPerRow, printPerRow]
  const [client, telemetry] = [fit(of('client')), fit(of('telemetry'))]
  if (client === undefined || telemetry === undefined) return []
  return [
    `${name}: the median ${verbFor(client)}, ${print(client)}; by telemetry it ${verbFor(telemetry)}, ${print(telemetry)}.`,
  ]
}

function spansLogarithmically(found: readonly Measurement[]): boolean {
  const sizes = found.map(({ tableRows }) => tableRows)
  return Math.max(...sizes) >= LOGARITHMIC_FROM * Math.min(...sizes)
}

function verbFor({ low, high }: Slope): string {
  if (low > 0) return 'grows'
  return high < 0 ? 'falls' : 'does not measurably grow'
}

function printExponent(slope: Slope): string {
  return `with rows to the power of ${withInterval(slope, 1)}`
}

function printPerRow(slope: Slope): string {
  return `by ${withInterval(slope, 1000)} µs a row`
}

function withInterval({ value, low, high }: Slope, factor: number): string {
  const [middle, from, to] = [value, low, high].map((each) =>
    (factor * each)
      .toFixed(2)
      .replace(/^-(?=.*[1-9])/, '−')
      .replace('-', ''),
  )
  return `${middle} (${from} to ${to})`
}

function storyLine({ measurements }: Findings): string[] {
  const found = measurements.filter(
    ({ listing, tableRows }) => listing.name === 'full listing' && tableRows in STORY_MS,
  )
  if (found.length === 0) return []
  const list = (of: (rows: number, each: Measurement) => string) =>
    found.map((each) => of(each.tableRows, each)).join(', ')
  return [
    `The story published ${list((rows) => `${STORY_MS[rows]}`)} ms for its query at ${list((rows) => formatCount(rows))} rows; ` +
      `the list’s query here takes ${list((_, { longestQuery }) => formatMs(longestQuery.p50.ms))} ms. Theirs could not be ` +
      `reproduced: their code, rebuilt, takes ${list((rows) => REBUILT_MS[rows]!.join('–'))} ms.`,
  ]
}
