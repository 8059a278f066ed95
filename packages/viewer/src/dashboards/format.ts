import { type TProperties, Type } from 'typebox'
import { EVENT_AGGREGATIONS } from '../query/evaluate-events.ts'
import { EVENT_SOURCES } from '../query/searched-events.ts'

/**
 * The part of Datadog's dashboard format that the shipped dashboards use and the viewer draws, and nothing else: Datadog
 * would draw any other member, and the viewer would not. Follows the schema `Dashboard` of Datadog's API v1
 * (https://docs.datadoghq.com/api/latest/dashboards/ and its OpenAPI document in DataDog/datadog-api-client-typescript).
 */

function record<P extends TProperties>(properties: P) {
  return Type.Object(properties, { additionalProperties: false })
}

const Text = Type.String({ minLength: 1 })
const Whole = Type.Integer({ minimum: 0 })

const Name = Type.String({ pattern: '^[a-z][a-z0-9_]*$' })

const MetricQuery = record({
  data_source: Type.Literal('metrics'),
  name: Name,
  query: Text,
  aggregator: Type.Optional(Type.Enum(['avg', 'last', 'sum', 'min', 'max', 'percentile'])),
})

const EventAggregation = Type.Enum([...EVENT_AGGREGATIONS])

/** Queries over spans and log lines. The data of Datadog's other sources never come here. */
const EventQuery = record({
  data_source: Type.Enum([...EVENT_SOURCES]),
  name: Name,
  compute: record({
    aggregation: EventAggregation,
    metric: Type.Optional(Text),
    interval: Type.Optional(Type.Integer({ minimum: 1000 })),
  }),
  search: Type.Optional(record({ query: Type.String() })),
  indexes: Type.Optional(Type.Array(Text)),
  group_by: Type.Optional(
    Type.Array(
      record({
        facet: Text,
        limit: Type.Optional(Type.Integer({ minimum: 1 })),
        sort: Type.Optional(
          record({
            aggregation: EventAggregation,
            metric: Type.Optional(Text),
            order: Type.Optional(Type.Enum(['asc', 'desc'])),
          }),
        ),
      }),
    ),
  ),
})

/** By their `data_source`. */
export const QUERIES = { metrics: MetricQuery, spans: EventQuery, logs: EventQuery } as const

/** One of {@link QUERIES}. */
const Query = Type.Object({ data_source: Type.Enum(['metrics', ...EVENT_SOURCES]) })

const NumberFormat = record({
  unit: record({
    type: Type.Literal('canonical_unit'),
    unit_name: Type.Enum(['second', 'millisecond', 'microsecond', 'nanosecond', 'byte', 'percent']),
    per_unit_name: Type.Optional(Type.Literal('second')),
  }),
})

const ConditionalFormat = record({
  comparator: Type.Enum(['=', '>', '>=', '<', '<=']),
  value: Type.Number(),
  palette: Type.Enum([
    'white_on_green',
    'white_on_yellow',
    'white_on_red',
    'green_on_white',
    'yellow_on_white',
    'red_on_white',
  ]),
})

const Formula = record({
  formula: Text,
  alias: Type.Optional(Text),
  number_format: Type.Optional(NumberFormat),
  limit: Type.Optional(record({ count: Type.Integer({ minimum: 1 }), order: Type.Enum(['asc', 'desc']) })),
  conditional_formats: Type.Optional(Type.Array(ConditionalFormat)),
})

const TableFormula = record({
  ...Formula.properties,
  cell_display_mode: Type.Optional(Type.Enum(['number', 'bar'])),
})

const Axis = record({
  scale: Type.Optional(Type.Enum(['linear', 'log'])),
  min: Type.Optional(Type.String({ pattern: '^(auto|-?\\d+(\\.\\d+)?)$' })),
  max: Type.Optional(Type.String({ pattern: '^(auto|-?\\d+(\\.\\d+)?)$' })),
  include_zero: Type.Optional(Type.Boolean()),
})

/** A line, `y = 4`, or a range, `90 < y < 100`. */
const Marker = record({
  value: Type.String({ pattern: '^(y = -?\\d+(\\.\\d+)?|-?\\d+(\\.\\d+)? < y < -?\\d+(\\.\\d+)?)$' }),
  display_type: Type.String({ pattern: '^(error|warning|ok|info) (dashed|solid|bold)$' }),
  label: Type.Optional(Text),
})

const titled = {
  title: Text,
  description: Type.Optional(Text),
}

const Timeseries = record({
  type: Type.Literal('timeseries'),
  ...titled,
  requests: Type.Array(
    record({
      response_format: Type.Literal('timeseries'),
      queries: Type.Array(Query, { minItems: 1 }),
      formulas: Type.Array(Formula, { minItems: 1 }),
      display_type: Type.Enum(['line', 'area', 'bars']),
      on_right_yaxis: Type.Optional(Type.Boolean()),
      style: Type.Optional(
        record({
          palette: Type.Optional(
            Type.Enum(['dog_classic', 'cool', 'warm', 'grey', 'purple', 'orange', 'semantic']),
          ),
          line_type: Type.Optional(Type.Enum(['solid', 'dashed', 'dotted'])),
          line_width: Type.Optional(Type.Enum(['thin', 'normal', 'thick'])),
        }),
      ),
    }),
    { minItems: 1 },
  ),
  show_legend: Type.Optional(Type.Boolean()),
  legend_layout: Type.Optional(Type.Enum(['auto', 'horizontal', 'vertical'])),
  legend_columns: Type.Optional(Type.Array(Type.Enum(['value', 'avg', 'sum', 'min', 'max']))),
  yaxis: Type.Optional(Axis),
  right_yaxis: Type.Optional(Axis),
  markers: Type.Optional(Type.Array(Marker)),
})

const scalars = Type.Array(
  record({
    response_format: Type.Literal('scalar'),
    queries: Type.Array(Query, { minItems: 1 }),
    formulas: Type.Array(Formula, { minItems: 1, maxItems: 1 }),
  }),
  { minItems: 1, maxItems: 1 },
)

const QueryValue = record({
  type: Type.Literal('query_value'),
  ...titled,
  requests: scalars,
  autoscale: Type.Optional(Type.Boolean()),
  precision: Type.Optional(Whole),
  timeseries_background: Type.Optional(record({ type: Type.Enum(['area', 'bars']) })),
})

const Toplist = record({ type: Type.Literal('toplist'), ...titled, requests: scalars })

/** A row for each group, a column for each formula, in the order of the request's `sort` or a formula's `limit`. */
const Table = record({
  type: Type.Literal('query_table'),
  ...titled,
  requests: Type.Array(
    record({
      response_format: Type.Literal('scalar'),
      queries: Type.Array(Query, { minItems: 1 }),
      formulas: Type.Array(TableFormula, { minItems: 1 }),
      sort: Type.Optional(
        record({
          count: Type.Integer({ minimum: 1 }),
          order_by: Type.Array(
            record({ type: Type.Literal('formula'), index: Whole, order: Type.Enum(['asc', 'desc']) }),
            { minItems: 1, maxItems: 1 },
          ),
        }),
      ),
    }),
    { minItems: 1, maxItems: 1 },
  ),
  has_search_bar: Type.Optional(Type.Literal('never')),
})

const histograms = Type.Array(record({ request_type: Type.Literal('histogram'), query: Query }), {
  minItems: 1,
  maxItems: 1,
})

const HeatMap = record({
  type: Type.Literal('heatmap'),
  ...titled,
  requests: histograms,
  yaxis: Type.Optional(Axis),
})

const Distribution = record({ type: Type.Literal('distribution'), ...titled, requests: histograms })

const Note = record({
  type: Type.Literal('note'),
  content: Text,
  background_color: Type.Optional(Text),
  vertical_align: Type.Optional(Type.Enum(['top', 'center', 'bottom'])),
  show_tick: Type.Optional(Type.Literal(false)),
  has_padding: Type.Optional(Type.Boolean()),
})

export const WIDGETS = {
  timeseries: Timeseries,
  query_value: QueryValue,
  toplist: Toplist,
  query_table: Table,
  heatmap: HeatMap,
  distribution: Distribution,
  note: Note,
} as const

/** Places on the grid of 12 columns. */
const Layout = record({
  x: Type.Integer({ minimum: 0, maximum: 11 }),
  y: Whole,
  width: Type.Integer({ minimum: 1, maximum: 12 }),
  height: Type.Integer({ minimum: 1 }),
})

/** Its definition is one of {@link WIDGETS}. */
export const Widget = record({ definition: Type.Object({ type: Text }), layout: Layout })

/** All but the widgets. */
export const Dashboard = record({
  title: Text,
  description: Text,
  layout_type: Type.Literal('ordered'),
  reflow_type: Type.Literal('fixed'),
  default_timeframe: Type.Optional(
    record({
      type: Type.Literal('live'),
      value: Type.Integer({ minimum: 1 }),
      unit: Type.Enum(['minute', 'hour', 'day']),
    }),
  ),
  template_variables: Type.Array(
    record({
      name: Type.String({ pattern: '^\\w+$' }),
      prefix: Text,
      available_values: Type.Array(Type.String()),
      defaults: Type.Array(Text, { minItems: 1 }),
    }),
  ),
  widgets: Type.Array(Type.Unknown(), { minItems: 1 }),
})
