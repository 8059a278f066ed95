import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance, RouteOptions } from 'fastify'
import { ProblemBody, problems } from '../errors.ts'
import { describeResponses } from './response-docs.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** What the operations with this tag have in common, for the document. */
    describeTag(name: string, description: string): void
  }
}

const UNSAFE_METHODS = ['POST', 'PUT', 'PATCH', 'DELETE']

/** What every route may answer: to a request without Host, over a limit, on a fault of ours, under too much load. */
const ANY_ROUTE = [400, 429, 500, 503] as const

/** What a route for files answers besides: ranges, conditions, what is not there or not to be had (@fastify/send). */
const FILES = [200, 206, 304, 403, 404, 412, 416] as const

/** The style in Swagger UI's logo: the one that it does not load from a file. */
const LOGO_STYLE = "'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='"

/** Its own scripts and styles only. Nothing is upgraded to https: the page would stay blank where plain http is served. */
const DOCS_POLICY = `default-src 'self'; base-uri 'none'; frame-ancestors 'none'; img-src 'self' data:; object-src 'none'; style-src 'self' ${LOGO_STYLE}`

/** OpenAPI 3.1 from the schemas that validate: `/openapi.json` for machines, `/docs` for people. */
export async function registerOpenapi(app: FastifyInstance, version: string): Promise<void> {
  const tags: { name: string; description: string }[] = []
  app.decorate('describeTag', (name: string, description: string) => void tags.push({ name, description }))
  app.addSchema(ProblemBody)
  app.addHook('onRoute', documentCommonParts)
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Rollcall',
        version,
        description: 'A small community: accounts, sessions, a listing of everybody, friends.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', description: '`token` of `POST /v1/sessions`' },
          cookie: {
            type: 'apiKey',
            in: 'cookie',
            name: '__Host-sid',
            description: 'Set by `POST /v1/sessions/cookie`',
          },
        },
      },
    },
    transformObject(document) {
      if (!('openapiObject' in document)) return document.swaggerObject
      describeResponses(document.openapiObject.paths as never)
      return { ...document.openapiObject, tags }
    },
    refResolver: {
      buildLocalReference: (schema, _base, _fragment, index) => String(schema.$id ?? `schema-${index}`),
    },
  })

  app.get(
    '/openapi.json',
    { config: { page: false, statuses: [200, ...ANY_ROUTE] }, schema: { hide: true } },
    async () => app.swagger(),
  )

  await app.register(async (docs) => {
    // Routes of somebody else's plugin: they are no page of this service.
    docs.addHook('onRoute', (route) => {
      route.config = { ...route.config, page: false, statuses: [...FILES, ...ANY_ROUTE] }
    })
    await docs.register(swaggerUi, { routePrefix: '/docs', staticCSP: DOCS_POLICY })
  })
}

/**
 * What every route of a kind has in common, so that no route has to repeat it: refusals, and for those behind a
 * session the ways to authenticate.
 */
function documentCommonParts(this: FastifyInstance, route: RouteOptions): void {
  const { schema } = route
  if (!schema || schema.hide) return
  const isUnsafe = [route.method].flat().some((method) => UNSAFE_METHODS.includes(method))
  const validates = isUnsafe || schema.params !== undefined || schema.querystring !== undefined
  const needsSession = [route.onRequest].flat().includes(this.requireSession)
  route.schema = {
    ...schema,
    ...(needsSession && { security: [{ bearer: [] }, { cookie: [] }] }),
    response: {
      ...problems(...ANY_ROUTE),
      ...(validates && problems(422)),
      ...(isUnsafe && problems(413, 415)),
      ...(needsSession && problems(401)),
      ...(needsSession && isUnsafe && problems(403)),
      ...(schema.response as Record<string, unknown>),
    },
  }
}
