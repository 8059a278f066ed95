import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Database } from '../../db/database.ts'
import { Problem, problems } from '../../errors.ts'
import { timestamp } from '../../http/timestamp.ts'
import { memberOf } from '../../sessions/authenticate.ts'
import { MemberId } from '../../users/member-path.ts'
import { toUser, User } from '../../users/user-view.ts'
import {
  BOUNDS,
  findLocation,
  getSharedLocation,
  LABEL_MAX_CODE_POINTS,
  type LocationRow,
  type PlaceRow,
  removeLocation,
  saveLocation,
} from './locations.ts'

const page = 'location'

const latitude = Type.Number({ ...BOUNDS.latitude, description: 'Degrees north (WGS 84)' })
const longitude = Type.Number({ ...BOUNDS.longitude, description: 'Degrees east (WGS 84)' })
const accuracy = Type.Number({ ...BOUNDS.accuracy, description: 'Radius in metres' })
const label = Type.String({
  maxLength: 4 * LABEL_MAX_CODE_POINTS,
  description: `1 to ${LABEL_MAX_CODE_POINTS} characters`,
})
const shared = Type.Boolean({ description: 'Whether your friends may see it' })

const place = {
  latitude,
  longitude,
  accuracy: Type.Union([accuracy, Type.Null()]),
  label: Type.Union([label, Type.Null()]),
  recordedAt: Type.String({ format: 'date-time' }),
}
const Location = Type.Object({ ...place, shared }, { $id: 'Location', additionalProperties: false })
const SharedLocation = Type.Object(
  { user: User, ...place },
  { $id: 'SharedLocation', additionalProperties: false },
)

/** A member's place, and those that friends share. */
export const locationRoutes: FastifyPluginAsyncTypebox<{ db: Database }> = async (app, { db }) => {
  app.get(
    '/v1/me/location',
    {
      config: { page },
      schema: {
        operationId: 'getLocation',
        summary: 'Your place',
        tags: ['toolkit'],
        response: { 200: Location, ...problems(404) },
      },
      onRequest: app.requireSession,
    },
    async (request) => {
      const row = await findLocation(db, memberOf(request).id)
      if (row === undefined) throw new Problem('not-found', 'You have saved no place.')
      return toLocation(row)
    },
  )

  app.put(
    '/v1/me/location',
    {
      config: { page },
      schema: {
        operationId: 'putLocation',
        summary: 'Save your place; it replaces the one before',
        tags: ['toolkit'],
        body: Type.Object(
          {
            latitude,
            longitude,
            accuracy: Type.Optional(accuracy),
            label: Type.Optional(label),
            shared,
          },
          { additionalProperties: false },
        ),
        response: { 200: Location },
      },
      onRequest: app.requireSession,
    },
    async (request) => toLocation(await saveLocation(db, memberOf(request).id, request.body)),
  )

  app.delete(
    '/v1/me/location',
    {
      config: { page },
      schema: {
        operationId: 'removeLocation',
        summary: 'Forget your place',
        description: 'The answer is the same if there was none.',
        tags: ['toolkit'],
        response: { 204: Type.Null() },
      },
      onRequest: app.requireSession,
    },
    async (request, reply) => {
      await removeLocation(db, memberOf(request).id)
      return reply.code(204).send(null)
    },
  )

  app.get(
    '/v1/users/:id/location',
    {
      config: { page },
      schema: {
        operationId: 'getFriendLocation',
        summary: 'The place that a friend shares',
        tags: ['toolkit'],
        params: Type.Object({ id: MemberId }),
        response: { 200: SharedLocation, ...problems(404) },
      },
      onRequest: app.requireSession,
    },
    async (request) => {
      const row = await getSharedLocation(db, memberOf(request).id, request.params.id)
      return { user: toUser(row), ...toPlace(row) }
    },
  )
}

function toLocation(row: LocationRow) {
  return { ...toPlace(row), shared: row.shared === 1 }
}

function toPlace(row: PlaceRow) {
  return {
    latitude: row.latitude,
    longitude: row.longitude,
    accuracy: row.accuracy,
    label: row.label,
    recordedAt: timestamp(row.recorded_at),
  }
}
