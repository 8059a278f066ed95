import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib'
import Sqlite from 'better-sqlite3'
import { type Test, test } from 'tap'
import { browse } from '../../support/browse.ts'
import { type OpenAppOptions, openApp, PASSWORD, type SignedUp, signUp } from '../../support/harness.ts'
import { selfSignedCertificate } from '../../support/self-signed-certificate.ts'
import { type FeedServer, ITEM, openFeedServer, rss } from './feed-server.ts'

const LOOPBACK = { feedAddressesAllowed: '127.0.0.0/8' }
const FIRST = {
  title: 'First',
  url: 'https://example.com/1',
  summary: 'What happened',
  publishedAt: '2026-11-28T10:00:00.000Z',
}

async function open(t: Test, options: OpenAppOptions = {}) {
  const opened = await openApp(t, { ...options, config: { ...LOOPBACK, ...options.config } })
  const raw = new Sqlite(opened.file)
  t.teardown(() => raw.close())
  const server = await openFeedServer(t)
  /** As if the time had come to fetch everything again. */
  const pass = () => raw.exec('update feeds set due_at = 0')
  return { opened, raw, server, pass, ada: await signUp(opened, 'Ada') }
}

async function subscribe(member: SignedUp, ...urls: string[]): Promise<{ id: number; url: string }[]> {
  const reply = await member.ask('PUT', '/v1/me/feeds', { urls })
  if (reply.statusCode !== 200) throw new Error(reply.body)
  return reply.json().data
}

/** The items of the only feed. */
async function read(member: SignedUp, url: string) {
  const [feed] = await subscribe(member, url)
  return (await member.ask('GET', `/v1/me/feeds/${feed?.id}/items`)).json()
}

test('a member changes the list so many times a minute, by both ways together', async (t) => {
  const { opened, ada } = await open(t, { config: { feedChangesPerMinute: 2 } })
  const change = (member: SignedUp) => member.ask('PUT', '/v1/me/feeds', { urls: [] })
  t.equal((await change(ada)).statusCode, 200)
  const person = browse(opened.app)
  await person.post('/app/log-in', { email: ada.email, password: PASSWORD })
  t.equal((await person.send('POST', '/app/toolkit/news', { url: 'https://a.example/' })).statusCode, 303)
  const refused = await person.post('/app/toolkit/news', { url: 'https://b.example/' })
  t.equal(refused.status, 429)
  t.match(refused.body, 'value="https://b.example/"', 'what was typed is kept')
  const reply = await change(ada)
  t.equal(reply.statusCode, 429)
  t.ok(Number(reply.headers['retry-after']) > 0)
  t.equal((await change(await signUp(opened, 'Grace'))).statusCode, 200, 'another member is not counted')
})

test('the list of feeds is replaced as a whole, and a kept feed keeps its id and its place in the cache', async (t) => {
  const { raw, server, ada } = await open(t)
  t.strictSame((await ada.ask('GET', '/v1/me/feeds')).json(), { data: [] })
  const a = server.serve('/a', rss(ITEM, 'The A'))
  const [feedA, feedB] = await subscribe(ada, a, `${server.url}/b`)
  await ada.ask('GET', `/v1/me/feeds/${feedA?.id}/items`)
  const after = await subscribe(ada, `${server.url}/c`, a)
  t.match(after, [
    { url: `${server.url}/c`, title: null },
    { id: feedA?.id, url: a, title: 'The A' },
  ])
  t.not(after[0]?.id, feedB?.id)
  t.strictSame((await ada.ask('GET', '/v1/me/feeds')).json(), { data: after })
  t.equal((await ada.ask('GET', `/v1/me/feeds/${feedB?.id}/items`)).statusCode, 404)
  await ada.ask('GET', `/v1/me/feeds/${feedA?.id}/items`)
  t.strictSame(server.asked, ['/a'], 'only what was asked for is fetched, and only once')
  const urls = () => raw.prepare('select url from feeds order by url').pluck().all()
  t.strictSame(urls(), [a, `${server.url}/c`], 'what nobody reads is gone')
  await subscribe(ada)
  t.strictSame(urls(), [])
})

test('a member sees and changes their own feeds only', async (t) => {
  const { opened, server, ada } = await open(t)
  const eve = await signUp(opened, 'Eve')
  const url = server.serve('/a', rss(ITEM))
  const [feed] = await subscribe(ada, url)
  t.equal((await eve.ask('GET', `/v1/me/feeds/${feed?.id}/items`)).statusCode, 404)
  t.strictSame((await eve.ask('GET', '/v1/me/feeds')).json(), { data: [] })
  const [eves] = await subscribe(eve, url)
  t.not(eves?.id, feed?.id)
  await subscribe(eve)
  t.match((await ada.ask('GET', '/v1/me/feeds')).json(), { data: [{ id: feed?.id }] })
  t.equal((await opened.ask({ url: '/v1/me/feeds' })).statusCode, 401)
})

test('two members with the same feed cause one request, at the same time too', async (t) => {
  const { opened, raw, server, ada } = await open(t)
  const eve = await signUp(opened, 'Eve')
  const url = server.serve('/a', rss(ITEM))
  const [adas] = await subscribe(ada, url)
  const [eves] = await subscribe(eve, url)
  const replies = await Promise.all([
    ada.ask('GET', `/v1/me/feeds/${adas?.id}/items`),
    eve.ask('GET', `/v1/me/feeds/${eves?.id}/items`),
    ada.ask('GET', `/v1/me/feeds/${adas?.id}/items`),
  ])
  for (const reply of replies) t.match(reply.json(), { items: [FIRST], error: null })
  await eve.ask('GET', `/v1/me/feeds/${eves?.id}/items`)
  t.strictSame(server.asked, ['/a'])

  const feeds = () => raw.prepare('select count(*) from feeds').pluck().get()
  await ada.ask('DELETE', '/v1/me', { currentPassword: PASSWORD })
  t.equal(feeds(), 1, 'one still reads it')
  await eve.ask('DELETE', '/v1/me', { currentPassword: PASSWORD })
  t.equal(feeds(), 0)
})

const FORMATS: Record<string, string> = {
  'RSS 2.0': rss(ITEM),
  'RSS 1.0': `<?xml version="1.0"?><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="https://example.com/"><title>A feed</title><link>https://example.com/</link><description>d</description></channel><item rdf:about="https://example.com/1"><title>First</title><link>https://example.com/1</link><description>What happened</description><dc:date>2026-11-28T10:00:00Z</dc:date></item></rdf:RDF>`,
  Atom: `<feed xmlns="http://www.w3.org/2005/Atom"><title>A feed</title><id>urn:x</id><updated>2026-11-28T10:00:00Z</updated><entry><id>urn:y</id><title type="html">&lt;b&gt;First&lt;/b&gt;</title><link rel="self" href="https://example.com/self"/><link href="https://example.com/1"/><summary>What happened</summary><updated>2026-11-28T10:00:00Z</updated></entry></feed>`,
  'JSON Feed': JSON.stringify({
    version: 'https://jsonfeed.org/version/1.1',
    title: 'A feed',
    items: [
      {
        id: '1',
        url: 'https://example.com/1',
        title: 'First',
        content_html: '<p>What <em>happened</em></p>',
        date_published: '2026-11-28T11:00:00+01:00',
      },
    ],
  }),
}

test('RSS 2.0, RSS 1.0, Atom and JSON Feed are read', async (t) => {
  const { server, ada } = await open(t)
  for (const [format, document] of Object.entries(FORMATS)) {
    const url = server.serve(`/${encodeURIComponent(format)}`, document)
    const found = await read(ada, url)
    t.match(found, { feed: { url, title: 'A feed' }, error: null }, format)
    t.strictSame(found.items, [FIRST], format)
    t.ok(Math.abs(Date.parse(found.fetchedAt) - Date.now()) < 60_000)
  }
})

const LETTERS = 'Grüße, Ünïcode'

/** A document in its encoding, and what the answer says of it. */
const ENCODINGS: Record<string, [body: Buffer, contentType?: string]> = {
  'UTF-8 that is declared nowhere': [Buffer.from(rss(`<item><title>${LETTERS}</title></item>`))],
  'a byte order mark of UTF-8': [Buffer.from(`\uFEFF${titled('')}`)],
  'ISO-8859-1 by its declaration': [Buffer.from(titled(' encoding="ISO-8859-1"'), 'latin1')],
  'windows-1252 by the charset': [Buffer.from(titled(''), 'latin1'), 'text/xml; charset=windows-1252'],
  'a charset against the declaration': [
    Buffer.from(titled(' encoding="utf-8"'), 'latin1'),
    'application/rss+xml;charset="iso-8859-1"',
  ],
  'a byte order mark against both': [
    Buffer.from(`\uFEFF${titled(' encoding="iso-8859-1"')}`),
    'text/xml; charset=iso-8859-1',
  ],
  'UTF-16 with a mark': [Buffer.from(`\uFEFF${titled(' encoding="UTF-16"')}`, 'utf16le')],
  'UTF-16 of the other order': [Buffer.from(`\uFEFF${titled(' encoding="UTF-16"')}`, 'utf16le').swap16()],
  'UTF-16 without a mark': [Buffer.from(titled(' encoding="UTF-16"'), 'utf16le')],
  'UTF-8 that says it is UTF-16': [Buffer.from(titled(' encoding="UTF-16"'))],
  'a charset that nobody knows': [Buffer.from(titled('')), 'text/xml; charset=klingon'],
}

function titled(encoding: string): string {
  return rss(`<item><title>${LETTERS}</title></item>`).replace('"1.0"', `"1.0"${encoding}`)
}

test('documents in every encoding are read', async (t) => {
  const { server, ada } = await open(t)
  for (const [index, [name, [body, type]]] of Object.entries(ENCODINGS).entries()) {
    const url = server.serve(`/${index}`, body, type === undefined ? {} : { 'content-type': type })
    t.equal((await read(ada, url)).items[0]?.title, LETTERS, name)
  }
})

test('compressed documents are read', async (t) => {
  const { server, ada } = await open(t)
  const document = Buffer.from(rss(ITEM))
  for (const [encoding, body] of Object.entries({
    gzip: gzipSync(document),
    deflate: deflateSync(document),
    br: brotliCompressSync(document),
    identity: document,
  }))
    t.strictSame(
      (await read(ada, server.serve(`/${encoding}`, body, { 'content-encoding': encoding }))).items,
      [FIRST],
      encoding,
    )
})

test('an https feed is read if its certificate is good, and only then', async (t) => {
  const { ada } = await open(t)
  const { key, certificate } = selfSignedCertificate()
  const server = createServer({ key, cert: certificate }, (_, response) => response.end(rss(ITEM)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  t.match(await read(ada, `https://127.0.0.1:${port}/a`), { items: [], error: { code: 'unreachable' } })
  const trusted = getCACertificates('default')
  t.teardown(() => setDefaultCACertificates(trusted))
  setDefaultCACertificates([...trusted, certificate])
  t.match(await read(ada, `https://127.0.0.1:${port}/b`), { items: [FIRST], error: null })
  t.match(await read(ada, `https://127.0.0.2:${port}/b`), { error: { code: 'unreachable' } })
})

test('the request has no cookie and no credentials, and says who asks', async (t) => {
  const { server, ada } = await open(t)
  const seen: Record<string, unknown>[] = []
  const end = server.on('/end?q=1', ({ headers }, response) => {
    seen.push(headers)
    response.end(rss(ITEM))
  })
  const location = end.replace('//', '//user:password@')
  const start = server.on('/start', ({ headers }, response) => {
    seen.push(headers)
    response.writeHead(302, { location, 'set-cookie': 'a=b' }).end()
  })
  t.strictSame((await read(ada, start)).items, [FIRST])
  t.equal(seen.length, 2)
  for (const headers of seen) {
    t.match(headers['user-agent'], /^rollcall\//)
    t.equal(headers.host, new URL(server.url).host)
    for (const name of ['cookie', 'authorization', 'referer', 'traceparent', 'baggage'])
      t.notOk(name in headers, name)
  }
})

test('three redirects are followed, and not a fourth', async (t) => {
  const { server, ada } = await open(t)
  server.serve('/0', rss(ITEM))
  for (const [index, status] of [301, 302, 307, 308].entries())
    server.on(`/${index + 1}`, (_, response) =>
      response.writeHead(status, { location: `${index}` }).end('moved'),
    )
  t.match(await read(ada, `${server.url}/3`), { items: [FIRST], error: null })
  t.match(await read(ada, `${server.url}/4`), { items: [], error: { code: 'too-many-redirects' } })
  server.on('/round', (_, response) => response.writeHead(303, { location: '/round' }).end())
  t.match(await read(ada, `${server.url}/round`), { error: { code: 'too-many-redirects' } })
})

test('only a change is asked for, and 304 keeps the items', async (t) => {
  const { raw, server, ada, pass } = await open(t)
  const conditions: unknown[] = []
  const url = server.on('/a', ({ headers }, response) => {
    conditions.push([headers['if-none-match'], headers['if-modified-since']])
    if (headers['if-none-match'] === '"1"') response.writeHead(304).end()
    else
      response
        .writeHead(200, { etag: '"1"', 'last-modified': 'Sat, 28 Nov 2026 10:00:00 GMT' })
        .end(rss(ITEM))
  })
  const before = await read(ada, url)
  pass()
  raw.exec('update feeds set fetched_at = 1')
  const after = await read(ada, url)
  t.strictSame(after.items, before.items)
  t.not(after.fetchedAt, '1970-01-01T00:00:00.001Z')
  t.strictSame(conditions, [
    [undefined, undefined],
    ['"1"', 'Sat, 28 Nov 2026 10:00:00 GMT'],
  ])
})

test('a feed that fails keeps its items and says why, is asked again later, and recovers', async (t) => {
  const { raw, server, ada, pass } = await open(t)
  const url = server.serve('/a', rss(ITEM, 'Before'))
  const first = await read(ada, url)
  const due = () => {
    const row = raw.prepare('select due_at, failures from feeds').get() as Record<string, number>
    return { minutes: Math.round(((row.due_at ?? 0) - Date.now()) / 60_000), failures: row.failures }
  }
  t.strictSame(due(), { minutes: 10, failures: 0 })
  server.on('/a', (_, response) => response.writeHead(500).end('<h1>Secret stack trace</h1>'))
  for (const [failures, minutes] of [
    [1, 1],
    [2, 2],
    [3, 4],
  ]) {
    pass()
    const failed = await read(ada, url)
    t.strictSame(failed.items, [FIRST])
    t.equal(failed.feed.title, 'Before')
    t.equal(failed.fetchedAt, first.fetchedAt)
    t.strictSame(failed.error, {
      code: 'bad-status',
      detail: 'The host could not answer; this feed is asked for again later.',
    })
    t.strictSame(due(), { minutes, failures })
  }
  const asked = server.asked.length
  await read(ada, url)
  t.equal(server.asked.length, asked, 'it is not asked before its time')

  server.on('/a', (_, response) => response.writeHead(503, { 'retry-after': '7200' }).end())
  pass()
  await read(ada, url)
  t.strictSame(due(), { minutes: 120, failures: 4 })
  server.serve('/a', rss('', 'After'), { 'cache-control': 'public, max-age=3600' })
  pass()
  t.match(await read(ada, url), { feed: { title: 'After' }, items: [], error: null })
  t.strictSame(due(), { minutes: 60, failures: 0 })
})

/** A path, what the host does there, and what the member reads of it. */
type Failure = [code: string, answer: Parameters<FeedServer['on']>[1]]
const MIB = 1024 * 1024
const BOMBS = {
  gzip: gzipSync(Buffer.alloc(100 * MIB)),
  br: brotliCompressSync(Buffer.alloc(50 * MIB), { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
}
const FAILURES: Record<string, Failure> = {
  '404': ['not-found', (_, response) => response.writeHead(404).end()],
  '410': ['not-found', (_, response) => response.writeHead(410).end()],
  '401': ['denied', (_, response) => response.writeHead(401).end()],
  '403': ['denied', (_, response) => response.writeHead(403).end()],
  '204': ['bad-status', (_, response) => response.writeHead(204).end()],
  '304 that nobody asked for': ['bad-status', (_, response) => response.writeHead(304).end()],
  'a redirect to nowhere': ['bad-redirect', (_, response) => response.writeHead(302).end()],
  'a redirect to a file': [
    'bad-redirect',
    (_, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
  ],
  'a web page': [
    'unreadable',
    (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><p>Hello'),
  ],
  'a picture': ['unreadable', (_, response) => response.end(Buffer.alloc(5000, 0x89))],
  nothing: ['unreadable', (_, response) => response.end()],
  'JSON that is no feed': ['unreadable', (_, response) => response.end('{"items":[]}')],
  'half a document': ['unreadable', (_, response) => response.end(rss(ITEM).slice(0, 20))],
  'an encoding that nobody knows': [
    'unreadable',
    (_, response) => response.writeHead(200, { 'content-encoding': 'zip' }).end('x'),
  ],
  'no gzip': [
    'unreadable',
    (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('x'),
  ],
  'gzip that ends early': [
    'unreadable',
    (_, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(rss(ITEM)).subarray(0, 60)),
  ],
  'no brotli': [
    'unreadable',
    (_, response) => response.writeHead(200, { 'content-encoding': 'br' }).end('xxxxxxxxxx'),
  ],
  'more than 1 MiB': ['too-large', (_, response) => response.end(Buffer.alloc(MIB + 1, ' '))],
  'a gzip bomb': [
    'too-large',
    (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(BOMBS.gzip),
  ],
  'a brotli bomb': [
    'too-large',
    (_, response) => response.writeHead(200, { 'content-encoding': 'br' }).end(BOMBS.br),
  ],
  'a body without an end': [
    'too-large',
    (_, response) => {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536, ' ')));
      }
      response.on('drain', more)
      more()
    },
  ],
  'header fields without an end': [
    'unreachable',
    (request) => request.socket.write(`HTTP/1.1 200 OK\r\n${'x-a: b\r\n'.repeat(10_000)}`),
  ],
  'no HTTP': ['unreachable', (request) => request.socket.end('220 mail.example ESMTP\r\n')],
  'an upgrade': [
    'unreachable',
    (request) =>
      request.socket.end('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
  ],
  'a reset': ['unreachable', (request) => request.socket.resetAndDestroy()],
  'a body that breaks off': [
    'unreachable',
    (request, response) => {
      response.writeHead(200, { 'content-length': '1000' }).write('<rss>')
      setImmediate(() => request.socket.destroy())
    },
  ],
}

test('each failure of a host has its code, and none of its words', async (t) => {
  const { server, ada } = await open(t)
  for (const [index, [name, [code, answer]]] of Object.entries(FAILURES).entries()) {
    const found = await read(ada, server.on(`/${index}`, answer))
    t.equal(found.error?.code, code, name)
    t.strictSame(found.items, [], name)
    t.equal(found.fetchedAt, null, name)
  }
  t.match(await read(ada, 'http://nothing.invalid/'), { error: { code: 'no-public-address' } })
})

test('a host that never ends its answer is left after the time-out', async (t) => {
  const { server, ada } = await open(t, { config: { feedTimeoutMs: 300 } })
  let left = 0
  const drip = (
    write: () => unknown,
    request: { socket: { on(event: 'close', then: () => void): void } },
  ) => {
    const timer = setInterval(write, 20)
    request.socket.on('close', () => {
      clearInterval(timer)
      left++
    })
  }
  const slow = [
    server.on('/silent', (request) => drip(() => {}, request)),
    server.on('/slow-head', (request) => {
      request.socket.write('HTTP/1.1 200 OK\r\n')
      drip(() => request.socket.write('x-a: b\r\n'), request)
    }),
    server.on('/slow-body', (request, response) => {
      response.writeHead(200)
      drip(() => response.write(' '), request)
    }),
    server.on('/slow-redirect', (request, response) => {
      drip(() => {}, request)
      setTimeout(() => response.writeHead(302, { location: '/slow-redirect' }).end(), 150)
    }),
  ]
  const feeds = await subscribe(ada, ...slow)
  const replies = await Promise.all(feeds.map(({ id }) => ada.ask('GET', `/v1/me/feeds/${id}/items`)))
  for (const reply of replies) t.match(reply.json(), { items: [], error: { code: 'timeout' } })
  while (left < 4) await new Promise((resolve) => setTimeout(resolve, 10))
  t.equal(left >= 4, true, 'every connection is closed')
})

test('a feed that has no turn because others take them all is busy, and asked again soon', async (t) => {
  const { raw, server, ada } = await open(t, { config: { feedTimeoutMs: 4000 } })
  const asked = Array.from({ length: 8 }, (_, index) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    return { url: server.on(`/${index}`, () => resolve()), promise }
  })
  const url = server.serve('/patient', rss(ITEM))
  const feeds = await subscribe(ada, ...asked.map((silent) => silent.url), url)
  const items = (index: number) => ada.ask('GET', `/v1/me/feeds/${feeds[index]?.id}/items`)
  const others = asked.map((_, index) => items(index))
  await Promise.all(asked.map(({ promise }) => promise))
  raw.prepare(`update feeds set failures = 9, error = 'timeout' where url = ?`).run(url)
  t.match((await items(8)).json(), { items: [], error: { code: 'busy' } })
  const { due_at, failures } = raw.prepare('select due_at, failures from feeds where url = ?').get(url) as {
    due_at: number
    failures: number
  }
  t.ok(due_at <= Date.now() + 60_000)
  t.equal(failures, 9, 'its own failures are not forgotten')
  t.notOk(server.asked.includes('/patient'))
  await Promise.all(others)
})

test('what no public host has is not fetched', async (t) => {
  const { server, ada } = await open(t, { config: { feedAddressesAllowed: '' } })
  const url = server.serve('/a', rss(ITEM))
  t.match(await read(ada, url), { items: [], error: { code: 'port-refused' } })
  t.match(await read(ada, 'http://127.0.0.1/'), { error: { code: 'no-public-address' } })
  t.match(await read(ada, 'https://[::ffff:10.0.0.1]/'), { error: { code: 'no-public-address' } })
  t.strictSame(server.asked, [])
})

test('markup in the texts of a feed is text, and links lead to the web only', async (t) => {
  const { server, ada } = await open(t)
  const hostile =
    '&lt;img src=x onerror=alert(1)&gt;&lt;script&gt;alert(2)&lt;/script&gt;Plain &amp;amp; simple'
  const items = [
    `<item><title>${hostile}</title><link>javascript:alert(1)</link><description><![CDATA[<p>One</p><p>Two<br>three</p><style>p{}</style>]]></description></item>`,
    '<item><title>a &lt; b and c &gt; d</title><link>data:text/html,x</link><guid isPermaLink="true">file:///x</guid></item>',
    '<item><title>\u202Eevil\u2069 &#x202E; \n\t two</title><link>/relative?a=1</link></item>',
    '<item><title/><link>//other.example/x</link><pubDate>yesterday</pubDate></item>',
    `<item><title>${'long '.repeat(200)}</title><link>https://example.com/${'x'.repeat(3000)}</link></item>`,
  ].join('')
  const found = await read(ada, server.serve('/a', rss(items, '&lt;b&gt;Bold&lt;/b&gt;')))
  t.equal(found.feed.title, 'Bold')
  const [one, two, three, four, five] = found.items
  t.strictSame(one, { title: 'Plain & simple', url: null, summary: 'One Two three', publishedAt: null })
  t.match(two, { title: 'a < b and c > d', url: null })
  t.match(three, { title: 'evil two', url: `${server.url}/relative?a=1` })
  t.match(four, { title: null, url: 'http://other.example/x', publishedAt: null })
  t.ok(five.title.length <= 300 && five.title.endsWith('…'))
  t.equal(five.url, null)
})

test('at most fifty items are kept', async (t) => {
  const { server, ada } = await open(t)
  t.equal((await read(ada, server.serve('/a', rss(ITEM.repeat(200))))).items.length, 50)
})

test('addresses that are none are refused, each at its place', async (t) => {
  const { ada } = await open(t)
  const wrong = [
    '',
    'example.com/feed',
    'ftp://example.com/',
    'javascript:alert(1)',
    'file:///etc/passwd',
    'https://user:password@example.com/',
    'https://user@example.com/',
    'https://exa mple.com/',
    'https://example.com/\n',
    'https://example.com/\u0000',
    'https://example.com/\uD800',
    'https://',
    'http://[::1',
    'http://1.2.3.4.5/',
    `https://example.com/${'ü'.repeat(1000)}`,
  ]
  for (const url of wrong)
    t.match(
      (await ada.ask('PUT', '/v1/me/feeds', { urls: ['https://example.com/', url] })).json(),
      { status: 422, errors: [{ pointer: '#/urls/1' }] },
      url,
    )
  const twice = { urls: ['https://example.com/a', 'HTTPS://EXAMPLE.com:443/./a#top'] }
  t.match((await ada.ask('PUT', '/v1/me/feeds', twice)).json(), {
    errors: [{ pointer: '#/urls/1', detail: 'is in the list already' }],
  })
  const eleven = Array.from({ length: 11 }, (_, index) => `https://example.com/${index}`)
  t.equal((await ada.ask('PUT', '/v1/me/feeds', { urls: eleven })).statusCode, 422)
  t.equal((await ada.ask('PUT', '/v1/me/feeds', { urls: eleven.slice(1) })).statusCode, 200)
  for (const urls of [[null], [5], [['x']], [{ url: 'x' }], 'https://example.com/', ['x'.repeat(3000)]])
    t.equal((await ada.ask('PUT', '/v1/me/feeds', { urls })).statusCode, 422)
  t.equal((await ada.ask('GET', '/v1/me/feeds')).json().data.length, 10)
})
