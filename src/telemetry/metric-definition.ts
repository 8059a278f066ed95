/** How a metric is described: the types behind the table in catalogue.ts. */

export type MetricKind = 'counter' | 'up-down counter' | 'histogram' | 'gauge'

export interface MetricDefinition {
  readonly name: string
  readonly kind: MetricKind
  /** UCUM, as OTLP carries it. */
  readonly unit: string
  /** What one record is, in a sentence; also the description that is exported. */
  readonly description: string
  /** What starts and what stops the clock, for a time. */
  readonly clock?: string
  /** What somebody might expect in it and does not find. */
  readonly leavesOut?: string
  /** Where name and meaning come from. */
  readonly source: string
  readonly attributes: Readonly<Record<string, AttributeDefinition>>
  /** Most series that one process can make: a number, or what it follows from. */
  readonly series: number | SeriesBound
  /** Bounds for backends without exponential histograms. */
  readonly boundaries?: readonly number[]
}

export interface AttributeDefinition {
  /** The whole set of allowed values, or … */
  readonly values?: readonly (string | number)[]
  /** … what bounds them, where code and not this table decides. */
  readonly boundedBy?: string
  /** When it is missing; otherwise it is always there. */
  readonly missing?: string
}

export interface SeriesBound {
  /** In words, for the page. */
  readonly formula: string
  readonly most: (shape: ServiceShape) => number
}

/** What the number of series depends on. */
export interface ServiceShape {
  /** Each method of each route, with the statuses that it may answer with. */
  readonly routes: readonly RouteShape[]
  /** Distinct prepared statements by operation, tables and summary. */
  readonly statements: number
  readonly pages: number
}

export interface RouteShape {
  readonly method: string
  readonly url: string
  readonly page: string | false
  readonly statuses: number
}

export function mostSeries(metric: MetricDefinition, shape: ServiceShape): number {
  return typeof metric.series === 'number' ? metric.series : metric.series.most(shape)
}
