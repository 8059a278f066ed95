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
  /** For this long, requests on kept-alive connections are served and told to close them. */
  drainMs: number
  /** After this long in all, connections with unfinished requests are cut. */
  cutMs: number
}

/**
 * Closes without leaving an accepted request unanswered. `http.Server.close()` cuts idle connections, and it counts a
 * connection as idle whose request is on its way or whose reply is not sent to the last byte. So first only the
 * listening socket closes, then requests end by themselves, and the remaining connections are cut.
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
