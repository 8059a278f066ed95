/** The description of a metric: the types behind the table in catalogue.ts. */

export type MetricKind = 'counter' | 'up-down counter' | 'histogram' | 'gauge'

export interface MetricDefinition {
  readonly name: string
  readonly kind: MetricKind
  /** UCUM, as OTLP carries it. */
  readonly unit: string
  /** One sentence on a single record; it is exported as the description. */
  readonly description: string
  /** For a time: the events that start and stop the clock. */
  readonly clock?: string
  /** Parts that a reader might expect in it, and that are left out. */
  readonly leavesOut?: string
  /** Source of name and meaning. */
  readonly source: string
  readonly attributes: Readonly<Record<string, AttributeDefinition>>
  /** The series that one process can make. Default: every combination of the attributes' values. */
  readonly series?: SeriesBound
  /** Bounds for backends without exponential histograms. */
  readonly boundaries?: readonly number[]
}

export type AttributeValue = string | number

export interface AttributeDefinition {
  /** The whole set of allowed values, or … */
  readonly values?: readonly AttributeValue[]
  /** … the bound, if code and not this table decides. */
  readonly boundedBy?: string
  /** The form of such a value as text. Default: any. */
  readonly form?: RegExp
  /** Default: text. */
  readonly type?: 'string' | 'number'
  /** The case in which it is missing. Default: never. */
  readonly missing?: string
}

export interface SeriesBound {
  /** In words, for the page. */
  readonly formula: string
  /** Each series' attributes, none twice. */
  readonly all: (shape: ServiceShape) => Iterable<SeriesAttributes>
}

/** The attributes that distinguish a series of a metric within a process. */
export type SeriesAttributes = Readonly<Record<string, AttributeValue>>

/** The quantities that decide the number of series. */
export interface ServiceShape {
  /** Each method of each route. */
  readonly routes: readonly RouteShape[]
}

export interface RouteShape {
  readonly method: string
  readonly url: string
  readonly page: string | false
  /** The statuses of its answers. */
  readonly statuses: readonly number[]
}
