import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance, RouteOptions } from 'fastify'
import { ProblemBody, problems } from '../errors.ts'
import { describeResponses } from './response-docs.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Describes a tag in the document, for all operations that have it. */
    describeTag(name: string, description: string): void
  }
}

const UNSAFE_METHODS = ['POST', 'PUT', 'PATCH', 'DELETE']

/** Refusals of every route: no Host, a limit, a fault of ours, too much load. */
const ANY_ROUTE = [400, 429, 500, 503] as const

/** Further refusals of a route for files: ranges, conditions, missing and forbidden files (@fastify/send). */
const FILES = [200, 206, 304, 403, 404, 412, 416] as const

/** The style in Swagger UI's logo, the only one that it does not load from a file. */
const LOGO_STYLE = "'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='"

/** Its own scripts and styles only. Nothing is upgraded to https: the page would stay blank over plain http. */
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
        description:
          'A small community: accounts, sessions, a listing of all members, friends, polls, and a toolkit of videos, a playlist, a place and news.',
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
    // Routes of another plugin are no pages of this service.
    docs.addHook('onRoute', (route) => {
      route.config = { ...route.config, page: false, statuses: [...FILES, ...ANY_ROUTE] }
    })
    await docs.register(swaggerUi, { routePrefix: '/docs', staticCSP: DOCS_POLICY })
  })
}

/** Adds to each kind of route its common refusals and, for routes behind a session, the ways to authenticate. */
function documentCommonParts(this: FastifyInstance, route: RouteOptions): void {
  const { schema } = route
  if (!schema || schema.hide) return
  const isUnsafe = [route.method].flat().some((method) => UNSAFE_METHODS.includes(method))
  const validates = isUnsafe || schema.params !== undefined || schema.querystring !== undefined
  const guards = [route.onRequest].flat()
  const needsSession = guards.includes(this.requireSession)
  // Known by its name: its room stands above this one.
  const needsAdministrator = guards.some((guard) => guard?.name === 'requireAdministrator')
  route.schema = {
    ...schema,
    ...(needsSession && { security: [{ bearer: [] }, { cookie: [] }] }),
    response: {
      ...problems(...ANY_ROUTE),
      ...(validates && problems(422)),
      ...(isUnsafe && problems(413, 415)),
      ...(needsSession && problems(401)),
      ...((needsAdministrator || (needsSession && isUnsafe)) && problems(403)),
      ...(schema.response as Record<string, unknown>),
    },
  }
}
