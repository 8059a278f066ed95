/** The operations of an OpenAPI document, so that a test of all of them need not be told of a new one. */

type Schema = Readonly<Record<string, unknown>>

interface Parameter {
  readonly name: string
  readonly in: string
  readonly required?: boolean
  readonly schema: Schema
}

export interface Operation {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly template: string
  readonly parameters: readonly Parameter[]
  /** Undefined where it reads none. */
  readonly body: Schema | undefined
  /** The path with a value for each of its parameters. */
  readonly pathWith: (value: (name: string) => string) => string
}

interface OpenapiDocument {
  paths?: unknown
}

interface Documented {
  parameters?: Parameter[]
  requestBody?: { content: { 'application/json': { schema: Schema } } }
}

export function operationsOf({ paths }: OpenapiDocument): Operation[] {
  return Object.entries(paths as Record<string, Record<string, Documented>>).flatMap(([template, methods]) =>
    Object.entries(methods).map(([method, { parameters = [], requestBody }]) => ({
      method: method.toUpperCase() as Operation['method'],
      template,
      parameters,
      body: requestBody?.content['application/json'].schema,
      pathWith: (value) => template.replaceAll(/\{(\w+)\}/g, (_, name) => value(name)),
    })),
  )
}

/** A value that fits a schema of ours, as plain as it can be. */
export function exampleOf(schema: Schema): unknown {
  const {
    type,
    properties = {},
    items = {},
  } = schema as { type?: string; properties?: Record<string, Schema>; items?: Schema }
  const choices = (schema.anyOf ?? schema.oneOf) as Schema[] | undefined
  if ('const' in schema) return schema.const
  if (Array.isArray(schema.enum)) return schema.enum[0]
  if (choices !== undefined) return exampleOf(choices[0] as Schema)
  if (type === 'object')
    return Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, exampleOf(one)]))
  if (type === 'array')
    return Array.from({ length: Math.max(1, Number(schema.minItems ?? 1)) }, (_, index) => {
      const item = exampleOf(items)
      return typeof item === 'string' ? `${item} ${index}` : item
    })
  if (type === 'integer' || type === 'number') return schema.minimum ?? 1
  if (type === 'boolean') return true
  return schema.format === 'date-time' ? new Date().toISOString() : 'an example of some length'
}
