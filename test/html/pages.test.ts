import t from 'tap'
import { browse } from '../support/browse.ts'
import { openApp, PASSWORD, signUp } from '../support/harness.ts'

const ADA = { name: 'Ada', email: 'ada@example.com', password: PASSWORD }

t.test('a person signs up, is logged in, logs out and in again', async (t) => {
  const { app } = await openApp(t)
  const ada = browse(app)
  const home = await ada.post('/app/sign-up', ADA)
  t.equal(home.path, '/app')
  t.match(home.body, 'Hello, Ada')

  t.match((await ada.post('/app/log-out')).body, 'A small community')
  t.match((await ada.get('/app')).body, 'href="/app/log-in"')

  const again = await ada.post('/app/log-in', { email: 'ADA@example.com', password: PASSWORD })
  t.match(again.body, 'Hello, Ada')
})

t.test('a refused form is shown again with its errors and what was typed, but no password', async (t) => {
  const { app } = await openApp(t)
  const refused = await browse(app).post('/app/sign-up', {
    name: 'A<b>',
    email: 'nobody',
    password: 'shortsecret',
  })
  t.equal(refused.status, 422)
  t.match(refused.body, 'value="A&#60;b&#62;"')
  t.match(refused.body, 'value="nobody"')
  t.match(refused.body, /id="email-error">must have the form name@domain</)
  t.match(
    refused.body,
    '<a href="#email">E-mail address</a> must have',
    'the note names a field by its label',
  )
  t.match(refused.body, /id="password-error">must have 15 to 128 characters</)
  t.match(refused.body, /name="email" [^>]*aria-invalid="true"/)
  t.notMatch(refused.body, 'shortsecret')

  const wrong = await browse(app).post('/app/log-in', { email: 'ada@example.com', password: PASSWORD })
  t.equal(wrong.status, 401)
  t.match(wrong.body, 'Check the e-mail address and the password.')
})

t.test('a stranger is sent to the log-in and then on, and never to another host', async (t) => {
  const { app, ask } = await openApp(t)
  await signUp({ ask }, 'Ada')
  const credentials = { email: ADA.email, password: PASSWORD }
  const asked = await browse(app).post('/app/log-out')
  t.equal(asked.path, '/app/log-in')

  for (const next of [
    '//evil.example',
    'https://evil.example',
    '/app//evil.example',
    '/appx',
    '/app\\evil',
    '/app/../v1/me',
    '/app/..//evil.example',
    '/app/%2E%2e//evil.example',
    '/app/polls/..?next=/app',
    '/v1/me',
  ]) {
    const query = new URLSearchParams({ next })
    const reply = await browse(app).send('POST', `/app/log-in?${query}`, credentials)
    t.equal(reply.headers.location, next === '/app//evil.example' ? next : '/app', next)
  }
})

t.test('a name and a password of the longest kind fit into their fields', async (t) => {
  const { app } = await openApp(t)
  const ada = browse(app)
  const pictures = Array.from({ length: 128 }, (_, index) => String.fromCodePoint(0x1f300 + index)).join('')
  const longest = { email: ADA.email, name: '🎉'.repeat(80), password: pictures }
  const { body } = await ada.get('/app/sign-up')
  for (const [field, text] of Object.entries(longest)) {
    const max = new RegExp(`name="${field}" [^>]*maxlength="(\\d+)"`).exec(body)?.[1]
    t.ok(text.length <= Number(max), `${field}: ${max}`)
  }
  t.match((await ada.post('/app/sign-up', longest)).body, 'Hello, 🎉')
})

t.test('the foot of a page tells its queries and links to its trace, if a viewer keeps it', async (t) => {
  for (const viewerUrl of ['', 'http://viewer.test:4318']) {
    const { app } = await openApp(t, {
      config: { viewerUrl },
      env: { OTEL_TRACES_EXPORTER: 'otlp', OTEL_TRACES_SAMPLER: 'always_on' },
    })
    const ada = browse(app)
    t.notMatch((await ada.get('/app/log-in')).body, '<footer', 'a page without a query has none')
    const { body } = await ada.post('/app/sign-up', ADA)
    t.match(body, /<footer class="foot"><p>1 query took [\d.]+ ms/)
    const link = /<footer.+ <a href="([^"]+)">see the trace<\/a>/.exec(body)?.[1]
    if (viewerUrl === '') t.equal(link, undefined)
    else t.match(link, /^http:\/\/viewer\.test:4318\/traces\?trace&#61;[0-9a-f]{32}$/)
  }
})

t.test('a form from another site changes nothing', async (t) => {
  const { app } = await openApp(t)
  for (const path of ['/app/sign-up', '/app/log-in']) {
    const reply = await browse(app).send('POST', path, ADA, { 'sec-fetch-site': 'cross-site' })
    t.equal(reply.statusCode, 403)
    t.match(reply.headers['content-type'], 'text/html')
    t.notOk(reply.headers['set-cookie'])
  }
  t.equal((await app.inject({ url: '/v1/community' })).statusCode, 401)
})

t.test('forms are read on pages only, and only known fields', async (t) => {
  const { app } = await openApp(t)
  const payload = new URLSearchParams(ADA).toString()
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin' }
  t.equal((await app.inject({ method: 'POST', url: '/v1/users', payload, headers })).statusCode, 415)
  const unknown = await browse(app).post('/app/sign-up', { ...ADA, isAdministrator: '1' })
  t.equal(unknown.status, 422)
  const twice = await app.inject({
    method: 'POST',
    url: '/app/sign-up',
    payload: `${payload}&name=Eve`,
    headers,
  })
  t.equal(twice.statusCode, 422)
})

t.test('an unknown address below /app is a page, in the frame of the policy', async (t) => {
  const { app } = await openApp(t)
  const reply = await app.inject({ url: '/app/nothing' })
  t.equal(reply.statusCode, 404)
  t.match(reply.headers['content-type'], 'text/html')
  t.equal(
    reply.headers['content-security-policy'],
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  )
})

t.test('the address that a refused form leaves in the browser leads to the page of the form', async (t) => {
  const { app } = await openApp(t)
  for (const [address, page] of [
    ['/app/admin/events?x=1', '/app/admin'],
    ['/app/polls/5/vote', '/app/polls/5'],
    ['/app/toolkit/playlist/move', '/app/toolkit/playlist'],
  ] as const) {
    const reply = await app.inject({ url: address })
    t.equal(reply.statusCode, 303, address)
    t.equal(reply.headers.location, page)
  }
  t.equal((await app.inject({ url: '/app/log-out' })).statusCode, 404, 'a button is no form')
})

t.test('GET / answers a browser with the page and everybody else with JSON', async (t) => {
  const { app } = await openApp(t)
  const accepts = async (accept?: string) => {
    const reply = await app.inject({ url: '/', headers: accept === undefined ? {} : { accept } })
    t.equal(reply.headers.vary, 'Accept')
    return String(reply.headers['content-type']).split(';')[0]
  }
  t.equal(await accepts('text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'), 'text/html')
  t.equal(await accepts('application/json;q=0.5,text/html'), 'text/html')
  for (const accept of [
    undefined,
    '*/*',
    'application/json',
    'text/html;q=0.5,application/json',
    'text/html;q=0',
  ])
    t.equal(await accepts(accept), 'application/json', accept ?? 'none')
})

t.test('the stylesheet is kept for good under an address that names its content', async (t) => {
  const { app } = await openApp(t)
  const page = await app.inject({ url: '/app' })
  const href = /href="(\/app\/assets\/style\.css[^"]*)"/
    .exec(page.body)?.[1]
    ?.replaceAll('&#61;', '=') as string
  const style = await app.inject({ url: href })
  t.equal(style.statusCode, 200)
  t.equal(style.headers['cache-control'], 'public, max-age=31536000, immutable')
  t.match(style.headers['content-type'], 'text/css')
  t.equal((await app.inject({ url: '/app/assets/../pages.ts' })).statusCode, 404)
})

t.test('a path below the files that names no file is not found', async (t) => {
  const { app } = await openApp(t)
  for (const name of [
    '',
    'nope.css',
    '%00',
    'a%00b',
    '%5c..',
    '..%2fpages.ts',
    'style.css/',
    'a'.repeat(300),
  ])
    for (const folder of ['/app/assets/', '/docs/static/'])
      if (folder + name !== '/docs/static/')
        t.equal((await app.inject(folder + name)).statusCode, 404, folder + name)
})
