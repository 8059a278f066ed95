import type { MetricDefinition, MetricKind, ServiceShape } from '@rollcall/fastify-route-telemetry'
import { UsageError } from '../src/process/command.ts'
import { METRICS } from '../src/telemetry/catalogue.ts'
import { mostSeries } from '../src/telemetry/series.ts'
import { SPAN_METRICS } from '../src/telemetry/span-metrics.ts'

/** Every metric that arrives at Datadog: the service's, and those that the Collector makes of its spans. */
const ARRIVING: readonly MetricDefinition[] = [...Object.values(METRICS), ...Object.values(SPAN_METRICS)]

export interface MetricCost {
  readonly metric: string
  readonly kind: MetricKind
  /** Series of one instance. */
  readonly series: number
  /** Custom metrics of all instances, as Datadog counts them. */
  readonly customMetrics: number
}

export interface Counting {
  /** Each instance has series of its own: `service.instance.id` is a tag of all. */
  readonly instances: number
  /** Distributions for which Datadog keeps percentiles. */
  readonly percentiles: ReadonlySet<string>
}

/**
 * A custom metric is a metric's name with one combination of its tags. Each series of a count or a gauge is one; a
 * distribution is five (count, sum, min, max, avg), and five more with percentiles (p50, p75, p90, p95, p99).
 * https://docs.datadoghq.com/account_management/billing/custom_metrics/ (as of 2026)
 */
export function countCustomMetrics(shape: ServiceShape, { instances, percentiles }: Counting): MetricCost[] {
  return ARRIVING.map((metric) => {
    const series = mostSeries(metric, shape)
    const forEach = metric.kind !== 'histogram' ? 1 : percentiles.has(metric.name) ? 10 : 5
    return { metric: metric.name, kind: metric.kind, series, customMetrics: series * forEach * instances }
  })
}

/** Custom metrics beyond the included ones are paid by the hundred; a part of a hundred costs a whole one. */
export function monthlyCost(customMetrics: number, included: number, pricePer100: number): number {
  return Math.ceil(Math.max(0, customMetrics - included) / 100) * pricePer100
}

/** An amount of money, without its currency. Throws {@link UsageError}. */
export function readPrice(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d{1,6}(\.\d{1,4})?$/.test(text))
    throw new UsageError(
      `--price-per-100 is "${text}"; give an amount of money such as 5.00, without a currency.`,
    )
  return Number(text)
}

/** Names of distributions. Throws {@link UsageError}. */
export function readPercentiles(names: readonly string[]): ReadonlySet<string> {
  const distributions = ARRIVING.filter(({ kind }) => kind === 'histogram').map(({ name }) => name)
  const stray = names.find((name) => name !== 'all' && !distributions.includes(name))
  if (stray !== undefined)
    throw new UsageError(`--percentiles is "${stray}"; give all, or one of ${distributions.join(', ')}.`)
  return new Set(names.includes('all') ? distributions : names)
}
