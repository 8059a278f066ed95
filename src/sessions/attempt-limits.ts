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
  const limits = [
    limitBy(app, config.accountLimitPerMinute, (request) => `${accountOf(request)} ${networkOf(request.ip)}`),
    limitBy(app, config.accountLimitPerMinute * ANYWHERE_FACTOR, accountOf),
  ]
  return async function limitAttempts(request) {
    for (const limit of limits) await limit(request)
  }
}

/**
 * `onRequest` hook of everything that tries a password, made once: each of those routes is another way to guess, so
 * they share one count.
 */
export function addressLimit(
  app: FastifyInstance,
  config: Pick<Config, 'loginLimitPerMinute'>,
): AttemptCheck {
  return limitBy(app, config.loginLimitPerMinute, (request) => networkOf(request.ip))
}

function limitBy(
  app: FastifyInstance,
  max: number,
  keyGenerator: (request: FastifyRequest) => string,
): AttemptCheck {
  const count = app.createRateLimit({ max, timeWindow: '1 minute', keyGenerator })
  return async function limit(request) {
    const state = await count(request)
    if (!state.isAllowed && state.isExceeded)
      throw new Problem('rate-limited', 'Too many attempts; try again later.', {
        headers: { 'retry-after': String(state.ttlInSeconds) },
      })
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
