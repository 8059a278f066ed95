import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import type { Problem, ProblemCode } from '../errors.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Counts a refused request, and logs the details that the reply leaves out. `log` is the request's logger. */
    logRefusal(problem: Problem, traceId: string, log: FastifyBaseLogger, fields?: object): void
  }
}

/** At most one line in this time gives the number of refused requests, in milliseconds. */
const SUMMARY_MS = 10_000

/** Problems on our side have lines of their own: this many of each type in that time. */
const OWN_LINES = 10

/**
 * Clients decide how many requests are refused; they must not decide how many lines are logged. A refusal of the
 * client's making has its own line at `debug` only, because it repeats the reply. Problems on our side keep a line
 * each, up to a number. All are counted, by type, in one line every ten seconds, and in a last one at the end.
 *
 * Register it before the plugins that wait for requests in `onClose`: these hooks run from the last to the first.
 */
export function registerRefusalLog(app: FastifyInstance): void {
  const counts = new Map<ProblemCode, number>()
  const lastTraceIds = new Map<ProblemCode, string>()

  app.decorate('logRefusal', (problem: Problem, traceId: string, log: FastifyBaseLogger, fields?: object) => {
    const count = (counts.get(problem.code) ?? 0) + 1
    counts.set(problem.code, count)
    lastTraceIds.set(problem.code, traceId)
    const line = { problem: problem.code, status: problem.statusCode, detail: problem.message, ...fields }
    if (problem.statusCode < 500) log.debug(line, 'request refused')
    else if (count > OWN_LINES) return
    else if (problem.code === 'internal') log.error({ ...line, err: problem.cause }, 'request failed')
    else log.warn(line, 'request refused')
  })

  function summarise(): void {
    if (counts.size === 0) return
    app.log.info(
      { problems: Object.fromEntries(counts), lastTraceIds: Object.fromEntries(lastTraceIds) },
      'requests refused',
    )
    counts.clear()
    lastTraceIds.clear()
  }

  // Made here, because a timer made by the first refusal would bear its trace id.
  const timer = setInterval(summarise, SUMMARY_MS).unref()
  app.addHook('onClose', async function logLastRefusals() {
    clearInterval(timer)
    summarise()
  })
}
