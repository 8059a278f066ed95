import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { PROBLEMS, Problem, type ProblemCode, problems } from '../errors.ts'
import { showPage } from '../html/view.ts'
import { homeView, prefersHtml } from './pages.ts'

const Links = Type.Object(
  {
    name: Type.Literal('rollcall'),
    version: Type.String(),
    links: Type.Record(Type.String(), Type.String({ format: 'uri-reference' })),
  },
  { $id: 'Home', additionalProperties: false },
)

/** A visitor's first page, with links to the others. */
export const homeRoutes: FastifyPluginAsyncTypebox<{ version: string }> = async (app, { version }) => {
  app.describeTag('home', 'Start page')
  app.get(
    '/',
    {
      config: { page: 'home' },
      schema: {
        operationId: 'getHome',
        summary: 'Links to the rest of the service',
        description: 'A browser gets the start page for people instead.',
        tags: ['home'],
        response: {
          200: {
            description: 'Links, or the start page',
            content: { 'application/json': { schema: Links }, 'text/html': { schema: Type.String() } },
          },
        },
      },
    },
    async (request, reply) => {
      reply.header('vary', 'Accept')
      if (prefersHtml(request)) {
        await app.recogniseMember(request)
        return showPage(request, reply, homeView(request))
      }
      return {
        name: 'rollcall' as const,
        version,
        links: {
          app: '/app',
          docs: '/docs',
          openapi: '/openapi.json',
          signUp: '/v1/users',
          logIn: '/v1/sessions',
          me: '/v1/me',
          community: '/v1/community',
          friends: '/v1/me/friends',
          toolkit: '/v1/toolkit',
        },
      }
    },
  )

  app.get(
    '/problems/:code',
    {
      config: { page: false },
      schema: {
        operationId: 'getProblemType',
        summary: 'Meaning of a problem `type`',
        tags: ['home'],
        params: Type.Object({ code: Type.String({ maxLength: 100 }) }),
        response: {
          200: Type.Object(
            { type: Type.String(), title: Type.String(), status: Type.Integer() },
            { $id: 'ProblemType', additionalProperties: false },
          ),
          ...problems(404),
        },
      },
    },
    async (request) => {
      const { code } = request.params
      if (!Object.hasOwn(PROBLEMS, code)) throw new Problem('not-found', 'There is no such problem type.')
      const { title, status } = PROBLEMS[code as ProblemCode]
      return { type: `/problems/${code}`, title, status }
    },
  )
}
