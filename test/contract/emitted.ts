import type { AttributeDefinition, MetricDefinition, ServiceShape } from '@rollcall/fastify-route-telemetry'
import { METRICS } from '../../src/telemetry/catalogue.ts'
import {
  EVENT_ATTRIBUTES,
  EVENT_NAME,
  LOG_ATTRIBUTES,
  RESOURCE_ATTRIBUTES,
  SPAN_EVENTS,
  SPANS,
  type SpanDefinition,
} from '../../src/telemetry/record-catalogue.ts'
import { seriesKey, seriesOf } from '../../src/telemetry/series.ts'
import type { AttributeValues, Exported, LogData, Point, SpanData } from '../support/flat-telemetry.ts'

/** What is emitted against what the catalogue names: one sentence for each difference, and none where it fits. */

const metrics = new Map<string, MetricDefinition>(
  Object.values(METRICS).map((metric) => [metric.name, metric]),
)

const KINDS = {
  counter: { kind: 'sum', temporality: 'delta', monotonic: true },
  'up-down counter': { kind: 'sum', temporality: 'cumulative', monotonic: false },
  histogram: { kind: 'exponential histogram', temporality: 'delta' },
  gauge: { kind: 'gauge' },
} as const

export function requestDefects({ points, spans, logs }: Exported): string[] {
  return [...points.flatMap(pointDefects), ...spans.flatMap(spanDefects), ...logs.flatMap(logDefects)]
}

export function pointDefects(point: Point): string[] {
  const metric = metrics.get(point.name)
  if (!metric) return [`metric ${point.name} is not in the catalogue (src/telemetry/catalogue.ts)`]
  const { unit, description } = metric
  const wrong = Object.entries({ unit, description, ...KINDS[metric.kind] })
    .filter(([key, expected]) => point[key as keyof Point] !== expected)
    .map(
      ([key, expected]) =>
        `metric ${point.name} has the ${key} "${point[key as keyof Point]}", not "${expected}"`,
    )
  return [
    ...wrong,
    ...attributeDefects(`metric ${point.name}`, point.attributes, metric.attributes),
    ...resourceDefects(point.resource),
  ]
}

const SPAN_KINDS: Readonly<Record<number, keyof typeof SPANS>> = { 2: 'request', 3: 'query' }

function spanDefects(span: SpanData): string[] {
  const which = SPAN_KINDS[span.kind]
  if (!which) return [`span "${span.name}" is of kind ${span.kind}, which the catalogue does not have`]
  const expected =
    which === 'request' ? requestSpanName(span.attributes) : span.attributes['db.query.summary']
  const events = span.events.flatMap(({ name, attributes }) => {
    const known = Object.hasOwn(SPAN_EVENTS, name) ? SPAN_EVENTS[name as keyof typeof SPAN_EVENTS] : undefined
    return known
      ? attributeDefects(`event ${name}`, attributes, known)
      : [`span "${span.name}" has an event "${name}", which the catalogue does not have`]
  })
  const { links }: SpanDefinition = SPANS[which]
  const strayLinks = span.links.slice(links === undefined ? 0 : 1)
  return [
    ...strayLinks.map(() => `span "${span.name}" has a link, which the catalogue does not have`),
    ...span.links.flatMap(({ attributes }) => attributeDefects('a link', attributes, {})),
    ...(span.name === expected ? [] : [`span "${span.name}" should be named "${expected}"`]),
    ...attributeDefects(`span "${span.name}"`, span.attributes, SPANS[which].attributes),
    ...events,
    ...resourceDefects(span.resource),
  ]
}

function requestSpanName(attributes: AttributeValues): string {
  const method = attributes['http.request.method']
  const verb = method === '_OTHER' ? 'HTTP' : String(method)
  const route = attributes['http.route']
  return route === undefined ? verb : `${verb} ${route}`
}

function logDefects(record: LogData): string[] {
  const attributes = record.eventName === EVENT_NAME ? EVENT_ATTRIBUTES : LOG_ATTRIBUTES
  return [
    ...attributeDefects(`log record "${record.body}"`, record.attributes, attributes),
    ...resourceDefects(record.resource),
  ]
}

/** Series that no service with these routes should have made, by what is computed of them. */
export function beyondComputed(points: readonly Point[], shape: ServiceShape): string[] {
  const possible = new Map(
    Array.from(metrics.values(), (metric) => [
      metric.name,
      new Set(Array.from(seriesOf(metric, shape), seriesKey)),
    ]),
  )
  const beyond = points.filter(({ name, attributes }) => !possible.get(name)?.has(seriesKey(attributes)))
  return [...new Set(beyond.map(({ name, attributes }) => `${name} ${seriesKey(attributes)}`))]
}

function resourceDefects(resource: AttributeValues): string[] {
  return attributeDefects('the resource', resource, RESOURCE_ATTRIBUTES)
}

function attributeDefects(
  what: string,
  attributes: AttributeValues,
  definitions: Readonly<Record<string, AttributeDefinition>>,
): string[] {
  const defects: string[] = []
  for (const [name, value] of Object.entries(attributes)) {
    const definition = Object.hasOwn(definitions, name) ? definitions[name] : undefined
    if (!definition) defects.push(`${what} has the attribute ${name}, which the catalogue does not give it`)
    else if (!isAllowed(value, definition))
      defects.push(`${what} has ${name} ${JSON.stringify(value)}, which the catalogue does not allow`)
  }
  for (const [name, { missing }] of Object.entries(definitions))
    if (missing === undefined && !(name in attributes)) defects.push(`${what} lacks the attribute ${name}`)
  return defects
}

function isAllowed(value: unknown, { values, form, type = 'string' }: AttributeDefinition): boolean {
  if (values) return values.includes(value as string | number)
  return typeof value === type && (form === undefined || form.test(String(value)))
}
