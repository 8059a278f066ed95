import cookie from '@fastify/cookie'
import rateLimit from '@fastify/rate-limit'
import { routeTelemetry } from '@rollcall/fastify-route-telemetry'
import Fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import { accountPages } from './account/pages.ts'
import { accountRoutes } from './account/routes.ts'
import { adminPages } from './admin/pages.ts'
import { adminRoutes } from './admin/routes.ts'
import { communityPages } from './community/pages.ts'
import { communityRoutes } from './community/routes.ts'
import { type Config, shutdownBudget } from './config.ts'
import type { Database } from './db/database.ts'
import { Problem, registerErrorHandler } from './errors.ts'
import { friendPages } from './friends/pages.ts'
import { friendRoutes } from './friends/routes.ts'
import { healthRoutes } from './home/health-routes.ts'
import { homePages } from './home/pages.ts'
import { homeRoutes } from './home/routes.ts'
import { preparePages } from './html/pages.ts'
import { type AttemptCounts, limitStore } from './http/attempt-counts.ts'
import { registerServerEvents } from './http/client-errors.ts'
import { registerCrossOrigin } from './http/cross-origin.ts'
import { registerDrain } from './http/drain.ts'
import { registerHandlerDeadline } from './http/handler-deadline.ts'
import { registerOpenapi } from './http/openapi.ts'
import { registerOverload } from './http/overload.ts'
import { registerRefusalLog } from './http/refusal-log.ts'
import { registerSecurityHeaders } from './http/security-headers.ts'
import { serverOptions } from './http/server-options.ts'
import { registerStrictJson } from './http/strict-json.ts'
import { isTrustedPeer } from './http/trusted-peers.ts'
import { registerUnmatched } from './http/unmatched.ts'
import { registerValidation } from './http/validation.ts'
import { PasswordHasher } from './passwords/password-hasher.ts'
import { pollAdminPages } from './polls/admin-pages.ts'
import { pollAdminRoutes } from './polls/admin-routes.ts'
import { pollPages } from './polls/pages.ts'
import { pollRoutes } from './polls/routes.ts'
import { newestVoteTotals } from './polls/vote-totals.ts'
import { attemptLimit, limitBy } from './sessions/attempt-limits.ts'
import { authentication, memberOf } from './sessions/authenticate.ts'
import { sessionPages } from './sessions/pages.ts'
import { sessionRoutes } from './sessions/routes.ts'
import { SessionStore } from './sessions/session-store.ts'
import { fetchTiming } from './telemetry/fetch-timing.ts'
import { registerMeasured } from './telemetry/measured-request.ts'
import { PAGES } from './telemetry/pages.ts'
import { hashTiming } from './telemetry/password-timing.ts'
import type { Telemetry } from './telemetry/start.ts'
import { openFeedReader } from './toolkit/news/feed-reader.ts'
import { newsPages } from './toolkit/news/pages.ts'
import { newsRoutes } from './toolkit/news/routes.ts'
import { toolkitPages } from './toolkit/pages.ts'
import { toolkitRoutes } from './toolkit/routes.ts'

export interface AppParts {
  config: Config
  db: Database
  telemetry: Telemetry
  logger: FastifyBaseLogger
  version: string
  /** Counts attempts for the limits. Without it, the limits hold for this process alone. */
  attemptCounts?: AttemptCounts
}

/**
 * Builds the whole service on an open, migrated database; it does not listen yet. Closes everything again when it
 * throws.
 */
export async function buildApp(parts: AppParts) {
  const app = Fastify({ ...serverOptions(parts.config), loggerInstance: parts.logger })
  try {
    await assemble(app, parts)
  } catch (error) {
    await app.close()
    throw error
  }
  return app
}

async function assemble(
  app: FastifyInstance,
  { config, db, telemetry, version, attemptCounts }: AppParts,
): Promise<void> {
  const isTrusted = isTrustedPeer(config.trustProxy)

  registerRefusalLog(app)

  // Measurement comes first, so that the refusals of later plugins are counted too.
  await app.register(routeTelemetry, {
    ...telemetry,
    pages: PAGES,
    slowRequestMs: config.slowRequestMs,
    trustsCaller: (request) => isTrusted(request.raw.socket.remoteAddress),
  })
  registerMeasured(app, config.viewerUrl)
  registerCrossOrigin(app, config.corsOrigins)

  registerErrorHandler(app)
  registerServerEvents(app)
  registerStrictJson(app)
  registerValidation(app)
  registerDrain(app, { drainMs: config.shutdownDrainMs, cutMs: shutdownBudget(config).requestsMs })
  registerHandlerDeadline(app, config.handlerTimeoutMs)

  await registerOverload(app, config.eventLoopDelayMaxMs)
  registerSecurityHeaders(app)
  await app.register(rateLimit, {
    // The plugin's own hooks come last in each route: what a session refuses would not be counted.
    global: false,
    max: config.rateLimitPerMinute,
    timeWindow: '1 minute',
    ...(attemptCounts && { store: limitStore(attemptCounts) }),
    errorResponseBuilder: (_request, { after }) => new Problem('rate-limited', `Try again in ${after}.`),
  })
  if (config.rateLimitPerMinute > 0) limitEveryRequest(app)
  registerUnmatched(app)
  await app.register(cookie)
  await registerOpenapi(app, version)

  const sessions = new SessionStore(db, config)
  const passwords = new PasswordHasher(
    {
      atOnce: shareOf(config.passwordHashesAtOnce, config.workers),
      queueMax: config.passwordQueueMax,
      queueMaxMs: config.passwordQueueMaxMs,
    },
    hashTiming(telemetry.instruments),
  )
  await app.register(authentication, { sessions, publicOrigin: config.publicOrigin })

  const limitAttempts = attemptLimit(app, config)
  const limitSignUps = app.rateLimit({ max: config.signupLimitPerMinute, timeWindow: '1 minute' })
  const forAccounts = { db, config, sessions, passwords, limitAttempts, limitSignUps }

  const forAdministrators = {
    db,
    votesByPoll: () => newestVoteTotals(db),
    counted: telemetry.counted,
    emitEvent: telemetry.emitEvent,
  }

  await app.register(homeRoutes, { version })
  await app.register(accountRoutes, forAccounts)
  await app.register(sessionRoutes, forAccounts)
  await app.register(communityRoutes, { db, config })
  await app.register(friendRoutes, { db, config })
  await app.register(pollRoutes, { db })
  await app.register(pollAdminRoutes, { db, config })
  await app.register(toolkitRoutes, { db })
  await app.register(adminRoutes, forAdministrators)
  const reader = openFeedReader(app, {
    db,
    config,
    version,
    observe: fetchTiming(telemetry.instruments, 'news'),
  })
  const limitFeedChanges = limitBy(app, config.feedChangesPerMinute, (request) =>
    String(memberOf(request).id),
  )
  await app.register(newsRoutes, { db, config, reader, limitFeedChanges })
  await app.register(healthRoutes, { db })

  await app.register(async (pages) => {
    await preparePages(pages)
    await pages.register(homePages)
    await pages.register(accountPages, forAccounts)
    await pages.register(sessionPages, forAccounts)
    await pages.register(communityPages, { db, config })
    await pages.register(friendPages, { db, config })
    await pages.register(pollPages, { db })
    await pages.register(pollAdminPages, { db, config })
    await pages.register(adminPages, forAdministrators)
    await pages.register(toolkitPages, { db, config })
    await pages.register(newsPages, { db, reader, limitFeedChanges })
  })
}

/** Requests that match no route too; not those of a route with `rateLimit: false`. */
function limitEveryRequest(app: FastifyInstance): void {
  const limit = app.rateLimit()
  app.addHook('onRequest', async function limitRequests(request, reply) {
    if (request.routeOptions.config.rateLimit !== false) await limit.call(app, request, reply)
  })
}

/** One worker's share of a limit for all workers; at least 1. */
function shareOf(whole: number, workers: number): number {
  return Math.max(1, Math.floor(whole / workers))
}
