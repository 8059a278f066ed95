import type { LightMyRequestResponse as Reply } from 'fastify'
import { type Test, test } from 'tap'
import { type OpenedApp, openApp, PASSWORD, type SignedUp, signUp } from './support/harness.ts'
import { type Operation, operationsOf } from './support/operations.ts'

const VALID = { name: 'Grace', email: 'grace@example.com', password: PASSWORD }
const JSON_TYPE = { 'content-type': 'application/json' }

/** Values that no text field takes, whatever it is for. */
const WRONG_FOR_TEXT: Record<string, unknown> = {
  null: null,
  number: 5,
  boolean: true,
  array: ['x'],
  object: { toString: 'x' },
  'too long': 'x'.repeat(5000),
  'NUL byte': 'a\u0000b@example.com',
  'half a surrogate pair': 'a\uD800b@example.com',
}

const WRONG_NAMES: Record<string, string> = {
  empty: '',
  blank: '   ',
  'too long': 'x'.repeat(81),
  'look-alike letters': 'Аdа Lovelace',
  'right-to-left override': 'Ada\u202Eecalevol',
  'direction isolate': 'Ada\u2067x\u2069',
  'invisible letter': 'A\u200Bda',
  'tag characters': 'Ada\u{E0041}\u{E0064}',
  'private astral character': 'Ada\u{F0000}',
  'line break': 'Ada\r\nSet-Cookie: a=b',
  'stacked marks': `Z${'\u0351'.repeat(30)}`,
}

const WRONG_EMAILS: Record<string, string> = {
  empty: '',
  'no domain': 'ada',
  'two at signs': 'a@b@example.com',
  'look-alike letters': 'аda@example.com',
  'right-to-left override': 'ada\u202E@example.com',
  'line break': 'ada@example.com\nbcc: eve@example.com',
  'reserved domain': 'demo@seed.rollcall.example',
  'too long': `${'a'.repeat(250)}@example.com`,
}

const WRONG_PASSWORDS: Record<string, string> = {
  empty: '',
  short: 'fourteen chars',
  'too long': 'correct horse '.repeat(20),
  'repeated pattern': 'abcabcabcabcabcabc',
}

/** Bodies that are no JSON object of this service, as bytes. */
const WRONG_BODIES: Record<string, [Buffer | string, number]> = {
  nothing: ['', 400],
  'white space': ['  \n', 400],
  'a lone brace': ['{', 400],
  'single quotes': ["{'name':'Ada'}", 400],
  'a trailing comma': ['{"name":"Ada",}', 400],
  NaN: ['{"name":NaN}', 400],
  'two documents': ['{}{}', 400],
  'a key twice': [
    `{"name":"Ada","email":"a@example.com","email":"b@example.com","password":"${PASSWORD}"}`,
    400,
  ],
  'a key twice, once escaped': ['{"name":"Ada","n\\u0061me":"Eve"}', 400],
  'the key __proto__': ['{"__proto__":{"name":"Ada"}}', 400],
  'the key constructor': ['{"constructor":{"prototype":{"admin":true}}}', 400],
  'deep nesting': ['['.repeat(5000) + ']'.repeat(5000), 400],
  'invalid UTF-8': [
    Buffer.concat([Buffer.from('{"name":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]),
    400,
  ],
  'an overlong encoding': [
    Buffer.concat([Buffer.from('{"name":"'), Buffer.from([0xc0, 0x80]), Buffer.from('"}')]),
    400,
  ],
  'UTF-16': [Buffer.from('\uFEFF{"name":"Ada"}', 'utf16le'), 400],
  null: ['null', 422],
  'an array': ['[]', 422],
  'a string': ['"name"', 422],
  'an unknown field': [JSON.stringify({ ...VALID, admin: true }), 422],
  // More than any route reads: a playlist may have 256 KiB.
  'too much': [JSON.stringify({ ...VALID, name: 'x'.repeat(300_000) }), 413],
}

const WRONG_CONTENT_TYPES = [
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/json; charset=latin1',
  'application/json; charset=utf-16',
  'application/jsonp',
  'application/json\ta',
  'application/problem+json',
  'text/json',
  '*/*',
  'x',
  '',
]

const WRONG_PATH_IDS = [
  '0',
  '-1',
  '1.5',
  '1e99',
  '9007199254740993',
  'abc',
  '%00',
  '1%00',
  '..%2F1',
  "1'--",
  'null',
  '٣',
  '１',
  'x'.repeat(90),
]

const WRONG_QUERIES = [
  'limit=0',
  'limit=-1',
  'limit=201',
  'limit=1.5',
  'limit=ten',
  'limit=',
  'limit=1&limit=2',
  'limit[]=1',
  'unknown=1',
  'curser=x',
  '__proto__=1',
  '__proto__[limit]=1',
  'cursor=',
  'cursor=!!!',
  'cursor=bnVsbA',
  'cursor=W10',
  `cursor=${'A'.repeat(2000)}`,
]

/** 4xx in the one shape, and nothing of the inside in it. */
function checkRefusal(t: Test, reply: Reply, name: string, status?: number): void {
  const body = reply.body === '' ? {} : reply.json()
  t.ok(reply.statusCode >= 400 && reply.statusCode < 500, `${name}: ${reply.statusCode}`)
  if (status !== undefined) t.equal(reply.statusCode, status, name)
  t.equal(reply.headers['content-type'], 'application/problem+json', name)
  t.match(body, { type: /^\/problems\/[a-z-]+$/, status: reply.statusCode, traceId: /^[0-9a-f]{32}$/ }, name)
  t.notMatch(reply.body, /SQLITE|node_modules|\.[tj]s:\d|\bat \w+ \(/, name)
}

async function countRows({ db }: OpenedApp) {
  return db.selectFrom('table_rows').select(['name', 'rows']).orderBy('name').execute()
}

async function open(t: Test): Promise<{ opened: OpenedApp; ada: SignedUp; operations: Operation[] }> {
  // An administrator, so that no route refuses for another reason.
  const opened = await openApp(t, { config: { adminEmail: 'ada@example.com' } })
  return { opened, ada: await signUp(opened, 'Ada'), operations: operationsOf(opened.app.swagger()) }
}

test('a sign-up with a field that breaks a rule is refused and writes nothing', async (t) => {
  const { opened } = await open(t)
  const before = await countRows(opened)
  const cases: Record<string, object> = {}
  for (const field of ['name', 'email', 'password'] as const) {
    const { [field]: _, ...rest } = VALID
    cases[`${field} missing`] = rest
    for (const [what, value] of Object.entries(WRONG_FOR_TEXT))
      cases[`${field}: ${what}`] = { ...VALID, [field]: value }
  }
  for (const [what, name] of Object.entries(WRONG_NAMES)) cases[`name: ${what}`] = { ...VALID, name }
  for (const [what, email] of Object.entries(WRONG_EMAILS)) cases[`email: ${what}`] = { ...VALID, email }
  for (const [what, password] of Object.entries(WRONG_PASSWORDS))
    cases[`password: ${what}`] = { ...VALID, password }
  for (const [what, payload] of Object.entries(cases))
    checkRefusal(t, await opened.ask({ method: 'POST', url: '/v1/users', payload }), what, 422)
  t.strictSame(await countRows(opened), before)
})

test('names of every script sign up and come back as they were written', async (t) => {
  const opened = await openApp(t)
  for (const name of ['Ольга', 'محمد', 'Ada 🎉', '𝒢race', 'O’Connor-Smith']) {
    const email = `member${[...name].length}${name.codePointAt(0)}@example.com`
    const reply = await opened.ask({ method: 'POST', url: '/v1/users', payload: { ...VALID, email, name } })
    t.equal(reply.statusCode, 201)
    t.equal(reply.json().name, name)
  }
})

test('a body that is no JSON of ours is refused by every route that reads one', async (t) => {
  const { opened, ada, operations } = await open(t)
  const before = await countRows(opened)
  const allowed = { authorization: `Bearer ${ada.token}`, 'sec-fetch-site': 'same-origin' }
  const reading = operations.filter(({ body }) => body !== undefined)
  t.ok(reading.length > 4)
  for (const { method, pathWith } of reading) {
    const url = pathWith(() => '2')
    for (const [what, [payload, status]] of Object.entries(WRONG_BODIES)) {
      const reply = await opened.ask({ method, url, payload, headers: { ...JSON_TYPE, ...allowed } })
      checkRefusal(t, reply, `${method} ${url}: ${what}`, status)
    }
    for (const type of WRONG_CONTENT_TYPES) {
      const headers = { 'content-type': type, ...allowed }
      const reply = await opened.ask({ method, url, payload: JSON.stringify(VALID), headers })
      checkRefusal(t, reply, `${method} ${url}: content-type ${JSON.stringify(type)}`, 415)
    }
  }
  t.strictSame(await countRows(opened), before)
})

test('routes that read no body refuse one', async (t) => {
  const { opened, ada, operations } = await open(t)
  const reading = operations.filter(({ method, body }) => method !== 'GET' && body === undefined)
  t.ok(reading.length > 4)
  for (const { method, pathWith } of reading) {
    const url = pathWith(() => '2')
    checkRefusal(t, await ada.ask(method, url, { surprise: true }), `${method} ${url}`, 422)
  }
  t.equal(
    (await opened.ask({ url: '/v1/me', headers: { authorization: `Bearer ${ada.token}` } })).statusCode,
    200,
  )
})

test('log-ins with fields of the wrong type are refused before anything is hashed', async (t) => {
  const { opened, ada } = await open(t)
  for (const field of ['email', 'password'])
    for (const [what, value] of Object.entries(WRONG_FOR_TEXT).slice(0, 6)) {
      const payload = { email: ada.email, password: PASSWORD, [field]: value }
      for (const url of ['/v1/sessions', '/v1/sessions/cookie']) {
        const reply = await opened.ask({
          method: 'POST',
          url,
          payload,
          headers: { 'sec-fetch-site': 'same-origin' },
        })
        checkRefusal(t, reply, `${url} ${field}: ${what}`, 422)
      }
    }
  for (const email of ['a\u0000@example.com', 'a\uD800@example.com', '@', '\u202E'])
    checkRefusal(
      t,
      await opened.ask({ method: 'POST', url: '/v1/sessions', payload: { email, password: PASSWORD } }),
      email,
      401,
    )
})

test('ids that are none are refused on every path that takes one', async (t) => {
  const { ada, operations } = await open(t)
  const taking = operations.flatMap(({ method, parameters, pathWith }) =>
    parameters
      .filter(({ in: place, schema }) => place === 'path' && schema.type === 'integer')
      .map(({ name }) => ({
        method,
        path: (id: string) => pathWith((other) => (other === name ? id : '2')),
      })),
  )
  t.ok(taking.length > 6)
  for (const { method, path } of taking)
    for (const id of WRONG_PATH_IDS)
      checkRefusal(
        t,
        await ada.ask(method, path(encodeURI(id).replaceAll('%25', '%'))),
        `${method} ${path('ID')} ${id}`,
      )
})

test('parameters that are none are refused by every listing', async (t) => {
  const { ada, operations } = await open(t)
  const listings = operations
    .filter(({ parameters }) => parameters.some(({ name }) => name === 'cursor'))
    .map(({ pathWith }) => pathWith(() => String(ada.id)))
  t.ok(listings.length > 5)
  for (const path of listings)
    for (const query of WRONG_QUERIES)
      checkRefusal(t, await ada.ask('GET', `${path}?${query}`), `${path}?${query}`)
  for (const query of [
    'sort=age',
    'sort=',
    'q=%00',
    `q=${'x'.repeat(2000)}`,
    'q=',
    'q=a&q=b',
    'direction=up',
  ])
    checkRefusal(t, await ada.ask('GET', `/v1/community?${query}`), query)
  checkRefusal(t, await ada.ask('GET', '/v1/me/friend-requests?direction=sideways'), 'direction')
})

test('paths that are none, and methods that a path does not have', async (t) => {
  const { opened } = await open(t)
  const refused = async (method: string, url: string, status: number) => {
    const reply = await opened.ask({ method: method as 'GET', url })
    checkRefusal(t, reply, `${method} ${url}`, status)
    return reply
  }
  for (const url of [
    '/nope',
    '/v1',
    '/v1/users/1/2/3',
    '/V1/users',
    '//',
    '/.env',
    '/v1/../etc/passwd',
    '/%2e%2e/x',
  ])
    await refused('GET', url, 404)
  for (const url of ['/%', '/%zz', '/v1/users/%E0%A4%A', '/%c0%80']) await refused('GET', url, 400)
  t.equal((await refused('PUT', '/v1/users', 405)).headers.allow, 'POST')
  t.equal((await refused('POST', '/v1/me/friends/7', 405)).headers.allow, 'DELETE, PUT')
  t.equal((await refused('OPTIONS', '/v1/community', 405)).headers.allow, 'GET, HEAD')
  t.equal((await refused('TRACE', '/', 405)).headers.allow, 'GET, HEAD')
  t.equal((await refused('PROPFIND', '/v1/me', 405)).headers.allow, 'DELETE, GET, HEAD, PATCH')
  await refused('MKCOL', '/nope', 404)
})
