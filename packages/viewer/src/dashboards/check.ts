import type { TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { answer } from '../query/answer.ts'
import { PlacedError } from '../query/placed-error.ts'
import { RequestError, readQueryRequest } from '../query/request.ts'
import { TelemetryStore } from '../telemetry-store.ts'
import { Dashboard, QUERIES, WIDGETS, Widget } from './format.ts'

/** Members that Datadog adds when it stores a dashboard. They do not change the drawing. */
const RECORDS = ['id', 'url', 'author_handle', 'author_name', 'created_at', 'modified_at', 'is_read_only']

type Json = Readonly<Record<string, unknown>>

/**
 * A sentence for each part of a dashboard that is not drawn here as at Datadog, and for each wrong query. The shipped
 * dashboards give none. Takes any JSON.
 */
export function defectsOf(dashboard: unknown): string[] {
  if (!isRecord(dashboard)) return ['It is no object.']
  const widgets = Array.isArray(dashboard.widgets) ? dashboard.widgets : []
  return [
    ...formatDefects(Dashboard, without(dashboard, RECORDS)),
    ...widgets.flatMap((widget, index) => {
      const definition = isRecord(widget) && isRecord(widget.definition) ? widget.definition : {}
      const name = typeof definition.title === 'string' ? ` "${definition.title}"` : ''
      return [
        ...formatDefects(Widget, isRecord(widget) ? without(widget, ['id']) : widget),
        ...definitionDefects(definition, variablesOf(dashboard)),
      ].map((defect) => `Widget ${index + 1}${name}: ${defect}`)
    }),
  ]
}

function definitionDefects(definition: Json, variables: Json): string[] {
  const type = String(definition.type)
  if (!Object.hasOwn(WIDGETS, type)) return [`the type ${type} is not drawn here.`]
  const requests = Array.isArray(definition.requests) ? definition.requests : []
  return [
    ...formatDefects(WIDGETS[type as keyof typeof WIDGETS], definition),
    ...requests.flatMap((request, index) => sourceDefects(request, `requests.${index}`)),
    ...requests.flatMap((request) => queryDefects(request, variables)),
  ]
}

/** Defects of each query, by the schema of its kind of data. */
function sourceDefects(request: unknown, place: string): string[] {
  if (!isRecord(request)) return []
  const queries = Array.isArray(request.queries)
    ? request.queries.map((query, index) => ({ query, at: `${place}.queries.${index}` }))
    : [{ query: request.query, at: `${place}.query` }]
  return queries.flatMap(({ query, at }) => {
    const source = isRecord(query) ? String(query.data_source) : ''
    if (!Object.hasOwn(QUERIES, source)) return []
    return formatDefects(QUERIES[source as keyof typeof QUERIES], query, at)
  })
}

const nothing = new TelemetryStore({ minutes: 0, memoryMib: 0, maxSeries: 0 })

/** A store without data: an error then lies in the request itself. */
function queryDefects(request: unknown, variables: Json): string[] {
  try {
    answer(nothing, readQueryRequest({ ...(request as Json), variables, from: 0, to: 1000 }))
    return []
  } catch (error) {
    if (error instanceof PlacedError) return [`in "${error.text}", ${error.message}.`]
    if (error instanceof RequestError) return [`${error.message}.`]
    throw error
  }
}

function variablesOf({ template_variables: variables }: Json): Json {
  const named = Array.isArray(variables) ? variables.filter(isRecord) : []
  return Object.fromEntries(
    named.map(({ name, prefix }) => [String(name), { prefix: String(prefix ?? ''), values: [] }]),
  )
}

function formatDefects(schema: TSchema, value: unknown, within = ''): string[] {
  return Value.Errors(schema, value).flatMap(({ keyword, instancePath, params, message }) => {
    const place = [within, instancePath.slice(1).replaceAll('/', '.')].filter(Boolean).join('.')
    if (keyword === 'boolean') return [`${place} is not drawn here.`]
    // The object's own error repeats those of its members.
    if (keyword === 'additionalProperties') return []
    if (keyword === 'pattern') return [`${place} is not written in a way that is drawn here.`]
    if (keyword === 'enum') return [`${place} is none of ${params.allowedValues.join(', ')}.`]
    if (keyword === 'const') return [`${place} is not ${JSON.stringify(params.allowedValue)}.`]
    return [`${place || 'it'} ${message}.`]
  })
}

function without(record: Json, names: readonly string[]): Json {
  return Object.fromEntries(Object.entries(record).filter(([name]) => !names.includes(name)))
}

function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
