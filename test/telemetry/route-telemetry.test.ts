import { Readable } from 'node:stream'
import { context } from '@opentelemetry/api'
import { findRequestScope, routeTelemetry } from '@rollcall/fastify-route-telemetry'
import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import { noInstruments } from '../../src/telemetry/instruments.ts'
import { exchange, listen, openMeasured, openTelemetry } from './measured.ts'

const DURATION = 'http.server.request.duration'
const VIEWS = 'web.page_views'
const base = { 'url.scheme': 'http', 'http.request.method': 'GET' }

/** The key under which the receiver sums an attribute set. */
function series(attributes: Record<string, unknown>): string {
  return JSON.stringify(Object.fromEntries(Object.entries(attributes).sort()))
}

t.test('each kind of request is counted and timed once, under exactly its attributes', async (t) => {
  const { app, received } = await openMeasured(t, (app) => {
    app.get('/', { config: { page: 'home' } }, async () => 'welcome')
    app.get('/users/:id', { config: { page: 'community' } }, async () => 'somebody')
    app.get('/health', { config: { page: false } }, async () => 'ok')
    app.get('/broken', { config: { page: 'home' } }, async () => {
      throw new Error('a secret')
    })
    app.get('/stream', { config: { page: 'friends' } }, async () => Readable.from(['a', 'b', 'c']))
    app.get('/own', { config: { page: 'home' } }, (_request, reply) => {
      reply.hijack()
      // Some libraries announce the end themselves.
      reply.raw.on('finish', () => reply.raw.emit('close'))
      reply.raw.writeHead(202).end('mine')
    })
    app.post('/users', { config: { page: 'signup' } }, async (_request, reply) => reply.code(201).send({}))
  })
  await app.inject('/')
  await app.inject('/?cursor=x')
  await app.inject({ method: 'HEAD', url: '/' })
  await app.inject('/users/1')
  await app.inject('/users/2')
  await app.inject('/health')
  await app.inject('/broken')
  await app.inject('/stream')
  await app.inject('/own')
  await app.inject('/nowhere/at/all')
  await app.inject({ method: 'DELETE', url: '/users' })
  await app.inject({ method: 'POST', url: '/users', payload: { name: 'x' } })
  await app.inject({
    method: 'POST',
    url: '/users',
    payload: '{',
    headers: { 'content-type': 'application/json' },
  })

  const receiver = await received()
  t.same(receiver.totals(DURATION), {
    [series({ ...base, 'http.route': '/', 'http.response.status_code': 200, page: 'home' })]: 2,
    [series({
      ...base,
      'http.request.method': 'HEAD',
      'http.route': '/',
      'http.response.status_code': 200,
      page: 'home',
    })]: 1,
    [series({ ...base, 'http.route': '/users/:id', 'http.response.status_code': 200, page: 'community' })]: 2,
    [series({ ...base, 'http.route': '/health', 'http.response.status_code': 200, page: 'none' })]: 1,
    [series({
      ...base,
      'http.route': '/broken',
      'http.response.status_code': 500,
      'error.type': '500',
      page: 'home',
    })]: 1,
    [series({ ...base, 'http.route': '/stream', 'http.response.status_code': 200, page: 'friends' })]: 1,
    [series({ ...base, 'http.route': '/own', 'http.response.status_code': 202, page: 'home' })]: 1,
    [series({ ...base, 'http.response.status_code': 404, page: 'none' })]: 1,
    [series({ ...base, 'http.request.method': 'DELETE', 'http.response.status_code': 404, page: 'none' })]: 1,
    [series({
      ...base,
      'http.request.method': 'POST',
      'http.route': '/users',
      'http.response.status_code': 201,
      page: 'signup',
    })]: 1,
    [series({
      ...base,
      'http.request.method': 'POST',
      'http.route': '/users',
      'http.response.status_code': 400,
      page: 'signup',
    })]: 1,
  })
  t.same(receiver.totals(VIEWS), {
    [series({ page: 'home' })]: 5,
    [series({ page: 'community' })]: 2,
    [series({ page: 'friends' })]: 1,
    [series({ page: 'signup' })]: 2,
  })
  t.same(receiver.totals('web.page_views_total'), { '{}': 10 })
  const active = receiver.metrics('http.server.active_requests')
  t.ok(
    active.every((point) => point.value === 0),
    'every request that began has ended',
  )
  t.same(new Set(active.map((point) => series(point.attributes))).size, 4)
})

t.test('a request that is cut off is counted once, with who cut it', async (t) => {
  const arrived: (() => void)[] = []
  const arrival = () => new Promise<void>((resolve) => arrived.push(resolve))
  const { app, received } = await openMeasured(t, (app) => {
    const closed = (request: { raw: { on(event: 'close', then: () => void): void } }) =>
      new Promise<void>((resolve) => request.raw.on('close', resolve))
    app.get('/waits', { config: { page: 'home' } }, async (request) => {
      arrived.shift()?.()
      await closed(request)
      return 'too late'
    })
    app.get('/endless', { config: { page: 'friends' } }, async () =>
      Readable.from(
        (async function* () {
          for (;;) {
            yield 'more '
            await new Promise((resolve) => setTimeout(resolve, 1))
          }
        })(),
      ),
    )
    app.get('/fails', { config: { page: 'community' } }, async () =>
      Readable.from(
        (async function* () {
          yield 'something'
          await new Promise((resolve) => setTimeout(resolve, 5))
          throw new Error('the source failed')
        })(),
      ),
    )
    app.get('/fails-writing', { config: { page: 'community' } }, async () => {
      const source = new Readable({ read: () => source.push('x'.repeat(65_536)) })
      setTimeout(() => source.destroy(new Error('the source failed')), 20)
      return source
    })
    app.get('/gives-up', { config: { page: 'account' } }, (_request, reply) => {
      reply.raw.destroy(Object.assign(new Error('enough'), { code: 'EENOUGH' }))
    })
    app.post('/body', { config: { page: 'login' } }, async () => 'read')
    app.addHook('onRequest', async (request) => {
      if (request.url === '/body') arrived.shift()?.()
    })
  })
  const port = await listen(app)
  const get = (path: string) => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`

  for (const how of ['end', 'reset'] as const) {
    const waiting = arrival()
    const request = exchange(port, get('/waits'))
    await waiting
    request.leave(how)
    await request.done
    await exchange(port, get('/endless'), (reply) => (reply.includes('more') ? how : undefined)).done
  }
  await exchange(port, get('/fails')).done
  await exchange(port, get('/fails-writing')).done
  await exchange(port, get('/gives-up')).done
  const waiting = arrival()
  const body = exchange(
    port,
    'POST /body HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{',
  )
  await waiting
  body.leave('end')
  await body.done
  await app.close()

  const receiver = await received()
  t.same(receiver.totals(DURATION), {
    [series({ ...base, 'http.route': '/waits', 'error.type': 'aborted', page: 'home' })]: 2,
    [series({
      ...base,
      'http.route': '/endless',
      'http.response.status_code': 200,
      'error.type': 'aborted',
      page: 'friends',
    })]: 2,
    [series({
      ...base,
      'http.route': '/fails',
      'http.response.status_code': 200,
      'error.type': 'response_failed',
      page: 'community',
    })]: 1,
    [series({
      ...base,
      'http.route': '/fails-writing',
      'http.response.status_code': 200,
      'error.type': 'response_failed',
      page: 'community',
    })]: 1,
    [series({ ...base, 'http.route': '/gives-up', 'error.type': 'response_failed', page: 'account' })]: 1,
    [series({
      ...base,
      'http.request.method': 'POST',
      'http.route': '/body',
      'error.type': 'aborted',
      page: 'login',
    })]: 1,
  })
  t.same(receiver.totals('web.page_views_total'), { '{}': 8 })
  t.ok(receiver.metrics('http.server.active_requests').every((point) => point.value === 0))
})

t.test('a page with forms is viewed when it is shown: a redirect is no view, all else is one', async (t) => {
  const { app, received } = await openMeasured(t, (app) => {
    const shown = (page: string) => ({ config: { page, views: 'shown' as const } })
    app.get('/app/login', shown('login'), async () => 'a form')
    app.post('/app/login', shown('login'), async (request, reply) =>
      request.body === undefined ? reply.code(422).send('the form again') : reply.redirect('/app', 303),
    )
    app.get('/app', shown('home'), async (request, reply) =>
      request.headers['if-none-match'] === undefined ? 'welcome' : reply.code(304).send(),
    )
    app.get('/app/account', shown('account'), async () => {
      throw new Error('a secret')
    })
    app.get('/moved', { config: { page: 'community' } }, async (_request, reply) => reply.redirect('/', 301))
    app.get('/app/waits', shown('friends'), (_request, reply) => {
      reply.raw.socket?.destroy()
    })
    app.get('/app/own', shown('friends'), (_request, reply) => {
      reply.hijack()
      // Some libraries announce the end themselves.
      reply.raw.on('finish', () => reply.raw.emit('close'))
      reply.raw.writeHead(200).end('mine')
    })
    app.get('/app/away', shown('signup'), (_request, reply) => {
      reply.hijack()
      // A redirect that is cut off shows no page either.
      reply.raw.writeHead(303, { location: '/app', 'content-length': 100 })
      reply.raw.write('away', () => reply.raw.destroy())
    })
  })
  const port = await listen(app)

  await app.inject('/app/login')
  await app.inject({ method: 'HEAD', url: '/app/login' })
  await app.inject({ method: 'POST', url: '/app/login' })
  await app.inject({ method: 'POST', url: '/app/login', payload: { name: 'Ada' } })
  await app.inject('/app')
  await app.inject({ url: '/app', headers: { 'if-none-match': '"1"' } })
  await app.inject('/app/account')
  await app.inject('/moved')
  await app.inject('/app/own')
  await exchange(port, 'GET /app/waits HTTP/1.1\r\nHost: h\r\n\r\n').done
  await exchange(port, 'GET /app/away HTTP/1.1\r\nHost: h\r\n\r\n').done
  await app.requestsEnded(1000)

  const receiver = await received()
  t.same(receiver.totals(VIEWS), {
    [series({ page: 'login' })]: 3,
    [series({ page: 'home' })]: 2,
    [series({ page: 'account' })]: 1,
    [series({ page: 'community' })]: 1,
    [series({ page: 'friends' })]: 2,
  })
  t.same(receiver.totals('web.page_views_total'), { '{}': 9 })
})

t.test('a request that does not arrive in time ends as a time-out', async (t) => {
  const { app, received } = await openMeasured(
    t,
    (app) => {
      app.post('/body', { config: { page: 'login' } }, async () => 'read')
    },
    { fastify: { requestTimeout: 50, http: { headersTimeout: 50, connectionsCheckingInterval: 20 } } },
  )
  const port = await listen(app)
  await exchange(
    port,
    'POST /body HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{',
  ).done
  await app.close()
  const receiver = await received()
  t.same(receiver.totals(DURATION), {
    [series({
      ...base,
      'http.request.method': 'POST',
      'http.route': '/body',
      'error.type': 'timeout',
      page: 'login',
    })]: 1,
  })
})

t.test('what clients choose adds no series', async (t) => {
  const { app, received } = await openMeasured(
    t,
    (app) => {
      app.get('/users/:id', { config: { page: 'community' } }, async () => 'somebody')
    },
    {
      fastify: {
        trustProxy: true,
        frameworkErrors(
          _error: Error,
          request: never,
          reply: { server: FastifyInstance; code(n: number): { send(body: string): void } },
        ) {
          reply.server.measureUnrouted(request, reply as never)
          reply.code(400).send((request as { traceId: string }).traceId)
        },
      },
    },
  )
  const port = await listen(app)
  for (let n = 0; n < 50; n++) {
    await app.inject(`/users/${n}?q=${n}`)
    await app.inject({
      url: `/${n}`,
      headers: { 'x-forwarded-proto': `scheme${n}`, 'user-agent': `agent ${n}` },
    })
    const malformed = await app.inject(`/users/%zz${n}`)
    t.match(malformed.body, /^[0-9a-f]{32}$/, 'a malformed URL has a trace id as well')
  }
  for (const method of ['PURGE', 'MKCOL', 'PROPFIND'])
    await exchange(port, `${method} /users/1 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`).done
  await app.close()

  t.same((await received()).totals(DURATION), {
    [series({
      ...base,
      'http.route': '/users/:id',
      'http.response.status_code': 200,
      page: 'community',
    })]: 50,
    [series({ ...base, 'http.response.status_code': 404, page: 'none' })]: 50,
    [series({ ...base, 'http.response.status_code': 400, page: 'none' })]: 50,
    [series({ ...base, 'http.request.method': '_OTHER', 'http.response.status_code': 404, page: 'none' })]: 3,
  })
})

t.test(
  'a request that a later plugin refuses at once, or whose hook throws, is counted as any other',
  async (t) => {
    const { app, received } = await openMeasured(t, (app) => {
      app.addHook('onRequest', (request, reply, done) => {
        if (request.headers['x-refuse']) reply.code(429).send('later')
        else if (request.headers['x-throw']) throw new Error('a hook broke')
        else done()
      })
      app.get('/', { config: { page: 'home' } }, async () => 'welcome')
    })
    t.equal((await app.inject({ url: '/', headers: { 'x-refuse': '1' } })).statusCode, 429)
    t.equal((await app.inject({ url: '/', headers: { 'x-throw': '1' } })).statusCode, 500)
    const receiver = await received()
    t.same(receiver.totals(DURATION), {
      [series({ ...base, 'http.route': '/', 'http.response.status_code': 429, page: 'home' })]: 1,
      [series({
        ...base,
        'http.route': '/',
        'http.response.status_code': 500,
        'error.type': '500',
        page: 'home',
      })]: 1,
    })
    t.same(receiver.totals('web.page_views_total'), { '{}': 2 })
  },
)

t.test("the request's context is there in the hooks of later plugins, before a body was read", async (t) => {
  const seen: unknown[] = []
  const { app } = await openMeasured(t, (app) => {
    app.addHook('onRequest', async () => {
      seen.push(findRequestScope()?.page)
      await new Promise((resolve) => setImmediate(resolve))
      seen.push(findRequestScope()?.page)
    })
    app.get('/', { config: { page: 'home' } }, async () => 'welcome')
  })
  await app.inject('/')
  t.same(seen, ['home', 'home'])
})

t.test('a body that a hook waits for on its own does not lose the context for the handler', async (t) => {
  const { app } = await openMeasured(t, (app) => {
    // As a plugin may do that decodes bodies: it goes on from an event of the socket.
    app.addHook('preParsing', (_request, _reply, payload, done) => {
      const chunks: Buffer[] = []
      payload.on('data', (chunk) => chunks.push(chunk))
      payload.on('end', () => done(null, Readable.from(chunks)))
    })
    app.post('/', { config: { page: 'signup' } }, async () => ({ page: findRequestScope()?.page ?? 'lost' }))
  })
  const port = await listen(app)
  const head =
    'POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n'
  const request = exchange(port, head)
  setTimeout(() => request.write('{}'), 20)
  t.match(await request.done, /\{"page":"signup"\}$/)
})

t.test("the request's context is there after a body was waited for", async (t) => {
  const { app } = await openMeasured(t, (app) => {
    app.post('/', { config: { page: 'signup' } }, async (request) => {
      const before = findRequestScope()
      await new Promise((resolve) => setImmediate(resolve))
      return {
        page: before?.page,
        same: before === findRequestScope(),
        id: before?.traceId === request.traceId,
      }
    })
  })
  const port = await listen(app)
  const head =
    'POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n'
  const half = exchange(port, `${head}{"a":`)
  await new Promise((resolve) => setTimeout(resolve, 20))
  const whole = exchange(port, `${head}{"a":"b"}`)
  t.match(await whole.done, /\{"page":"signup","same":true,"id":true\}$/)
  half.leave('end')

  const reply = await fetch(`http://127.0.0.1:${port}/`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    duplex: 'half',
    body: Readable.toWeb(Readable.from(slowly(['{"a":', '"b"}']))),
  } as unknown as RequestInit)
  t.same(await reply.json(), { page: 'signup', same: true, id: true })
  t.equal(findRequestScope(context.active()), undefined, 'and does not leak out of it')
})

async function* slowly(parts: string[]) {
  for (const part of parts) {
    yield Buffer.from(part)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

t.test(
  'a route that declares no page, or an unknown one, stops the start with a sentence that names it',
  async (t) => {
    const open = async (
      config: object,
      within?: (app: FastifyInstance) => void,
      pages: readonly string[] | undefined = ['home', 'login'],
    ) => {
      const app = Fastify()
      t.teardown(() => app.close())
      await app.register(routeTelemetry, {
        instruments: noInstruments,
        tracer: (await openTelemetry(t)).telemetry.tracer,
        ...(pages && { pages }),
      })
      await app.register(async (child) => {
        within?.(child)
        child.get('/somewhere', { config }, async () => 'here')
      })
      return app.ready()
    }
    await t.rejects(open({}), {
      message:
        'Route GET /somewhere declares no page; set its config.page to one of home, login, or to false.',
    })
    await t.rejects(open({ page: 'homme' }), {
      message: /^Route GET \/somewhere declares an unknown page "homme"; set /,
    })
    await t.resolves(open({ page: false }))
    await t.resolves(
      open({}, (child) =>
        child.addHook('onRoute', (route) => {
          route.config = { ...route.config, page: false }
        }),
      ),
      'a scope may declare for routes of somebody else',
    )
  },
)

t.test('everybody who waits for the last request to end hears of it', async (t) => {
  const begun = Promise.withResolvers<void>()
  const finish = Promise.withResolvers<void>()
  const { app } = await openMeasured(t, (app) => {
    app.get('/', { config: { page: 'home' } }, async () => {
      begun.resolve()
      await finish.promise
      return 'done'
    })
  })
  const reply = app.inject('/')
  await begun.promise
  // Longer than any test may take: who is forgotten fails it.
  const waiting = [app.requestsEnded(600_000), app.requestsEnded(600_000), app.requestsEnded(1)]
  await waiting[2]
  finish.resolve()
  t.equal((await reply).body, 'done')
  await Promise.all(waiting)
})

t.test('a route that is there before the plugin stops the start', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  app.register(routeTelemetry, {
    instruments: noInstruments,
    tracer: (await openTelemetry(t)).telemetry.tracer,
  })
  app.get('/early', { config: { page: 'home' } }, async () => 'here')
  await t.rejects(async () => await app.ready(), {
    message: 'Register routeTelemetry before any route, and await it.',
  })
})

t.test('a failure inside telemetry does not reach the request', async (t) => {
  const { telemetry } = await openTelemetry(t)
  const faults: unknown[] = []
  const app = Fastify()
  t.teardown(() => app.close())
  const broken = (): never => {
    throw new Error('broken')
  }
  await app.register(routeTelemetry, {
    instruments: { ...noInstruments, fault: (error) => faults.push(error) },
    tracer: { ...telemetry.tracer, startSpan: broken },
  })
  app.get('/', { config: { page: 'home' } }, async (request) => request.traceId)
  const reply = await app.inject('/')
  t.equal(reply.statusCode, 200)
  t.match(reply.body, /^[0-9a-f]{32}$/)
  t.equal(faults.length, 1)

  const unmeasured = Fastify()
  t.teardown(() => unmeasured.close())
  await unmeasured.register(routeTelemetry, {
    instruments: {
      ...noInstruments,
      counter: broken,
      fault: (error) => faults.push(error),
    },
    tracer: telemetry.tracer,
  })
  unmeasured.get('/', { config: { page: 'home' } }, async (request) => request.traceId)
  const second = await unmeasured.inject('/')
  t.match(second.body, /^[0-9a-f]{32}$/)
  t.equal(second.statusCode, 200)
  t.equal(faults.length, 2)
})
