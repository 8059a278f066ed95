import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Config } from '../config.ts'
import { Problem } from '../errors.ts'
import { emailKeyOf } from '../users/text.ts'

/** From anywhere, an account takes this many times the attempts that one address may make: slows a distributed guess. */
const ANYWHERE_FACTOR = 10

/** Counts a password that is about to be tried. Throws `rate-limited` (429) where there were too many. */
export type AttemptCheck = (request: FastifyRequest) => Promise<void>

/**
 * The limits of passwords: from one address, for one account from one address, and for one account from anywhere. Tight
 * from one address only, because a tight limit over all addresses would let anybody lock a member out (ASVS 5.0, 6.1.1
 * and 6.3.1). Each route that tries a password is another way to guess it, so they share one count: made once, and asked
 * wherever a password is verified.
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
 * The account whose password is tried: the session's, or the one that a log-in names. By its e-mail address, which is
 * known without a look at the table: an account that is there and one that is not are counted alike.
 */
function accountOf(request: FastifyRequest): string {
  const { email } = request.member ?? (request.body as { email: string })
  return emailKeyOf(email) ?? email.slice(0, 320)
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
