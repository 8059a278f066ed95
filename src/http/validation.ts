import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import type { FastifyInstance, FastifySchema } from 'fastify'

/**
 * Two validators. Bodies are strict: nothing is coerced, removed or filled in. Parameters arrive as text, so numbers
 * are read from it; an unknown parameter is refused, because a mistyped `curser` would silently give the first page.
 */
export function registerValidation(app: FastifyInstance): void {
  const forBodies = createAjv({ coerceTypes: false, useDefaults: false })
  const forParameters = createAjv({ coerceTypes: true, useDefaults: true })
  app.setValidatorCompiler<FastifySchema>(({ schema, httpPart }) =>
    (httpPart === 'body' ? forBodies : forParameters).compile(schema),
  )
}

function createAjv(options: { coerceTypes: boolean; useDefaults: boolean }) {
  // Stops at the first error: reporting all of them lets a hostile body buy unbounded work.
  const ajv = new Ajv2020({ ...options, removeAdditional: false, allErrors: false, strict: true })
  addFormats.default(ajv)
  return ajv
}
