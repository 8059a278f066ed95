import { MergedHistogram } from '@rollcall/otlp'
import type { MetricStore, Series, StoredMetric } from '../store/metric-store.ts'
import type { SeriesPoints } from '../store/series-points.ts'
import { SKETCH_LIMITS } from '../store/sketch.ts'
import { groupKey, matching, type Variables } from './filter.ts'
import { QueryError } from './query-error.ts'
import { fillGaps, type Line, noTags, type Unit } from './series.ts'
import type { Aggregation, MetricQuery, RollupMethod } from './syntax.ts'
import type { Window } from './window.ts'

/** Groups times buckets: a query takes some megabytes at most. */
const MOST_VALUES = 1_000_000

const PERCENTILES = { p50: 0.5, p75: 0.75, p90: 0.9, p95: 0.95, p99: 0.99 } as const
const COUNT = 0
const SUM = 1
const MIN = 2
const MAX = 3

interface Group {
  readonly tags: Record<string, string>
  readonly series: Series[]
}

/** A line for each group. None for a metric that has not come yet, which is no error. */
export function evaluateMetric(
  store: MetricStore,
  query: MetricQuery,
  variables: Variables,
  window: Window,
): Line[] {
  const metric = store.find(query.metric)
  // Also for an unknown metric: a wrong variable is wrong with and without data.
  const groups = groupsOf(metric, query, variables)
  if (metric === undefined) return []
  checkAggregation(query, metric)
  if (groups.length * window.buckets > MOST_VALUES)
    throw new QueryError(
      `${groups.length} groups of ${window.buckets} buckets are too many: filter more, group by less, or make the buckets longer`,
      query.at,
    )
  const unit = unitOf(query, metric)
  const perSecond = query.as === 'rate' && isSummed(query, metric) ? window.interval : 1
  return groups.flatMap(({ tags, series }) => {
    const values =
      metric.kind === 'distribution'
        ? distribution(series, query, window)
        : numbers(series, query, metric, window)
    if (perSecond !== 1) for (let index = 0; index < values.length; index += 1) values[index]! /= perSecond
    return values.some((value) => !Number.isNaN(value)) ? [{ tags, values, unit }] : []
  })
}

/** All observations of the query's series, by bucket, for a heat map. */
export function mergeByBucket(
  store: MetricStore,
  query: MetricQuery,
  variables: Variables,
  window: Window,
  visit: (bucket: number, merged: MergedHistogram) => void,
): void {
  const series = groupsOf(store.find(query.metric), { ...query, by: [] }, variables).flatMap(
    (group) => group.series,
  )
  eachMerged(series, window, visit)
}

export function checkAggregation({ aggregation, at }: MetricQuery, { name, kind }: StoredMetric): void {
  const place = { from: at.from, to: at.from + aggregation.length }
  if (kind !== 'distribution' && !['sum', 'avg', 'min', 'max'].includes(aggregation))
    throw new QueryError(
      aggregation === 'count'
        ? `count is the number of observations of a distribution; ${name} is a ${kind}: use sum`
        : `${aggregation} needs a distribution; ${name} is a ${kind}: use sum, avg, min or max`,
      place,
    )
}

function isSummed({ aggregation }: MetricQuery, { kind }: StoredMetric): boolean {
  return kind === 'count' || (kind === 'distribution' && (aggregation === 'count' || aggregation === 'sum'))
}

function unitOf(query: MetricQuery, metric: StoredMetric): Unit | null {
  const name = query.aggregation === 'count' ? '' : metric.unit
  const per = query.as === 'rate' && isSummed(query, metric) ? 'second' : null
  return name === '' && per === null ? null : { name, per }
}

function groupsOf(
  metric: StoredMetric | undefined,
  { filter, by, at }: MetricQuery,
  variables: Variables,
): Group[] {
  const matches = matching(filter, variables)
  const keys = by.map((key) => groupKey(key, variables, at))
  const groups = new Map<string, Group>()
  for (const series of metric?.series ?? []) {
    if (!matches(series.tags)) continue
    const values = keys.map((key) => tagValue(series.tags, key))
    const id = JSON.stringify(values)
    let group = groups.get(id)
    if (group === undefined) {
      const tags = noTags()
      for (const [index, key] of keys.entries()) tags[key] = values[index]!
      group = { tags, series: [] }
      groups.set(id, group)
    }
    group.series.push(series)
  }
  // The same order for any order of arrival, or a chart's colours would change places.
  return [...groups].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, group]) => group)
}

/** Datadog's name for a group of series without the key. */
const NOT_APPLICABLE = 'N/A'

function tagValue(tags: readonly string[], key: string): string {
  const tag = tags.find(
    (each) => each.length > key.length && each[key.length] === ':' && each.startsWith(key),
  )
  return tag === undefined ? NOT_APPLICABLE : tag.slice(key.length + 1)
}

/** First in time, for each series and bucket, then in space. */
function numbers(
  series: readonly Series[],
  query: MetricQuery,
  { kind }: StoredMetric,
  window: Window,
): Float64Array {
  const method =
    query.as === undefined || kind === 'gauge'
      ? (query.rollup?.method ?? (kind === 'count' ? 'sum' : 'avg'))
      : 'sum'
  const joined = new Joined(query.aggregation, window.buckets)
  for (const { points } of series) {
    const values = rolledUp(points, method, window)
    if (query.fill) fillGaps(values, query.fill.method, window.interval, query.fill.seconds)
    // Without this a sum over hosts would dip whenever one of them reports a little late.
    else if (kind === 'gauge' && series.length > 1) fillGaps(values, 'linear', window.interval)
    joined.add(values)
  }
  return joined.result()
}

function rolledUp(points: SeriesPoints, method: RollupMethod, window: Window): Float64Array {
  const values = new Float64Array(window.buckets).fill(Number.NaN)
  const counts = method === 'avg' ? new Float64Array(window.buckets) : undefined
  for (
    let index = points.firstFrom(window.from);
    index < points.size && points.second(index) < window.to;
    index += 1
  ) {
    const bucket = bucketOf(points.second(index), window)
    const value = method === 'count' ? 1 : points.value(index)
    values[bucket] = Number.isNaN(values[bucket]!) ? value : combined(method, values[bucket]!, value)
    if (counts) counts[bucket]! += 1
  }
  if (counts) for (const [bucket, count] of counts.entries()) if (count > 1) values[bucket]! /= count
  return values
}

function combined(method: RollupMethod | Aggregation, one: number, other: number): number {
  if (method === 'min') return Math.min(one, other)
  if (method === 'max') return Math.max(one, other)
  return one + other
}

function bucketOf(second: number, { start, interval }: Window): number {
  return Math.floor((second - start) / interval)
}

/** Joins the values of several series in the same buckets. */
class Joined {
  readonly #aggregation: Aggregation
  readonly #values: Float64Array
  readonly #counts: Float64Array

  constructor(aggregation: Aggregation, buckets: number) {
    this.#aggregation = aggregation
    this.#values = new Float64Array(buckets).fill(Number.NaN)
    this.#counts = new Float64Array(buckets)
  }

  add(values: Float64Array): void {
    for (let index = 0; index < values.length; index += 1) {
      const value = values[index]!
      if (Number.isNaN(value)) continue
      const soFar = this.#values[index]!
      this.#values[index] = Number.isNaN(soFar) ? value : combined(this.#aggregation, soFar, value)
      this.#counts[index]! += 1
    }
  }

  result(): Float64Array {
    if (this.#aggregation === 'avg')
      for (let index = 0; index < this.#values.length; index += 1)
        this.#values[index]! /= this.#counts[index] || 1
    return this.#values
  }
}

/** In time and space at once. */
function distribution(series: readonly Series[], query: MetricQuery, window: Window): Float64Array {
  const { aggregation, fill } = query
  const values = new Float64Array(window.buckets).fill(Number.NaN)
  if (aggregation in PERCENTILES) {
    const fraction = PERCENTILES[aggregation as keyof typeof PERCENTILES]
    const extremes = [columnOf(series, 'min', window), columnOf(series, 'max', window)] as const
    eachMerged(series, window, (bucket, merged) => {
      const estimate = merged.percentile(fraction) ?? Number.NaN
      values[bucket] = Math.min(Math.max(estimate, extremes[0][bucket]!), extremes[1][bucket]!)
    })
  } else if (aggregation === 'avg') {
    const counts = columnOf(series, 'count', window)
    for (const [bucket, sum] of columnOf(series, 'sum', window).entries())
      values[bucket] = sum / counts[bucket]!
  } else values.set(columnOf(series, aggregation === 'histogram' ? 'count' : aggregation, window))
  if (fill) fillGaps(values, fill.method, window.interval, fill.seconds)
  return values
}

const COLUMNS: Partial<Record<Aggregation, number>> = { count: COUNT, sum: SUM, min: MIN, max: MAX }

function columnOf(series: readonly Series[], aggregation: Aggregation, window: Window): Float64Array {
  const column = COLUMNS[aggregation]!
  const values = new Float64Array(window.buckets).fill(Number.NaN)
  const isFirst = new Uint8Array(window.buckets).fill(1)
  for (const { points } of series)
    for (
      let index = points.firstFrom(window.from);
      index < points.size && points.second(index) < window.to;
      index += 1
    ) {
      const bucket = bucketOf(points.second(index), window)
      const value = points.value(index, column)
      const known = Number.isNaN(value) && column >= MIN ? extremeOf(points, index, column) : value
      // NaN with any value is NaN: an unknown value stays unknown.
      values[bucket] = isFirst[bucket] ? known : combined(aggregation, values[bucket]!, known)
      isFirst[bucket] = 0
    }
  return values
}

const one = new MergedHistogram(SKETCH_LIMITS)

/** A bound of the outermost bucket, if the sender gave no extreme. */
function extremeOf(points: SeriesPoints, index: number, column: number): number {
  one.clear()
  points.addSketchTo(one, index)
  let extreme = Number.NaN
  one.each((lower, upper) => {
    extreme = column === MIN ? lower : upper
    return column === MIN
  })
  return extreme
}

const merged = new MergedHistogram(SKETCH_LIMITS)

/** Walks all series at once, bucket by bucket: one merged histogram is enough for any number of buckets. */
function eachMerged(
  series: readonly Series[],
  window: Window,
  visit: (bucket: number, merged: MergedHistogram) => void,
): void {
  const next = series.map(({ points }) => points.firstFrom(window.from))
  for (let bucket = 0; bucket < window.buckets; bucket += 1) {
    const end = Math.min(window.to, window.start + (bucket + 1) * window.interval)
    merged.clear()
    for (const [position, { points }] of series.entries()) {
      let index = next[position]!
      for (; index < points.size && points.second(index) < end; index += 1) points.addSketchTo(merged, index)
      next[position] = index
    }
    if (merged.count > 0) visit(bucket, merged)
  }
}
