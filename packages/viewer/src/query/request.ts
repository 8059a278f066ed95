import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { EVENT_AGGREGATIONS } from './evaluate-events.ts'

const Aggregation = Type.Enum([...EVENT_AGGREGATIONS])
const Sort = Type.Object({
  aggregation: Aggregation,
  order: Type.Optional(Type.Enum(['asc', 'desc'])),
  metric: Type.Optional(Type.String()),
})
export type Sort = Static<typeof Sort>
const Limit = Type.Integer({ minimum: 1, maximum: 1000 })

/** A widget's request, and the time. Other members are ignored. */
const Query = Type.Object({
  data_source: Type.Optional(Type.String()),
  name: Type.Optional(Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_]*$' })),
  /** For metrics. */
  query: Type.Optional(Type.String()),
  aggregator: Type.Optional(Type.Enum(['avg', 'last', 'sum', 'min', 'max', 'area', 'l2norm', 'percentile'])),
  /** For spans and logs, as all members below. */
  search: Type.Optional(Type.Object({ query: Type.String({ maxLength: 10_000 }) })),
  compute: Type.Optional(
    Type.Object({
      aggregation: Aggregation,
      metric: Type.Optional(Type.String()),
      /** Milliseconds. */
      interval: Type.Optional(Type.Integer({ minimum: 1 })),
    }),
  ),
  group_by: Type.Optional(
    Type.Union([
      Type.Array(
        Type.Object({
          facet: Type.String({ minLength: 1 }),
          limit: Type.Optional(Limit),
          sort: Type.Optional(Sort),
        }),
        { maxItems: 4 },
      ),
      Type.Object({
        fields: Type.Array(Type.String({ minLength: 1 }), { maxItems: 4 }),
        limit: Type.Optional(Limit),
        sort: Type.Optional(Sort),
      }),
    ]),
  ),
})
export type RequestQuery = Static<typeof Query>

const Milliseconds = Type.Number({ minimum: 0, maximum: 8.64e15 })

export const QueryRequest = Type.Object({
  from: Type.Optional(Milliseconds),
  to: Type.Optional(Milliseconds),
  seconds: Type.Optional(Type.Number({ minimum: 1, maximum: 86_400 * 31 })),
  response_format: Type.Optional(Type.Enum(['timeseries', 'scalar', 'distribution'])),
  request_type: Type.Optional(Type.String()),
  q: Type.Optional(Type.String()),
  query: Type.Optional(Query),
  queries: Type.Optional(Type.Array(Query, { maxItems: 20 })),
  formulas: Type.Optional(
    Type.Array(
      Type.Object({
        formula: Type.String(),
        alias: Type.Optional(Type.String()),
        limit: Type.Optional(
          Type.Object({
            count: Type.Optional(Type.Integer({ minimum: 1 })),
            order: Type.Optional(Type.Enum(['asc', 'desc'])),
          }),
        ),
      }),
      { maxItems: 20 },
    ),
  ),
  variables: Type.Optional(
    Type.Record(
      Type.String(),
      Type.Object({
        prefix: Type.Optional(Type.Union([Type.String(), Type.Null()])),
        values: Type.Array(Type.String(), { maxItems: 1000 }),
      }),
    ),
  ),
  interval: Type.Optional(Type.Integer({ minimum: 1, maximum: 86_400 * 31 })),
  maxSeries: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
})
export type QueryRequest = Static<typeof QueryRequest>

/** A request of the wrong form: 400. */
export class RequestError extends Error {
  override readonly name = 'RequestError'
}

export function readQueryRequest(json: unknown): QueryRequest {
  if (Value.Check(QueryRequest, json)) return json
  const [first] = Value.Errors(QueryRequest, json)
  const where = first?.instancePath ? first.instancePath.slice(1).replaceAll('/', '.') : 'the request'
  throw new RequestError(`${where} ${first?.message ?? 'is not a query'}; see docs/viewer.md`)
}

/** For scripts: `?q=…&seconds=900&format=scalar&interval=…&$env=env:prod`. */
export function readQueryParameters(parameters: URLSearchParams): QueryRequest {
  const numeric = (name: string) =>
    parameters.has(name) ? { [name]: Number(parameters.get(name) || Number.NaN) } : {}
  const variables: Record<string, { values: string[] }> = Object.create(null)
  for (const name of new Set(parameters.keys()))
    if (name.startsWith('$')) variables[name.slice(1)] = { values: parameters.getAll(name) }
  return readQueryRequest({
    q: parameters.get('q') ?? undefined,
    ...numeric('from'),
    ...numeric('to'),
    ...numeric('seconds'),
    ...numeric('interval'),
    ...numeric('maxSeries'),
    ...(parameters.has('format') && { response_format: parameters.get('format') }),
    variables,
  })
}
