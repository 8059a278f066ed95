import underPressure from '@fastify/under-pressure'
import type { FastifyInstance } from 'fastify'
import { Problem } from '../errors.ts'

/** Two of the plugin's samples: the first one may still hold the start itself, which blocks the loop. */
const START_MS = 2000

/** Refuses requests with 503 while the event loop is later than `maxEventLoopDelay` milliseconds; 0 never does. */
export async function registerOverload(app: FastifyInstance, maxEventLoopDelay: number): Promise<void> {
  let listeningSince = Number.NEGATIVE_INFINITY
  app.addHook('onListen', async () => {
    listeningSince = performance.now()
  })
  await app.register(underPressure, {
    maxEventLoopDelay,
    pressureHandler() {
      if (performance.now() - listeningSince < START_MS) return
      throw new Problem('overloaded', 'The service has too much work at the moment; try again shortly.', {
        headers: { 'retry-after': '1' },
      })
    },
  })
}
