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
  /** Which series one process can make; without it, every combination of the attributes' values. */
  readonly series?: SeriesBound
  /** Bounds for backends without exponential histograms. */
  readonly boundaries?: readonly number[]
}

export type AttributeValue = string | number

export interface AttributeDefinition {
  /** The whole set of allowed values, or … */
  readonly values?: readonly AttributeValue[]
  /** … what bounds them, where code and not this table decides. */
  readonly boundedBy?: string
  /** What such a value looks like, written as text; any where it is left out. */
  readonly form?: RegExp
  /** Default: text. */
  readonly type?: 'string' | 'number'
  /** When it is missing; otherwise it is always there. */
  readonly missing?: string
}

export interface SeriesBound {
  /** In words, for the page. */
  readonly formula: string
  /** Each series' attributes, none twice. */
  readonly all: (shape: ServiceShape) => Iterable<SeriesAttributes>
}

/** What tells one series of a metric from the others in a process. */
export type SeriesAttributes = Readonly<Record<string, AttributeValue>>

/** What the number of series depends on. */
export interface ServiceShape {
  /** Each method of each route. */
  readonly routes: readonly RouteShape[]
}

export interface RouteShape {
  readonly method: string
  readonly url: string
  readonly page: string | false
  /** Those that it may answer with. */
  readonly statuses: readonly number[]
}
