import type { MetricStore } from '../store/metric-store.ts'
import { checkAggregation, mergeByBucket } from './evaluate-metric.ts'
import type { Variables } from './filter.ts'
import type { Line, Unit } from './series.ts'
import type { MetricQuery } from './syntax.ts'
import type { Window } from './window.ts'

export interface Distribution {
  readonly unit: Unit | null
  /** Bounds of the rows, ascending: one bound more than rows. */
  readonly edges: number[]
  readonly scale: 'log' | 'linear'
  /** For each time, for each row. */
  readonly counts: number[][]
  readonly totals: number[]
}

const MOST_ROWS = 60

type Visit = (bucket: number, lower: number, upper: number, count: number) => void

/** Counts a distribution's observations. */
export function observationCells(
  store: MetricStore,
  query: MetricQuery,
  variables: Variables,
  window: Window,
): Distribution {
  const metric = store.find(query.metric)
  if (metric !== undefined) checkAggregation(query, metric)
  const unit = metric === undefined || metric.unit === '' ? null : { name: metric.unit, per: null }
  const cells = counted(window, (visit) =>
    mergeByBucket(store, query, variables, window, (bucket, merged) =>
      merged.each((lower, upper, count) => {
        visit(bucket, lower, upper, count)
        return false
      }),
    ),
  )
  return { ...cells, unit }
}

/** Counts lines at their values. */
export function lineCells(lines: readonly Line[], window: Window): Distribution {
  const cells = counted(window, (visit) => {
    for (const { values } of lines)
      for (const [bucket, value] of values.entries())
        if (Number.isFinite(value)) visit(bucket, value, value, 1)
  })
  return { ...cells, unit: lines[0]?.unit ?? null }
}

/**
 * A bucket goes to the row of its middle. Rows are powers, or of equal height if a value is below 0. Zeros are in the
 * lowest row. All buckets are walked through twice: keeping them in between could take a thousand times the rows.
 */
function counted(window: Window, find: (visit: Visit) => void): Distribution {
  let [low, high, leastPositive] = [
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    Number.POSITIVE_INFINITY,
  ]
  find((_, lower, upper) => {
    low = Math.min(low, lower)
    high = Math.max(high, upper)
    if (upper > 0) leastPositive = Math.min(leastPositive, lower > 0 ? lower : upper)
  })
  const counts = (rows: number) =>
    Array.from({ length: window.buckets }, () => new Array<number>(rows).fill(0))
  if (high < low) return { unit: null, edges: [], scale: 'linear', counts: counts(0), totals: [] }
  const isLog = low >= 0 && high > 0
  const edges = isLog ? powers(leastPositive, high) : steps(low, high)
  const rows = edges.length - 1
  const [from, to] = isLog ? [Math.log(leastPositive), Math.log(high)] : [low, high]
  const rowOf = (value: number) => {
    const part = ((isLog ? Math.log(value) : value) - from) / (to - from || 1)
    return Math.min(rows - 1, Math.max(0, Math.floor(part * rows)))
  }
  const cells = counts(rows)
  const totals = new Array<number>(rows).fill(0)
  find((bucket, lower, upper, count) => {
    const row = rowOf(isLog ? Math.sqrt(lower) * Math.sqrt(upper) : (lower + upper) / 2)
    cells[bucket]![row]! += count
    totals[row]! += count
  })
  return { unit: null, edges, scale: isLog ? 'log' : 'linear', counts: cells, totals }
}

function powers(low: number, high: number): number[] {
  const rows = Math.min(MOST_ROWS, Math.max(1, Math.ceil(Math.log2(high / low) * 8)))
  return Array.from({ length: rows + 1 }, (_, index) => low * (high / low) ** (index / rows))
}

function steps(low: number, high: number): number[] {
  const rows = high > low ? MOST_ROWS / 2 : 1
  return Array.from({ length: rows + 1 }, (_, index) => low + ((high - low) * index) / rows)
}
