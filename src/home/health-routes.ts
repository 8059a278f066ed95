import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { sql } from 'kysely'
import { Type } from 'typebox'
import type { Database } from '../db/database.ts'
import { Problem, problems } from '../errors.ts'

const Status = Type.Object({ status: Type.Literal('ok') }, { $id: 'Health', additionalProperties: false })

/** For operators. `/healthz`: the process answers. `/readyz`: its database answers too, and it is not stopping. */
export const healthRoutes: FastifyPluginAsyncTypebox<{ db: Database }> = async (app, { db }) => {
  app.describeTag('ops', 'For operators of the service')
  app.get(
    '/healthz',
    {
      // An overloaded process is alive: a restart for a 503 would make matters worse.
      config: { page: false, rateLimit: false, pressureHandler() {} },
      schema: { operationId: 'getHealth', summary: 'Is it alive?', tags: ['ops'], response: { 200: Status } },
    },
    async () => ({ status: 'ok' as const }),
  )

  app.get(
    '/readyz',
    {
      config: { page: false, rateLimit: false },
      schema: {
        operationId: 'getReadiness',
        summary: 'Can it take requests?',
        tags: ['ops'],
        response: { 200: Status, ...problems(503) },
      },
    },
    async () => {
      if (app.isDraining)
        throw new Problem('unavailable', 'The service is stopping.', { headers: { 'retry-after': '1' } })
      try {
        await sql`select 1 from table_rows limit 1`.execute(db)
      } catch (cause) {
        throw new Problem('unavailable', 'The database does not answer.', {
          headers: { 'retry-after': '5' },
          cause,
        })
      }
      return { status: 'ok' as const }
    },
  )
}
