import type { ServiceShape } from '@rollcall/fastify-route-telemetry'
import { countCustomMetrics } from './custom-metrics.ts'

/**
 * The content of `telemetry-budget.json`: the most series that one instance can make. A reviewer decides by its diff.
 */
export interface SeriesBudget {
  readonly total: number
  readonly metrics: Readonly<Record<string, number>>
}

export function budgetOf(shape: ServiceShape): SeriesBudget {
  const costs = countCustomMetrics(shape, { instances: 1, percentiles: new Set() })
  return {
    total: costs.reduce((sum, { series }) => sum + series, 0),
    metrics: Object.fromEntries(costs.map(({ metric, series }) => [metric, series])),
  }
}

/** Changes since a budget was written, one sentence for each metric. */
export function budgetChanges(written: SeriesBudget, now: SeriesBudget): string[] {
  const changed = (what: string, series: number, before: number) => {
    const change = series > before ? `${series - before} more` : `${before - series} fewer`
    return series === before ? [] : [`${what} can make ${series} series, ${change} than the budget has.`]
  }
  return [
    ...Object.entries(now.metrics).flatMap(([metric, series]) => {
      const before = Object.hasOwn(written.metrics, metric) ? written.metrics[metric] : undefined
      return before === undefined
        ? [`${metric} can make ${series} series, and the budget does not name it.`]
        : changed(metric, series, before)
    }),
    ...Object.keys(written.metrics)
      .filter((metric) => !Object.hasOwn(now.metrics, metric))
      .map((metric) => `The budget names ${metric}, which does not exist.`),
    ...changed('All metrics together', now.total, written.total),
  ]
}
