import { Server } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'

declare module 'fastify' {
  interface FastifyInstance {
    /** Whether it has begun to close: it answers, but should get no new work. */
    isDraining: boolean
  }
}

export interface DrainTimes {
  /** For so long whoever asks on a kept connection is served, and told to close it. */
  drainMs: number
  /** After so long in all, connections whose requests have not ended are cut. */
  cutMs: number
}

/**
 * Closes so that nobody who was let in goes unanswered. `http.Server.close()` cuts every connection that it takes for
 * idle, and it takes one for idle whose request is just on its way or whose reply is not sent to the last byte. So
 * first only the listening socket closes, then requests end by themselves, and what remains is cut.
 */
export function registerDrain(app: FastifyInstance, { drainMs, cutMs }: DrainTimes): void {
  app.decorate('isDraining', false)
  app.addHook('preClose', async function drainConnections() {
    app.isDraining = true
    if (!app.server.listening) return
    Server.prototype.close.call(app.server)
    await sleep(drainMs)
    await app.requestsEnded(Math.max(0, cutMs - drainMs))
    app.server.closeAllConnections()
  })
}
