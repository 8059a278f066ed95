import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Config } from '../config.ts'
import { Problem } from '../errors.ts'

/** From anywhere, an account takes this many times the attempts that one address may make: slows a distributed guess. */
const ANYWHERE_FACTOR = 10

/**
 * Route option for what tries a password: one count for all of them, because each is another way to guess. The
 * plugin counts IPv6 addresses by their /64.
 */
export function limitByAddress({ loginLimitPerMinute }: Pick<Config, 'loginLimitPerMinute'>) {
  return { max: loginLimitPerMinute, timeWindow: '1 minute', groupId: 'passwords' }
}

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
    limiter(config.accountLimitPerMinute, (request) => `${accountOf(request)} ${networkOf(request.ip)}`),
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

/** Who asks: an IPv4 address, or the /64 that a subscriber of IPv6 has at least. */
function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined || !address.includes(':')) return mapped ?? address
  const [left = '', right] = address.split('::', 2)
  const head = left === '' ? [] : left.split(':')
  const tail = right === undefined || right === '' ? [] : right.split(':')
  const gap = right === undefined ? [] : Array<string>(Math.max(0, 8 - head.length - tail.length)).fill('0')
  return [...head, ...gap, ...tail]
    .slice(0, 4)
    .map((group) => group.toLowerCase().replace(/^0+(?=.)/, ''))
    .join(':')
}
