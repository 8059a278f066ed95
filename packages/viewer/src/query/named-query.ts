import { type EventQuery, labelOfEvents, type Ranking } from './evaluate-events.ts'
import { parse } from './parse.ts'
import { placed } from './placed-error.ts'
import { type QueryRequest, RequestError, type RequestQuery, type Sort } from './request.ts'
import { EVENT_SOURCES } from './searched-events.ts'
import type { Expression } from './syntax.ts'

export type Aggregator = NonNullable<RequestQuery['aggregator']>

/** A query of a request: an expression over metrics, or a search with a computation over spans or logs. */
export type NamedQuery = { readonly name: string; readonly text: string } & (
  | { readonly kind: 'metrics'; readonly expression: Expression; readonly aggregator: Aggregator | undefined }
  | { readonly kind: 'events'; readonly events: EventQuery }
  /** A query over data that do not come here. */
  | { readonly kind: 'elsewhere'; readonly source: string }
)

/** Datadog's default. */
const USUAL_LIMIT = 10

/** Throws {@link RequestError}, and {@link PlacedError} for an error in a text. */
export function queriesOf({ q, query, queries = [] }: QueryRequest): NamedQuery[] {
  const all = [...(q === undefined ? [] : [{ query: q }]), ...(query ? [query] : []), ...queries]
  if (all.length === 0) throw new RequestError('the request has no query: give q, or queries')
  const named = all.map((each, index) => namedQuery(each, index))
  const twice = named.find(({ name }, index) => named.findIndex((other) => other.name === name) < index)
  if (twice) throw new RequestError(`two queries are named ${twice.name}`)
  return named
}

function namedQuery(query: RequestQuery, index: number): NamedQuery {
  const { data_source: source = 'metrics', name = `query${index + 1}`, query: text, aggregator } = query
  if (source === 'metrics') {
    if (text === undefined) throw new RequestError(`${name} has no query`)
    return { kind: 'metrics', name, text, expression: parsed(name, text), aggregator }
  }
  const known = EVENT_SOURCES.find((each) => each === source)
  if (known === undefined) return { kind: 'elsewhere', name, text: name, source: source.slice(0, 40) }
  const { compute, search, group_by: groupBy = [] } = query
  if (compute === undefined) throw new RequestError(`${name} lacks its aggregation: give compute.aggregation`)
  const { aggregation, metric: measure, interval } = compute
  if (aggregation !== 'count' && measure === undefined)
    throw new RequestError(
      `${name} lacks the field of its ${aggregation}: give compute.metric, such as @duration`,
    )
  const ranking = ({ limit = USUAL_LIMIT, sort }: { limit?: number; sort?: Sort }): Ranking => {
    const isOwn = sort === undefined || (sort.aggregation === aggregation && sort.metric === measure)
    if (!isOwn && sort.aggregation !== 'count')
      throw new RequestError(
        `${name} sorts by the ${sort.aggregation} of ${sort.metric}, which it does not compute: sort by count or by the computed value`,
      )
    return { limit, order: sort?.order ?? 'desc', by: isOwn ? 'value' : 'count' }
  }
  const events: EventQuery = {
    source: known,
    search: search?.query ?? '',
    aggregation,
    measure: aggregation === 'count' ? undefined : measure,
    interval: interval === undefined ? undefined : Math.max(1, Math.round(interval / 1000)),
    facets: Array.isArray(groupBy) ? groupBy.map(({ facet }) => facet) : groupBy.fields,
    rankings: Array.isArray(groupBy) ? groupBy.map(ranking) : ranking(groupBy),
  }
  return { kind: 'events', name, text: labelOfEvents(events), events }
}

/** Throws {@link PlacedError}. */
export function parsed(name: string, text: string): Expression {
  return placed(name, text, () => parse(text))
}
