import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Problem } from '../errors.ts'

/**
 * Answers requests whose handler takes longer than `timeoutMs` with 503. The framework's own `handlerTimeout` does so
 * only for requests without a body: it takes the end of a body for the client's departure and clears its timer
 * (fastify#6725). This covers the others; when that is mended, the hook can go.
 */
export function registerHandlerDeadline(app: FastifyInstance, timeoutMs: number): void {
  app.addHook('preHandler', function startDeadline(request: FastifyRequest, reply: FastifyReply, done) {
    if (request.body !== undefined) {
      const timer = setTimeout(() => {
        if (!reply.sent) reply.send(tooSlow())
      }, timeoutMs)
      reply.raw.once('close', () => clearTimeout(timer))
    }
    done()
  })
}

function tooSlow(): Problem {
  return new Problem('handler-timeout', 'The answer took too long; try again later.', {
    headers: { 'retry-after': '1' },
  })
}
