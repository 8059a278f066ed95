import { Server } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'

/**
 * Closes so that nobody who was let in goes unanswered. `http.Server.close()` cuts every idle connection at once, and
 * a request that is just on its way on one of them is lost. So first only the listening socket closes, and for
 * `drainMs` whoever asks on a kept connection is served and told `Connection: close`; then the idle rest is cut.
 */
export function registerDrain(app: FastifyInstance, drainMs: number): void {
  app.addHook('preClose', async function drainConnections() {
    if (!app.server.listening) return
    Server.prototype.close.call(app.server)
    await sleep(drainMs)
  })
}
