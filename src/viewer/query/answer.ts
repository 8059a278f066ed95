import type { MetricStore } from '../store/metric-store.ts'
import { evaluate, metricQueries, type Scope } from './evaluate.ts'
import { evaluateMetric } from './evaluate-metric.ts'
import type { Variables } from './filter.ts'
import { ranked, rankOf } from './functions.ts'
import { type Distribution, lineCells, observationCells } from './heat-map.ts'
import { parse } from './parse.ts'
import { QueryError } from './query-error.ts'
import { type QueryRequest, RequestError } from './request.ts'
import type { Line, Unit } from './series.ts'
import type { Expression, MetricQuery } from './syntax.ts'
import { boundedInterval, defaultInterval, reportingInterval, type Window, windowBefore } from './window.ts'

type Aggregator = NonNullable<NonNullable<QueryRequest['queries']>[number]['aggregator']>

interface NamedQuery {
  readonly name: string
  readonly text: string
  readonly expression: Expression
  readonly aggregator: Aggregator | undefined
}

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

/** A {@link QueryError} with the text that it is about. */
export class PlacedError extends Error {
  override readonly name = 'PlacedError'
  readonly query: string
  readonly text: string
  readonly error: QueryError

  constructor(query: string, text: string, error: QueryError) {
    super(error.message)
    this.query = query
    this.text = text
    this.error = error
  }
}

const MOST_SERIES = 500
const DEFAULT_SECONDS = 900

/** Answers a request. Throws {@link PlacedError} and {@link RequestError}, and nothing else whatever the request says. */
export function answer(store: MetricStore, request: QueryRequest): Answer {
  const { from, to } = timeOf(request)
  const queries = queriesOf(request)
  const formulas = formulasOf(request, queries)
  const format =
    request.request_type === 'histogram' ? 'distribution' : (request.response_format ?? 'timeseries')
  const interval = intervalOf(store, request, [...queries, ...formulas], (to - from) / 1000)
  const notes: string[] = []
  const common = { from, to, interval, notes }
  const window = windowOf(from, to, interval, format)
  const asked = [...queries, ...formulas].flatMap(({ expression }) => metricQueries(expression))
  for (const metric of new Set(asked.map(({ metric }) => metric)))
    if (store.find(metric) === undefined) notes.push(`no metric named ${metric} has arrived yet`)
  const variables: Variables = request.variables ?? {}
  if (format === 'distribution')
    return distributionAnswer(store, queries, formulas, variables, window, common)
  if (format === 'scalar') {
    const limited = formulas.map((formula, index) => ({
      index,
      formula,
      ...limit(
        scalars(store, queries, formula, variables, window),
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
  const scope = scopeOf(store, queries, variables, window)
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
    completeUntil: completeUntil(store, queries, formulas, interval),
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

/** Throws {@link PlacedError}. */
export function parsed(name: string, text: string): Expression {
  return placed(name, text, () => parse(text))
}

function timeOf({ from, to, seconds }: QueryRequest): { from: number; to: number } {
  const end = to ?? Date.now()
  const begin = from ?? end - (seconds ?? DEFAULT_SECONDS) * 1000
  if (begin >= end) throw new RequestError(`from (${begin}) must be before to (${end})`)
  if (end - begin > 31 * 86_400_000) throw new RequestError('from and to are more than 31 days apart')
  return { from: begin, to: end }
}

function queriesOf({ q, query, queries = [] }: QueryRequest): NamedQuery[] {
  const all = [...(q === undefined ? [] : [{ query: q }]), ...(query ? [query] : []), ...queries]
  if (all.length === 0) throw new RequestError('the request has no query: give q, or queries')
  const named = all.map((each, index) => {
    const {
      data_source: source = 'metrics',
      name = `query${index + 1}`,
      query: text,
      aggregator,
    } = each as typeof each & NonNullable<QueryRequest['query']>
    if (source !== 'metrics')
      throw new RequestError(`${name} asks for ${source.slice(0, 40)}; only metrics are answered here`)
    return { name, text, expression: parsed(name, text), aggregator }
  })
  const twice = named.find(({ name }, index) => named.findIndex((other) => other.name === name) < index)
  if (twice) throw new RequestError(`two queries are named ${twice.name}`)
  return named
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

/** A formula that is only a query's name says nothing to people. */
function labelOf(formula: string, queries: readonly NamedQuery[]): string {
  return queries.find(({ name }) => name === formula.trim())?.text ?? formula
}

/** One for the whole request, or formulas over several queries could not be computed. */
function intervalOf(
  store: MetricStore,
  { interval }: QueryRequest,
  parts: readonly { expression: Expression }[],
  seconds: number,
): number {
  const metrics = parts.flatMap(({ expression }) => metricQueries(expression))
  const wishes = metrics.flatMap(({ rollup }) => (rollup?.seconds === undefined ? [] : [rollup.seconds]))
  if (interval !== undefined || wishes.length > 0)
    return boundedInterval(seconds, Math.max(interval ?? 1, ...wishes))
  return defaultInterval(seconds, slowest(store, metrics))
}

function slowest(store: MetricStore, metrics: readonly MetricQuery[]): number | undefined {
  const intervals = metrics.map(({ metric }) => reportingInterval(store.find(metric)) ?? 1)
  return intervals.length === 0 ? undefined : Math.max(...intervals)
}

/** Whole buckets for charts; for single values exactly the time that was asked for. */
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
  store: MetricStore,
  queries: readonly NamedQuery[],
  formulas: readonly Formula[],
  interval: number,
): number {
  const metrics = [...queries, ...formulas].flatMap(({ expression }) => metricQueries(expression))
  const seconds = Date.now() / 1000 - (slowest(store, metrics) ?? 0)
  return Math.floor(seconds / interval) * interval * 1000
}

function scopeOf(
  store: MetricStore,
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
    metric: (query) => evaluateMetric(store, query, variables, window),
    reference: () => undefined,
    before: (seconds) => scopeOf(store, [], variables, windowBefore(window, seconds)),
  }
  return {
    ...scope,
    before: (seconds) => scopeOf(store, queries, variables, windowBefore(window, seconds)),
    names: queries.map(({ name }) => name),
    reference(name) {
      const query = queries.find((each) => each.name === name)
      if (query === undefined) return undefined
      const known = lines.get(name) ?? placed(name, query.text, () => evaluate(query.expression, scope))
      lines.set(name, known)
      return known
    },
  }
}

/** Each query is reduced to a value for each group, then the formula works on the values, as Datadog does it. */
function scalars(
  store: MetricStore,
  queries: readonly NamedQuery[],
  formula: Formula,
  variables: Variables,
  window: Window,
): Line[] {
  return placed('formula', formula.text, () =>
    evaluate(formula.expression, scalarScope(store, queries, variables, window)),
  )
}

function scalarScope(
  store: MetricStore,
  queries: readonly NamedQuery[],
  variables: Variables,
  window: Window,
): Scope {
  const overTime = scopeOf(store, [], variables, window)
  const whole = { ...window, interval: window.to - window.from, buckets: 1 }
  return {
    interval: whole.interval,
    buckets: 1,
    isScalar: true,
    names: queries.map(({ name }) => name),
    before: (seconds) => scalarScope(store, queries, variables, windowBefore(window, seconds)),
    metric: (query) => reduced(store, query, undefined, variables, window, whole, overTime),
    reference(name) {
      const query = queries.find((each) => each.name === name)
      return (
        query &&
        placed(name, query.text, () => {
          if (query.expression.kind === 'metric')
            return reduced(store, query.expression, query.aggregator, variables, window, whole, overTime)
          return reduceAll(evaluate(query.expression, overTime), query.aggregator ?? 'avg', window.interval)
        })
      )
    },
  }
}

function reduced(
  store: MetricStore,
  query: MetricQuery,
  wanted: Aggregator | undefined,
  variables: Variables,
  window: Window,
  whole: Window,
  overTime: Scope,
): Line[] {
  const kind = store.find(query.metric)?.kind
  const usual =
    kind === 'distribution' ? 'percentile' : kind === 'count' && query.as !== 'rate' ? 'sum' : 'avg'
  const aggregator = wanted ?? usual
  // One bucket over the whole time: of a distribution the true percentile, mean or extreme, not the mean of the means.
  if (aggregator === 'percentile' && kind === 'distribution')
    return evaluateMetric(store, query, variables, whole)
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
  store: MetricStore,
  queries: readonly NamedQuery[],
  formulas: readonly Formula[],
  variables: Variables,
  window: Window,
  common: Common,
): Answer {
  const [query] = queries
  const [formula] = formulas
  const scope = scopeOf(store, queries, variables, window)
  const isPlain = query?.expression.kind === 'metric' && query.expression.aggregation === 'histogram'
  const cells = isPlain
    ? placed(query.name, query.text, () =>
        observationCells(store, query.expression as MetricQuery, variables, window),
      )
    : lineCells(
        placed('formula 0', formula!.text, () => evaluate(formula!.expression, scope)),
        window,
      )
  return { format: 'distribution', ...common, times: timesOf(window), ...cells }
}

/** With a limit its order, else the order of the groups in a chart and the largest first among values. */
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

/** Says which text an error is about; the innermost one holds. */
function placed<R>(query: string, text: string, work: () => R): R {
  try {
    return work()
  } catch (error) {
    if (error instanceof QueryError) throw new PlacedError(query, text, error)
    throw error
  }
}

function orNull(value: number): number | null {
  return Number.isFinite(value) ? value : null
}
