import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Database } from '../db/database.ts'
import { requireAdministrator } from '../sessions/administrator.ts'
import { type Event, NewEvent, parseEvent } from './events.ts'
import { type Counted, readStatistics, Statistics } from './statistics.ts'

export interface AdminOptions {
  db: Database
  /** What this process has counted since its start. */
  counted(): Promise<Counted>
  /** Sends an event to where the telemetry goes. */
  emitEvent(event: Event): void
}

/** For administrators: statistics and events. */
export const adminRoutes: FastifyPluginAsyncTypebox<AdminOptions> = async (app, options) => {
  app.describeTag('admin', 'Statistics and events, for administrators')
  const { db, counted, emitEvent } = options
  const onRequest = [app.requireSession, requireAdministrator]

  app.get(
    '/v1/admin/statistics',
    {
      config: { page: 'statistics' },
      schema: {
        operationId: 'getStatistics',
        summary: 'Counts of the community, and of the process that answers',
        tags: ['admin'],
        response: { 200: Statistics },
      },
      onRequest,
    },
    async () => readStatistics(db, counted),
  )

  app.post(
    '/v1/admin/events',
    {
      config: { page: 'admin' },
      schema: {
        operationId: 'sendEvent',
        summary: 'Mark the charts with an event, such as a deployment',
        description:
          'It goes out as a log record named `rollcall.event`, by the same way as all logs: answered before it has arrived, and kept until it has.',
        tags: ['admin'],
        body: NewEvent,
        response: { 202: Type.Null() },
      },
      onRequest,
    },
    async (request, reply) => {
      emitEvent(parseEvent(request.body))
      // The schema says that there is no body, for which its type has `null`; that would be sent as text.
      return reply.code(202).send(undefined as unknown as null)
    },
  )
}
