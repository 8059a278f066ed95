import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import type { FastifyInstance, FastifySchema } from 'fastify'
import { late } from './late-compilation.ts'

/**
 * Two validators. Bodies are strict: no value is coerced, removed or filled in. Parameters arrive as text, so numbers
 * are read from it; an unknown parameter is refused, because a mistyped `curser` would silently give the first page.
 */
export function registerValidation(app: FastifyInstance): void {
  const forBodies = createAjv({ coerceTypes: false, useDefaults: false })
  const forParameters = createAjv({ coerceTypes: false, useDefaults: true })
  app.setValidatorCompiler<FastifySchema>(({ schema, httpPart }) => {
    const isBody = httpPart === 'body'
    const integers = isBody ? [] : integerParameters(schema)
    return late(() => {
      const validate = (isBody ? forBodies : forParameters).compile(schema)
      return (value: Record<string, unknown>) => {
        readIntegers(value, integers)
        return validate(value) ? true : { error: validate.errors ?? [] }
      }
    })
  })
}

function integerParameters(schema: FastifySchema): string[] {
  const { properties = {} } = schema as { properties?: Record<string, { type?: unknown }> }
  return Object.keys(properties).filter((name) => properties[name]?.type === 'integer')
}

/**
 * Only plain decimal numbers. Ajv's own coercion takes `0x10`, `1e3` and ` 7` too, and lets `1e400` through as
 * Infinity, which no `maximum` stops and which SQLite refuses as a LIMIT.
 */
function readIntegers(parameters: Record<string, unknown>, names: readonly string[]): void {
  for (const name of names) {
    const text = parameters[name]
    if (typeof text === 'string' && /^(0|-?[1-9]\d{0,15})$/.test(text)) parameters[name] = Number(text)
  }
}

function createAjv(options: { coerceTypes: boolean; useDefaults: boolean }) {
  // Stops at the first error: reporting all of them lets a hostile body buy unbounded work.
  const ajv = new Ajv2020({ ...options, removeAdditional: false, allErrors: false, strict: true })
  addFormats.default(ajv)
  return ajv
}
