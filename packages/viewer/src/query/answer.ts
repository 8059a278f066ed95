import { evaluate, metricQueries, type Scope } from './evaluate.ts'
import { evaluateEvents } from './evaluate-events.ts'
import { evaluateMetric } from './evaluate-metric.ts'
import type { Variables } from './filter.ts'
import { ranked, rankOf } from './functions.ts'
import { type Distribution, lineCells, observationCells } from './heat-map.ts'
import { type Aggregator, type NamedQuery, parsed, queriesOf } from './named-query.ts'
import { placed } from './placed-error.ts'
import { type QueryRequest, RequestError } from './request.ts'
import type { Line, Unit } from './series.ts'
import type { Sources } from './sources.ts'
import type { Expression, MetricQuery } from './syntax.ts'
import {
  boundedInterval,
  defaultInterval,
  EVENT_BUCKETS,
  reportingInterval,
  type Window,
  windowBefore,
} from './window.ts'

type EventsQuery = NamedQuery & { kind: 'events' }

interface Formula {
  readonly text: string
  readonly expression: Expression
  readonly label: string
  readonly limit: { readonly count?: number; readonly order?: 'asc' | 'desc' } | undefined
}

interface Common {
  readonly from: number
  readonly to: number
  /** Seconds. */
  readonly interval: number
  readonly notes: string[]
}

export type Answer =
  | (Common & {
      format: 'timeseries'
      times: number[]
      completeUntil: number
      series: {
        formula: number
        label: string
        tags: Line['tags']
        unit: Unit | null
        values: (number | null)[]
      }[]
      truncated: number
    })
  | (Common & {
      format: 'scalar'
      values: {
        formula: number
        label: string
        tags: Line['tags']
        unit: Unit | null
        value: number | null
      }[]
      truncated: number
    })
  | (Common & { format: 'distribution'; times: number[]; unit: Unit | null } & Distribution)

const MOST_SERIES = 500
const DEFAULT_SECONDS = 900
/** SDKs send spans and log records in batches: by default every five seconds, and every second. */
const EVENT_DELAY_SECONDS = 5

/** Answers a request. For any request, throws no other error than {@link PlacedError} and {@link RequestError}. */
export function answer(sources: Sources, request: QueryRequest): Answer {
  const { from, to } = timeOf(request)
  const queries = queriesOf(request)
  const formulas = formulasOf(request, queries)
  const format =
    request.request_type === 'histogram' ? 'distribution' : (request.response_format ?? 'timeseries')
  const interval = intervalOf(sources, request, queries, formulas, (to - from) / 1000)
  const notes: string[] = []
  const common = { from, to, interval, notes }
  const window = windowOf(from, to, interval, format)
  for (const metric of new Set(metricsOf(queries, formulas).map(({ metric }) => metric)))
    if (sources.metrics.find(metric) === undefined) notes.push(`no metric named ${metric} has arrived yet`)
  for (const note of new Set(queries.flatMap((query) => noteOn(query, sources)))) notes.push(note)
  const variables: Variables = request.variables ?? {}
  if (format === 'distribution')
    return distributionAnswer(sources, queries, formulas, variables, window, common)
  if (format === 'scalar') {
    const scope = scalarScope(sources, queries, variables, window)
    const limited = formulas.map((formula, index) => ({
      index,
      formula,
      ...limit(
        placed(nameOf(formula, index, request), formula.text, () => evaluate(formula.expression, scope)),
        formula.limit ?? {},
        request.maxSeries ?? MOST_SERIES,
        1,
      ),
    }))
    return {
      format,
      ...common,
      values: limited.flatMap(({ index, formula, lines }) =>
        lines.map(({ tags, values, unit }) => ({
          formula: index,
          label: formula.label,
          tags,
          unit,
          value: orNull(values[0]!),
        })),
      ),
      truncated: limited.reduce((sum, { leftOut }) => sum + leftOut, 0),
    }
  }
  const scope = scopeOf(sources, queries, variables, window)
  const limited = formulas.map((formula, index) => {
    const lines = placed(nameOf(formula, index, request), formula.text, () =>
      evaluate(formula.expression, scope),
    )
    return { index, formula, ...limit(lines, formula.limit, request.maxSeries ?? MOST_SERIES, interval) }
  })
  return {
    format,
    ...common,
    times: timesOf(window),
    completeUntil: completeUntil(sources, queries, formulas, interval),
    series: limited.flatMap(({ index, formula, lines }) =>
      lines.map(({ tags, values, unit }) => ({
        formula: index,
        label: formula.label,
        tags,
        unit,
        values: Array.from(values, orNull),
      })),
    ),
    truncated: limited.reduce((sum, { leftOut }) => sum + leftOut, 0),
  }
}

function timeOf({ from, to, seconds }: QueryRequest): { from: number; to: number } {
  const end = to ?? Date.now()
  const begin = from ?? end - (seconds ?? DEFAULT_SECONDS) * 1000
  if (begin >= end) throw new RequestError(`from (${begin}) must be before to (${end})`)
  if (end - begin > 31 * 86_400_000) throw new RequestError('from and to are more than 31 days apart')
  return { from: begin, to: end }
}

function formulasOf({ formulas }: QueryRequest, queries: readonly NamedQuery[]): Formula[] {
  if (formulas === undefined || formulas.length === 0)
    return queries.map(({ name, text }) => ({
      text,
      expression: { kind: 'reference', name, at: { from: 0, to: text.length } },
      label: text,
      limit: undefined,
    }))
  return formulas.map(({ formula: text, alias, limit }, index) => ({
    text,
    expression: parsed(`formula ${index}`, text),
    label: alias || labelOf(text, queries),
    limit: limit as Formula['limit'],
  }))
}

/** A formula that is only a query's name is no label for people. */
function labelOf(formula: string, queries: readonly NamedQuery[]): string {
  return queries.find(({ name }) => name === formula.trim())?.text ?? formula
}

/** The length of a bucket, by all queries and formulas. */
function metricsOf(queries: readonly NamedQuery[], formulas: readonly Formula[]): MetricQuery[] {
  const expressions = queries.flatMap((query) => (query.kind === 'metrics' ? [query.expression] : []))
  return [...expressions, ...formulas.map(({ expression }) => expression)].flatMap(metricQueries)
}

/** The reason why no query over a source can find anything. */
function noteOn(query: NamedQuery, { traces, logs }: Sources): string[] {
  if (query.kind === 'elsewhere')
    return [
      `${query.name} asks for ${query.source}, which Datadog keeps: only metrics, spans and logs come here`,
    ]
  if (query.kind !== 'events') return []
  const { source } = query.events
  const isEmpty = source === 'spans' ? traces.size === 0 : logs.kept === 0
  return isEmpty ? [`no ${source === 'spans' ? 'spans have' : 'log lines have'} arrived yet`] : []
}

/** One for the whole request: a formula over several queries needs equal buckets. */
function intervalOf(
  sources: Sources,
  { interval }: QueryRequest,
  queries: readonly NamedQuery[],
  formulas: readonly Formula[],
  seconds: number,
): number {
  const metrics = metricsOf(queries, formulas)
  const events = queries.flatMap((query) => (query.kind === 'events' ? [query.events] : []))
  const wishes = [
    ...metrics.map(({ rollup }) => rollup?.seconds),
    ...events.map(({ interval }) => interval),
  ].filter((wish) => wish !== undefined)
  if (interval !== undefined || wishes.length > 0)
    return boundedInterval(seconds, Math.max(interval ?? 1, ...wishes))
  const least = slowest(sources, metrics) ?? 1
  // Single events are a comb in fine buckets.
  return defaultInterval(seconds, events.length > 0 ? Math.max(least, seconds / EVENT_BUCKETS) : least)
}

function slowest(sources: Sources, metrics: readonly MetricQuery[]): number | undefined {
  const intervals = metrics.map(({ metric }) => reportingInterval(sources.metrics.find(metric)) ?? 1)
  return intervals.length === 0 ? undefined : Math.max(...intervals)
}

/** Whole buckets for charts. For single values exactly the time of the request. */
function windowOf(fromMs: number, toMs: number, interval: number, format: string): Window {
  const from = Math.floor(fromMs / 1000)
  const to = Math.ceil(toMs / 1000)
  const start = format === 'scalar' ? from : Math.floor(from / interval) * interval
  const buckets = Math.max(1, Math.ceil((to - start) / interval))
  return { start, interval, buckets, from: start, to: format === 'scalar' ? to : start + buckets * interval }
}

function timesOf({ start, interval, buckets }: Window): number[] {
  return Array.from({ length: buckets }, (_, index) => (start + index * interval) * 1000)
}

function completeUntil(
  sources: Sources,
  queries: readonly NamedQuery[],
  formulas: readonly Formula[],
  interval: number,
): number {
  const late = slowest(sources, metricsOf(queries, formulas)) ?? 0
  const hasEvents = queries.some(({ kind }) => kind === 'events')
  const seconds = Date.now() / 1000 - Math.max(late, hasEvents ? EVENT_DELAY_SECONDS : 0)
  return Math.floor(seconds / interval) * interval * 1000
}

function scopeOf(
  sources: Sources,
  queries: readonly NamedQuery[],
  variables: Variables,
  window: Window,
): Scope {
  const lines = new Map<string, readonly Line[]>()
  const scope: Scope = {
    interval: window.interval,
    buckets: window.buckets,
    isScalar: false,
    names: [],
    metric: (query) => evaluateMetric(sources.metrics, query, variables, window),
    reference: () => undefined,
    before: (seconds) => scopeOf(sources, [], variables, windowBefore(window, seconds)),
  }
  return {
    ...scope,
    before: (seconds) => scopeOf(sources, queries, variables, windowBefore(window, seconds)),
    names: queries.map(({ name }) => name),
    reference(name) {
      const query = queries.find((each) => each.name === name)
      if (query === undefined) return undefined
      if (!lines.has(name)) {
        if (query.kind === 'events') addEventLines(lines, sources, query, queries, variables, window)
        else if (query.kind === 'elsewhere') lines.set(name, [])
        else
          lines.set(
            name,
            placed(name, query.text, () => evaluate(query.expression, scope)),
          )
      }
      return lines.get(name)
    },
  }
}

/** Each query is reduced to a value for each group. Then formulas work on the values, as at Datadog. */
function scalarScope(
  sources: Sources,
  queries: readonly NamedQuery[],
  variables: Variables,
  window: Window,
): Scope {
  const overTime = scopeOf(sources, [], variables, window)
  const whole = { ...window, interval: window.to - window.from, buckets: 1 }
  const lines = new Map<string, readonly Line[]>()
  const linesOf = ({ name, text, expression, aggregator }: NamedQuery & { kind: 'metrics' }): Line[] =>
    placed(name, text, () =>
      expression.kind === 'metric'
        ? reduced(sources, expression, aggregator, variables, window, whole, overTime)
        : reduceAll(evaluate(expression, overTime), aggregator ?? 'avg', window.interval),
    )
  return {
    interval: whole.interval,
    buckets: 1,
    isScalar: true,
    names: queries.map(({ name }) => name),
    before: (seconds) => scalarScope(sources, queries, variables, windowBefore(window, seconds)),
    metric: (query) => reduced(sources, query, undefined, variables, window, whole, overTime),
    reference(name) {
      const query = queries.find((each) => each.name === name)
      if (query === undefined) return undefined
      if (!lines.has(name)) {
        if (query.kind === 'events') addEventLines(lines, sources, query, queries, variables, whole)
        else lines.set(name, query.kind === 'elsewhere' ? [] : linesOf(query))
      }
      return lines.get(name)
    },
  }
}

/** Adds the lines of a query, and of all queries over the same events, to the known ones. */
function addEventLines(
  lines: Map<string, readonly Line[]>,
  sources: Sources,
  query: EventsQuery,
  queries: readonly NamedQuery[],
  variables: Variables,
  window: Window,
): void {
  const { source, search } = query.events
  const alike = queries.filter(
    (other): other is EventsQuery =>
      other.kind === 'events' && other.events.source === source && other.events.search === search,
  )
  const found = placed(query.name, search, () =>
    evaluateEvents(
      sources,
      alike.map(({ events }) => events),
      variables,
      window,
    ),
  )
  for (const [index, { name }] of alike.entries()) lines.set(name, found[index]!)
}

function reduced(
  sources: Sources,
  query: MetricQuery,
  wanted: Aggregator | undefined,
  variables: Variables,
  window: Window,
  whole: Window,
  overTime: Scope,
): Line[] {
  const kind = sources.metrics.find(query.metric)?.kind
  const usual =
    kind === 'distribution' ? 'percentile' : kind === 'count' && query.as !== 'rate' ? 'sum' : 'avg'
  const aggregator = wanted ?? usual
  // One bucket over the whole time: a distribution's true percentile, mean or extreme, not the mean of means.
  if (aggregator === 'percentile' && kind === 'distribution')
    return evaluateMetric(sources.metrics, query, variables, whole)
  return reduceAll(overTime.metric(query), aggregator, window.interval)
}

function reduceAll(lines: readonly Line[], aggregator: Aggregator, interval: number): Line[] {
  const rank = aggregator === 'avg' || aggregator === 'percentile' ? 'mean' : aggregator
  return lines.map((line) => {
    const isEmpty = line.values.every((value) => Number.isNaN(value))
    return { ...line, values: Float64Array.of(isEmpty ? Number.NaN : rankOf(line.values, rank, interval)) }
  })
}

function distributionAnswer(
  sources: Sources,
  queries: readonly NamedQuery[],
  formulas: readonly Formula[],
  variables: Variables,
  window: Window,
  common: Common,
): Answer {
  const [query] = queries
  const [formula] = formulas
  const scope = scopeOf(sources, queries, variables, window)
  const plain =
    query?.kind === 'metrics' &&
    query.expression.kind === 'metric' &&
    query.expression.aggregation === 'histogram'
      ? query.expression
      : undefined
  const cells = plain
    ? placed(query!.name, query!.text, () => observationCells(sources.metrics, plain, variables, window))
    : lineCells(
        placed('formula 0', formula!.text, () => evaluate(formula!.expression, scope)),
        window,
      )
  return { format: 'distribution', ...common, times: timesOf(window), ...cells }
}

/** In the order of the limit. Without one, charts keep the order of the groups, and values go from the largest. */
function limit(
  lines: readonly Line[],
  limit: { readonly count?: number; readonly order?: 'asc' | 'desc' } | undefined,
  most: number,
  interval: number,
): { lines: Line[]; leftOut: number } {
  const wanted = limit && ranked(lines, limit.count ?? lines.length, 'mean', limit.order ?? 'desc', interval)
  const chosen = wanted ?? [...lines]
  if (chosen.length <= most) return { lines: chosen, leftOut: 0 }
  const kept = wanted ? wanted.slice(0, most) : ranked(chosen, most, 'sum', 'desc', interval)
  return { lines: kept, leftOut: chosen.length - kept.length }
}

function nameOf({ expression }: Formula, index: number, { formulas }: QueryRequest): string {
  return formulas === undefined && expression.kind === 'reference' ? expression.name : `formula ${index}`
}

function orNull(value: number): number | null {
  return Number.isFinite(value) ? value : null
}
