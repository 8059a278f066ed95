/** A parsed query. `at` is its place in the text. */

export const AGGREGATIONS = [
  'sum',
  'avg',
  'min',
  'max',
  'count',
  'p50',
  'p75',
  'p90',
  'p95',
  'p99',
  'histogram',
] as const
export type Aggregation = (typeof AGGREGATIONS)[number]

export const ROLLUP_METHODS = ['avg', 'sum', 'min', 'max', 'count'] as const
export type RollupMethod = (typeof ROLLUP_METHODS)[number]

export const FILL_METHODS = ['linear', 'last', 'zero', 'null'] as const
export type FillMethod = (typeof FILL_METHODS)[number]

export interface Place {
  readonly from: number
  readonly to: number
}

export type Filter =
  | { readonly kind: 'all' }
  /** `value` may hold `*` and variables. */
  | { readonly kind: 'tag'; readonly key: string; readonly value: string; readonly at: Place }
  | { readonly kind: 'in'; readonly key: string; readonly values: readonly string[]; readonly at: Place }
  | { readonly kind: 'variable'; readonly name: string; readonly at: Place }
  | { readonly kind: 'not'; readonly operand: Filter }
  | { readonly kind: 'and' | 'or'; readonly operands: readonly Filter[] }

export interface MetricQuery {
  readonly kind: 'metric'
  readonly aggregation: Aggregation
  readonly metric: string
  readonly filter: Filter
  /** Tag keys, or variables with their `$`. */
  readonly by: readonly string[]
  readonly as?: 'rate' | 'count'
  readonly rollup?: { readonly method?: RollupMethod; readonly seconds?: number }
  readonly fill?: { readonly method: FillMethod; readonly seconds?: number }
  readonly at: Place
}

export type Operator = '+' | '-' | '*' | '/'

export type Expression =
  | MetricQuery
  | { readonly kind: 'number'; readonly value: number; readonly at: Place }
  /** A query of the same request. */
  | { readonly kind: 'reference'; readonly name: string; readonly at: Place }
  | { readonly kind: 'negative'; readonly operand: Expression; readonly at: Place }
  | {
      readonly kind: 'operation'
      readonly operator: Operator
      readonly left: Expression
      readonly right: Expression
      readonly at: Place
    }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Argument[]; readonly at: Place }

export type Argument = Expression | { readonly kind: 'text'; readonly value: string; readonly at: Place }
