import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { exchange, listen, openMeasured } from './measured.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const CALLER = `00-${TRACE}-b7ad6b7169203331-01`
const SERVER = 2
const ERROR = 2

function routes(app: FastifyInstance) {
  app.get('/users/:id', { config: { page: 'community' } }, async (request) => request.traceId)
  app.get('/broken', { config: { page: 'home' } }, async () => {
    throw new TypeError('it broke')
  })
  app.get('/refused', { config: { page: 'home' } }, async () => {
    throw Object.assign(new Error('no'), { statusCode: 409 })
  })
}

t.test('a sampled request has one server span with exactly the stable attributes', async (t) => {
  const { app, received } = await openMeasured(t, routes)
  const port = await listen(app)
  const reply = await fetch(`http://localhost:${port}/users/7?token=secret`, {
    headers: { 'user-agent': `agent/${'x'.repeat(500)}` },
  }).catch(() => fetch(`http://127.0.0.1:${port}/users/7?token=secret`))
  const traceId = await reply.text()
  await app.close()
  const spans = (await received()).spans()
  t.equal(spans.length, 1)
  const [span] = spans
  t.match(span, {
    name: 'GET /users/:id',
    kind: SERVER,
    traceId,
    parentSpanId: undefined,
    status: { code: 0 },
  })
  const {
    'user_agent.original': userAgent,
    'server.address': address,
    ...attributes
  } = span?.attributes ?? {}
  t.same(attributes, {
    'http.request.method': 'GET',
    'http.route': '/users/:id',
    'http.response.status_code': 200,
    'url.path': '/users/7',
    'url.scheme': 'http',
    'network.protocol.version': '1.1',
    'client.address': '127.0.0.1',
    'server.port': port,
  })
  t.match(address, /^(localhost|127\.0\.0\.1)$/)
  t.ok(String(userAgent).length <= 256, 'what comes from outside is bounded')
  t.ok(span && span.endTime > span.startTime)
  t.ok(
    Math.abs(Number((span?.startTime ?? 0n) / 1_000_000n) - Date.now()) < 60_000,
    'its times are wall-clock times',
  )
})

t.test('an unknown method keeps its name on the span alone, a 404 its path', async (t) => {
  const { app, received } = await openMeasured(t, routes)
  const port = await listen(app)
  await exchange(port, 'PURGE /users/1?x=1 HTTP/1.1\r\nhost: a:81\r\nconnection: close\r\n\r\n').done
  await app.close()
  const [span] = (await received()).spans()
  t.equal(span?.name, 'HTTP')
  t.same(span?.attributes, {
    'http.request.method': '_OTHER',
    'http.request.method_original': 'PURGE',
    'http.response.status_code': 404,
    'url.path': '/users/1',
    'url.scheme': 'http',
    'network.protocol.version': '1.1',
    'client.address': '127.0.0.1',
    'server.address': 'a',
    'server.port': 81,
  })
})

t.test('a thrown error is on the span of the request that failed by it, a refusal is no error', async (t) => {
  const { app, received } = await openMeasured(t, routes)
  await app.inject('/broken')
  await app.inject('/refused')
  const spans = (await received()).spans()
  const failed = spans.find((span) => span.name === 'GET /broken')
  t.match(failed, { status: { code: ERROR }, attributes: { 'error.type': '500' } })
  t.match(failed?.events, [
    { name: 'exception', attributes: { 'exception.type': 'TypeError', 'exception.message': 'it broke' } },
  ])
  const refused = spans.find((span) => span.name === 'GET /refused')
  t.match(refused, { status: { code: 0 }, events: [] })
  t.notOk('error.type' in (refused?.attributes ?? {}))
})

t.test("a caller's trace is continued, with its state", async (t) => {
  const { app, received } = await openMeasured(t, routes, {
    env: { OTEL_TRACES_SAMPLER: 'parentbased_always_off' },
  })
  const headers = { traceparent: CALLER, tracestate: 'other=1,ot=th:c;rv:12345678901234' }
  t.equal((await app.inject({ url: '/users/1', headers })).body, TRACE)
  const spans = (await received()).spans()
  t.equal(spans.length, 1)
  t.match(spans[0], {
    traceId: TRACE,
    parentSpanId: 'b7ad6b7169203331',
    traceState: 'other=1,ot=th:c;rv:12345678901234',
  })
})

t.test('OTEL_PROPAGATORS=none leaves a caller out of it', async (t) => {
  const { app, received } = await openMeasured(t, routes, { env: { OTEL_PROPAGATORS: 'none' } })
  t.not((await app.inject({ url: '/users/1', headers: { traceparent: CALLER } })).body, TRACE)
  t.equal((await received()).spans().length, 1)
})

t.test('without traces or without telemetry every request still has a trace id', async (t) => {
  for (const env of [
    { OTEL_SDK_DISABLED: 'true' },
    { OTEL_TRACES_EXPORTER: 'none' },
    { OTEL_TRACES_SAMPLER: 'always_off' },
  ]) {
    const { app, received } = await openMeasured(t, routes, { env })
    const ids = new Set<string>()
    for (let n = 0; n < 5; n++) ids.add((await app.inject('/users/1')).body)
    t.equal(ids.size, 5)
    for (const id of ids) t.match(id, /^(?!0{32})[0-9a-f]{32}$/)
    t.equal((await app.inject({ url: '/users/1', headers: { traceparent: CALLER } })).body, TRACE)
    const receiver = await received()
    t.equal(receiver.spans().length, 0)
    t.equal(receiver.metrics('web.page_views_total').length, 'OTEL_SDK_DISABLED' in env ? 0 : 1)
  }
})
