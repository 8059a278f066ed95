import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import type { InjectOptions } from 'fastify'
import t from 'tap'
import { readConfig } from '../../src/config.ts'
import { openApp, PASSWORD, signUp } from '../support/harness.ts'
import { OtlpReceiver } from '../support/otlp-receiver.ts'

const PAGE = 'https://page.example'
const OTHER = 'https://other.example'
const corsOrigins = `${PAGE}, http://localhost:8080`
const ALLOWS = 'access-control-allow-origin'

/** The names of all fields of the protocol in a reply. */
function protocolFields(headers: Record<string, unknown>): string[] {
  return Object.keys(headers).filter((name) => name.startsWith('access-control-'))
}

function preflight(origin: string, url: string, method: string) {
  return {
    method: 'OPTIONS' as const,
    url,
    headers: {
      origin,
      'access-control-request-method': method,
      'access-control-request-headers': 'authorization,content-type',
    },
  }
}

t.test('without the setting no reply speaks of other origins', async (t) => {
  const { app } = await openApp(t)
  const headers = { origin: PAGE }
  for (const request of [
    { url: '/v1/community', headers },
    { url: '/v1/nothing', headers },
    { url: '/v1/%zz', headers },
    preflight(PAGE, '/v1/community', 'GET'),
  ]) {
    const reply = await app.inject(request)
    t.strictSame(protocolFields(reply.headers), [])
    t.notOk('vary' in reply.headers)
  }
  t.equal((await app.inject(preflight(PAGE, '/v1/community', 'GET'))).statusCode, 405)
})

t.test(
  'a preflight of a listed origin learns the methods of the path, and is no view of its page',
  async (t) => {
    const receiver = await OtlpReceiver.start(t)
    const { app, telemetry } = await openApp(t, {
      config: { corsOrigins },
      env: { OTEL_METRICS_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url },
    })
    const reply = await app.inject(preflight(PAGE, '/v1/me', 'PATCH'))
    t.equal(reply.statusCode, 204)
    t.equal(reply.body, '')
    t.match(reply.headers, {
      [ALLOWS]: PAGE,
      vary: 'Origin',
      'access-control-allow-methods': 'DELETE, GET, HEAD, PATCH',
      'access-control-allow-headers': /\bauthorization\b.*\bcontent-type\b.*\bif-match\b.*\bif-none-match\b/,
      'access-control-max-age': '7200',
    })
    t.notOk('access-control-allow-credentials' in reply.headers)
    t.equal(
      (await app.inject(preflight('http://localhost:8080', '/v1/me', 'PATCH'))).headers[
        'access-control-allow-methods'
      ],
      'DELETE, GET, HEAD, PATCH',
    )

    t.equal(
      (await app.inject(preflight(PAGE, '/v1/community', 'DELETE'))).statusCode,
      405,
      'a method it lacks',
    )
    t.equal((await app.inject(preflight(PAGE, '/v1/nothing', 'GET'))).statusCode, 404, 'no such path')
    t.equal((await app.inject(preflight(PAGE, '/app/log-in', 'POST'))).statusCode, 405, 'a page for people')
    const plain = { method: 'OPTIONS', url: '/v1/community', headers: { origin: PAGE } } as const
    t.equal((await app.inject(plain)).statusCode, 405, 'no preflight')

    await telemetry.shutdown()
    t.strictSame(receiver.totals('web.page_views'), {})
    const counts = Object.entries(receiver.totals('http.server.request.duration'))
    t.strictSame(
      counts.map(([attributes, count]) => [JSON.parse(attributes), count]),
      [
        [204, 2],
        [405, 3],
        [404, 1],
      ].map(([status, count]) => [
        {
          'http.request.method': 'OPTIONS',
          'http.response.status_code': status,
          page: 'none',
          'url.scheme': 'http',
        },
        count,
      ]),
    )
  },
)

t.test('an origin that is not listed gets nothing, and caches are told that it depends', async (t) => {
  const { app } = await openApp(t, { config: { corsOrigins } })
  for (const origin of [
    OTHER,
    'null',
    'https://page.example.evil',
    'http://page.example',
    `${PAGE}:444`,
    '*',
  ]) {
    for (const request of [
      { url: '/v1/community', headers: { origin } },
      preflight(origin, '/v1/community', 'GET'),
    ]) {
      const reply = await app.inject(request)
      t.strictSame(protocolFields(reply.headers), [], origin)
      t.equal(reply.headers.vary, 'Origin')
    }
    t.equal((await app.inject(preflight(origin, '/v1/community', 'GET'))).statusCode, 405)
  }
  t.equal((await app.inject('/v1/community')).headers.vary, 'Origin', 'without an origin too')
  for (const url of ['/', '/app', '/openapi.json', '/livez', '/nothing']) {
    const { headers } = await app.inject({ url, headers: { origin: PAGE } })
    t.strictSame(protocolFields(headers), [], url)
    t.not(headers.vary, 'Origin', url)
  }
})

t.test('every answer of the API can be read by a listed page, refusals too', async (t) => {
  const { app, ask } = await openApp(t, { config: { corsOrigins, rateLimitPerMinute: 16 } })
  const { token } = await signUp({ ask }, 'Ada')
  const authorization = `Bearer ${token}`
  const json = { 'content-type': 'application/json' }
  const send = (url: string, more: object = {}) => ({
    method: 'POST' as const,
    url,
    payload: '{}',
    headers: json,
    ...more,
  })
  const cases: [number, InjectOptions][] = [
    [200, { url: '/v1/community', headers: { authorization } }],
    [401, { url: '/v1/community' }],
    [400, { url: '/v1/%zz' }],
    [404, { url: '/v1/nothing' }],
    [405, { method: 'PUT', url: '/v1/community' }],
    [413, send('/v1/sessions', { payload: ' '.repeat(20_000) })],
    [415, send('/v1/sessions', { headers: { 'content-type': 'text/plain' } })],
    [400, send('/v1/sessions', { payload: '{' })],
    [422, send('/v1/sessions')],
    [403, send('/v1/sessions/cookie', { payload: { email: 'a@example.com', password: PASSWORD } })],
  ]
  const read = {
    [ALLOWS]: PAGE,
    vary: 'Origin',
    'access-control-expose-headers': /\bLink\b.*\bLocation\b.*\bRetry-After\b.*\bWWW-Authenticate\b/,
  }
  for (const [status, request] of cases) {
    const reply = await app.inject({ ...request, headers: { ...request.headers, origin: PAGE } })
    t.equal(reply.statusCode, status, `${request.method ?? 'GET'} ${request.url}`)
    t.match(reply.headers, read)
    t.notOk('access-control-allow-credentials' in reply.headers)
    t.equal(reply.headers['cross-origin-resource-policy'] ?? 'same-origin', 'same-origin')
  }
  const again = { url: '/v1/community', headers: { authorization, origin: PAGE } }
  let limited = await app.inject(again)
  while (limited.statusCode === 200) limited = await app.inject(again)
  t.equal(limited.statusCode, 429)
  t.match(limited.headers, { ...read, 'retry-after': /\d/ })
})

t.test('a request that the parser refuses behind its head can be read too', async (t) => {
  const { app } = await openApp(t, { config: { corsOrigins } })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write(
    `POST /v1/sessions HTTP/1.1\r\nhost: a\r\norigin: ${PAGE}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nno chunk\r\n`,
  )
  const reply = await text(socket)
  t.match(reply, /^HTTP\/1\.1 400 /)
  t.match(reply, `${ALLOWS}: ${PAGE}`)
})

t.test('with * every page may ask, and none with credentials', async (t) => {
  const { app } = await openApp(t, { config: { corsOrigins: '*' } })
  for (const origin of [OTHER, 'null']) {
    const reply = await app.inject(preflight(origin, '/v1/community', 'GET'))
    t.equal(reply.statusCode, 204)
    t.match(reply.headers, { [ALLOWS]: '*', vary: 'Origin' })
    t.notOk('access-control-allow-credentials' in reply.headers)
  }
})

t.test('a script of another origin never speaks with a cookie', async (t) => {
  const { app, ask } = await openApp(t, { config: { corsOrigins } })
  const { email } = await signUp({ ask }, 'Ada')
  const loggedIn = await app.inject({
    method: 'POST',
    url: '/v1/sessions/cookie',
    payload: { email, password: PASSWORD },
    headers: { 'sec-fetch-site': 'same-origin' },
  })
  const cookie = String(loggedIn.headers['set-cookie']).split(';', 1)[0] as string
  const status = async (headers: Record<string, string>, method: 'GET' | 'DELETE' = 'GET') =>
    (await app.inject({ method, url: '/v1/sessions', headers: { cookie, ...headers } })).statusCode
  for (const site of ['cross-site', 'same-site'])
    for (const method of ['GET', 'DELETE'] as const)
      t.equal(
        await status({ origin: PAGE, 'sec-fetch-site': site, 'sec-fetch-mode': 'cors' }, method),
        401,
        site,
      )
  t.equal(await status({ 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' }), 200)
  t.equal(
    await status({ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }),
    200,
    'a link from elsewhere',
  )
})

t.test('the setting takes origins, or * alone', async (t) => {
  for (const good of ['', '*', PAGE, corsOrigins])
    t.equal(readConfig({ CORS_ORIGINS: good }).corsOrigins, good)
  for (const bad of [
    'page.example',
    `${PAGE}/`,
    `${PAGE},`,
    `*,${PAGE}`,
    'null',
    'https://*.example',
    'HTTPS://page.example',
  ])
    t.throws(() => readConfig({ CORS_ORIGINS: bad }), {
      message: /^CORS_ORIGINS is ".+"; set it to origins, separated by commas, or \*\.$/,
    })
})
