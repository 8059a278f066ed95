import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { requireAdministrator } from '../sessions/administrator.ts'
import { type Event, NewEvent, parseEvent } from './events.ts'
import { readStatistics, Statistics, type StatisticsSources } from './statistics.ts'

export interface AdminOptions extends StatisticsSources {
  /** Sends an event to where the telemetry goes. */
  emitEvent(event: Event): void
}

/** For administrators: statistics and events. */
export const adminRoutes: FastifyPluginAsyncTypebox<AdminOptions> = async (app, options) => {
  app.describeTag('admin', 'Statistics and events, for administrators')
  const { emitEvent } = options
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
    async () => readStatistics(options),
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
