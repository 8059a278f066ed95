import { createContextKey, INVALID_SPAN_CONTEXT, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import { findRequestScope, type RequestScope, scopedContext } from '@rollcall/fastify-route-telemetry'
import { test } from 'tap'

test("a request's context is one as any other: values are added and hidden, and never change it", async (t) => {
  const key = createContextKey('key')
  const parent = ROOT_CONTEXT.setValue(key, 'outer')
  const scope: RequestScope = {
    page: 'home',
    traceId: '1',
    spanId: undefined,
    context: parent,
    queries: 0,
    queryMs: 0,
  }
  const scoped = scopedContext(parent, scope)
  const span = trace.wrapSpanContext(INVALID_SPAN_CONTEXT)
  const traced = trace.setSpan(scoped, span)
  const inner = traced.setValue(key, 'inner')
  const hidden = inner.deleteValue(key)

  t.equal(findRequestScope(hidden), scope)
  t.equal(findRequestScope(parent), undefined)
  t.strictSame(
    [parent, scoped, traced, inner, hidden].map((context) => context.getValue(key)),
    ['outer', 'outer', 'outer', 'inner', undefined],
  )
  t.strictSame(
    [scoped, traced, inner, trace.deleteSpan(inner)].map((context) => trace.getSpan(context)),
    [undefined, span, span, undefined],
  )
})
