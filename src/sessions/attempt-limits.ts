import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Config } from '../config.ts'
import { Problem } from '../errors.ts'

/** From anywhere, an account takes this many times the attempts that one address may make: slows a distributed guess. */
const ANYWHERE_FACTOR = 10

export type AttemptCheck = (request: FastifyRequest) => Promise<void>

/**
 * Attempts at one account's password: few from one address, more from anywhere. Tight from one address only, because
 * a tight limit over all addresses would let anybody lock a member out (ASVS 5.0, 6.1.1 and 6.3.1).
 */
export function attemptLimits(
  app: FastifyInstance,
  config: Pick<Config, 'accountLimitPerMinute'>,
  accountOf: (request: FastifyRequest) => string,
): AttemptCheck {
  const limiter = (max: number, keyGenerator: (request: FastifyRequest) => string) =>
    app.createRateLimit({ max, timeWindow: '1 minute', keyGenerator })
  const limiters = [
    limiter(config.accountLimitPerMinute, (request) => `${accountOf(request)} ${request.ip}`),
    limiter(config.accountLimitPerMinute * ANYWHERE_FACTOR, (request) => `${accountOf(request)} anywhere`),
  ]
  return async function limitAttempts(request) {
    for (const limit of limiters) {
      const state = await limit(request)
      if (!state.isAllowed && state.isExceeded)
        throw new Problem('rate-limited', 'Too many attempts for this account; try again later.', {
          headers: { 'retry-after': String(state.ttlInSeconds) },
        })
    }
  }
}
