import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Config } from '../config.ts'
import { Problem } from '../errors.ts'
import { emailKeyOf } from '../users/text.ts'

/** From anywhere, an account takes this many times the attempts of one address: slows a distributed guess. */
const ANYWHERE_FACTOR = 10

/** Counts an attempt at a password before it is verified. Throws `rate-limited` (429) above a limit. */
export type AttemptCheck = (request: FastifyRequest) => Promise<void>

/**
 * The limits of passwords: from one address, for one account from one address, and for one account from anywhere. Only
 * the limits of one address are tight: a tight limit over all addresses would let anybody lock a member out (ASVS 5.0,
 * 6.1.1 and 6.3.1). Each route that tries a password is another way to guess it, so all of them share one count: make
 * it once, and call it before each verification.
 */
export function attemptLimit(
  app: FastifyInstance,
  config: Pick<Config, 'loginLimitPerMinute' | 'accountLimitPerMinute'>,
): AttemptCheck {
  const limits = [
    limitBy(app, config.loginLimitPerMinute, (request) => networkOf(request.ip)),
    limitBy(app, config.accountLimitPerMinute, (request) => `${accountOf(request)} ${networkOf(request.ip)}`),
    limitBy(app, config.accountLimitPerMinute * ANYWHERE_FACTOR, accountOf),
  ]
  return async function limitAttempts(request) {
    for (const limit of limits) await limit(request)
  }
}

/**
 * The account whose password is tried: the session's, or that of a log-in. Keyed by its e-mail address, known without a
 * query: existing and unknown accounts are counted alike.
 */
function accountOf(request: FastifyRequest): string {
  const { email } = request.member ?? (request.body as { email: string })
  return emailKeyOf(email) ?? email.slice(0, 320)
}

/** At most `max` in a minute for each key. Throws `rate-limited` (429). */
export function limitBy(
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

/** The key of an address: an IPv4 address, or the /64 that a subscriber of IPv6 has at least. */
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
