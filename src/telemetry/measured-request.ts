import { TraceFlags, trace } from '@opentelemetry/api'
import { scopeOf } from '@rollcall/fastify-route-telemetry'
import type { FastifyInstance } from 'fastify'

declare module 'fastify' {
  interface FastifyRequest {
    /** What telemetry measured of the request so far, for the foot of a page. */
    measured(): Measured
  }
}

export interface Measured {
  /** Statements that the request executed, its session's among them. */
  readonly queries: number
  readonly queryMs: number
  /** The request's trace in the viewer; undefined without a viewer, and if the trace is not kept. */
  readonly traceUrl: string | undefined
}

/** `viewerUrl` is the viewer's origin; empty if there is none. */
export function registerMeasured(app: FastifyInstance, viewerUrl: string): void {
  app.decorateRequest('measured', function measured(): Measured {
    const scope = scopeOf(this)
    if (scope === undefined) return { queries: 0, queryMs: 0, traceUrl: undefined }
    const { queries, queryMs, traceId, context } = scope
    const isKept = ((trace.getSpanContext(context)?.traceFlags ?? 0) & TraceFlags.SAMPLED) !== 0
    const traceUrl = viewerUrl !== '' && isKept ? `${viewerUrl}/traces?trace=${traceId}` : undefined
    return { queries, queryMs, traceUrl }
  })
}
