import type { FastifyRequest } from 'fastify'
import { Problem } from '../errors.ts'
import { memberOf } from './authenticate.ts'

/**
 * `onRequest` hook of an administrator's routes, behind `requireSession`: `[app.requireSession, requireAdministrator]`.
 * Throws `not-administrator` (403).
 */
export async function requireAdministrator(request: FastifyRequest): Promise<void> {
  if (!memberOf(request).isAdministrator)
    throw new Problem('not-administrator', 'Ask the operator to make this account an administrator.')
}
