import { percentileRank } from '@rollcall/otlp'
import { parseSearch, textsOf } from './event-search.ts'
import type { Variables } from './filter.ts'
import { QueryError } from './query-error.ts'
import { type EventSource, eventsOf, type TimedEvent } from './searched-events.ts'
import { type Line, noTags, type Unit } from './series.ts'
import type { Sources } from './sources.ts'
import type { Window } from './window.ts'

export const EVENT_AGGREGATIONS = [
  'count',
  'cardinality',
  'median',
  'pc75',
  'pc90',
  'pc95',
  'pc98',
  'pc99',
  'sum',
  'min',
  'max',
  'avg',
] as const
export type EventAggregation = (typeof EVENT_AGGREGATIONS)[number]

/** The choice of groups. */
export interface Ranking {
  readonly limit: number
  readonly order: 'asc' | 'desc'
  /** The rank: the number of events, or the computed value. */
  readonly by: 'count' | 'value'
}

/** A query over spans or log lines, in the form of widgets. */
export interface EventQuery {
  readonly source: EventSource
  readonly search: string
  readonly aggregation: EventAggregation
  /** The measured field. None for `count`. */
  readonly measure: string | undefined
  readonly facets: readonly string[]
  /** One limit over all groups, or one for each facet, within each value of the facet before. */
  readonly rankings: Ranking | readonly Ranking[]
  /** Seconds. */
  readonly interval: number | undefined
}

const PERCENTILES: Partial<Record<EventAggregation, number>> = {
  median: 0.5,
  pc75: 0.75,
  pc90: 0.9,
  pc95: 0.95,
  pc98: 0.98,
  pc99: 0.99,
}
/** Reading an event takes some microseconds, and all other work waits meanwhile. */
const MOST_READ = 200_000
const MOST_GROUPS = 5000

/**
 * A line for each group of each query, with the exact value of each bucket, or no value. All queries have one source and
 * one search: reading is most of the work, and is done once for all of them.
 */
export function evaluateEvents(
  sources: Sources,
  queries: readonly EventQuery[],
  variables: Variables,
  window: Window,
): Line[][] {
  const { source, search: text } = queries[0]!
  const search = parseSearch(text, variables)
  const isWanted = (json: string, resources: readonly string[]) =>
    search.literals.every(
      (literal) => json.includes(literal) || resources.some((resource) => resource.includes(literal)),
    )
  const found = queries.map((query) => ({ query, groups: new Map<string, Group>() }))
  let read = 0
  for (const event of eventsOf(sources, source, window.from * 1000, window.to * 1000, isWanted)) {
    read += 1
    if (read > MOST_READ) throw tooMany(text, `more than ${MOST_READ} ${source} have to be read`)
    if (!search.matches(event)) continue
    const bucket = Math.floor((event.time / 1000 - window.start) / window.interval)
    for (const { query, groups } of found) collect(event, bucket, query, groups)
  }
  return found.map(({ query, groups }) => linesOf([...groups.values()], query, window))
}

function collect(event: TimedEvent, bucket: number, query: EventQuery, groups: Map<string, Group>): void {
  const values = query.facets.map((facet) => textsOf(event.field(facet))[0])
  // Datadog leaves out events without the facet.
  if (values.some((value) => value === undefined || value === '')) return
  const id = JSON.stringify(values)
  let group = groups.get(id)
  if (group === undefined) {
    if (groups.size === MOST_GROUPS) throw tooMany(query.search, `there are more than ${MOST_GROUPS} groups`)
    group = { values: values as string[], buckets: new Map() }
    groups.set(id, group)
  }
  const collected = group.buckets.get(bucket)
  if (collected) collected.push(observed(event, query.measure))
  else group.buckets.set(bucket, [observed(event, query.measure)])
}

function linesOf(groups: readonly Group[], query: EventQuery, window: Window): Line[] {
  const { aggregation, measure, facets } = query
  const isTime = measure === '@duration' && aggregation !== 'cardinality'
  const unit: Unit | null = isTime ? { name: 'ns', per: null } : null
  return limited(groups, query).flatMap(({ values, buckets }) => {
    const line = new Float64Array(window.buckets).fill(Number.NaN)
    for (const [bucket, collected] of buckets) line[bucket] = aggregate(aggregation, collected)
    if (line.every((value) => Number.isNaN(value))) return []
    const tags = noTags()
    for (const [index, facet] of facets.entries()) tags[facet] = values[index]!
    return [{ tags, values: line, unit }]
  })
}

/** The name of an unnamed query in a legend. */
export function labelOfEvents({ source, search, aggregation, measure, facets }: EventQuery): string {
  const what =
    measure === undefined ? `${aggregation} of ${source}` : `${aggregation} of ${measure} of ${source}`
  const by = facets.length > 0 ? ` by ${facets.join(', ')}` : ''
  return `${what}${search.trim() ? `: ${search.trim()}` : ''}${by}`
}

interface Group {
  readonly values: readonly string[]
  readonly buckets: Map<number, Observed[]>
}

type Observed = string | undefined

function observed(event: TimedEvent, measure: string | undefined): Observed {
  return measure === undefined ? '' : textsOf(event.field(measure))[0]
}

function aggregate(aggregation: EventAggregation, collected: readonly Observed[]): number {
  if (aggregation === 'count') return collected.length
  const present = collected.filter((value) => value !== undefined)
  if (aggregation === 'cardinality') return new Set(present).size
  const numbers = Float64Array.from(present, (text) => (text === '' ? Number.NaN : Number(text))).filter(
    (value) => Number.isFinite(value),
  )
  if (numbers.length === 0) return Number.NaN
  const fraction = PERCENTILES[aggregation]
  if (fraction !== undefined) return numbers.sort()[percentileRank(fraction, numbers.length) - 1]!
  const sum = numbers.reduce((total, value) => total + value, 0)
  switch (aggregation) {
    case 'min':
      return numbers.reduce((one, other) => Math.min(one, other))
    case 'max':
      return numbers.reduce((one, other) => Math.max(one, other))
    case 'avg':
      return sum / numbers.length
    default:
      return sum
  }
}

function limited(groups: readonly Group[], { aggregation, rankings }: EventQuery): Group[] {
  if (!Array.isArray(rankings))
    return best(groups, ({ values }) => values.join('\0'), rankings as Ranking, aggregation).flat()
  return (rankings as readonly Ranking[])
    .reduce<Group[][]>(
      (kept, ranking, depth) =>
        kept.flatMap((members) => best(members, ({ values }) => values[depth]!, ranking, aggregation)),
      [[...groups]],
    )
    .flat()
}

/** Groups with a common key, the highest rank over the whole time first. */
function best(
  groups: readonly Group[],
  keyOf: (group: Group) => string,
  { limit, order, by }: Ranking,
  aggregation: EventAggregation,
): Group[][] {
  const sign = order === 'asc' ? 1 : -1
  return [...Map.groupBy(groups, keyOf)]
    .map(([key, members]) => ({
      key,
      members,
      rank: rankOf(members, by === 'count' ? 'count' : aggregation),
    }))
    .sort((one, other) => sign * (one.rank - other.rank) || (one.key < other.key ? -1 : 1))
    .slice(0, limit)
    .map(({ members }) => members)
}

function rankOf(members: readonly Group[], aggregation: EventAggregation): number {
  const all = members.flatMap(({ buckets }) => [...buckets.values()].flat())
  const rank = aggregate(aggregation, all)
  return Number.isNaN(rank) ? -Number.MAX_VALUE : rank
}

function tooMany(search: string, what: string): QueryError {
  return new QueryError(`${what}: narrow the search or the time`, { from: 0, to: Math.max(1, search.length) })
}
