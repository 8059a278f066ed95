import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Test, test } from 'tap'
import type { FeedError } from '../../../src/toolkit/news/feed-error.ts'
import { FeedParser } from '../../../src/toolkit/news/feed-parser.ts'
import { temporaryFolder } from '../../support/harness.ts'
import { ITEM, rss } from './feed-server.ts'

const MIB = 1024 * 1024

/** One text many times, up to about 1 MiB. */
const fill = (text: string) => text.repeat(Math.floor((MIB - 500) / text.length))
const item = (inner: string) => rss(`<item>${inner}</item>`)
const numbered = (count: number, one: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => one(index)).join(' ')

const LAUGHS = numbered(
  12,
  (index) => `<!ENTITY lol${index + 1} "${`&lol${index === 0 ? '' : index};`.repeat(10)}">`,
)

/** Made to cost time, memory or more. Some are feeds, some are none. */
const HOSTILE: Record<string, string> = {
  'billion laughs': `<!DOCTYPE x [<!ENTITY lol "lol">${LAUGHS}]>${item('<title>&lol12;</title>')}`,
  'quadratic blow-up': `<!DOCTYPE x [<!ENTITY a "${'a'.repeat(50_000)}">]>${item(`<title>${'&a;'.repeat(50_000)}</title>`)}`,
  'an endless document type': `<!DOCTYPE ${fill('[<')}`,
  'deep nesting': rss(fill('<a>')),
  'deep nesting that ends': item('<a>'.repeat(140_000) + '</a>'.repeat(140_000)),
  'deep JSON': `{"version":"https://jsonfeed.org/version/1.1","title":"t","items":${'['.repeat(500_000)}${']'.repeat(500_000)}}`,
  'many items': rss(fill('<item/>')),
  'many categories': item(fill('<category>a</category>')),
  'many attributes': rss(`<item ${numbered(90_000, (index) => `a${index}="1"`)}/>`),
  'many namespaces': rss(
    numbered(20_000, (index) => `<n${index}:a xmlns:n${index}="u${index}">1</n${index}:a>`),
  ),
  'many entities': item(`<title>${fill('&amp;')}</title>`),
  'many CDATA sections': item(`<description>${fill('<![CDATA[a]]>')}</description>`),
  'many instructions': rss(fill('<?a b?>')),
  'comments without an end': rss(fill('<!--')),
  'ends without beginnings': rss(fill('</a><b>')),
  'quotes without an end': rss(`<item ${fill('a=" ')}`),
  'tags without an end': item(`<title>${fill('<')}`),
  'tags without an end in a text': item(`<description>${fill('&lt;a ')}</description>`),
  'a long name': rss(`<${fill('a')}>`),
  'a long text': item(`<title>${fill('x')}</title>`),
  'names of the language': rss(
    '<__proto__><a>1</a></__proto__><constructor>x</constructor><item><toString/></item>',
  ),
}

function parserOf(t: Test, options?: { maxMs: number }) {
  const parser = new FeedParser(options)
  t.teardown(() => parser.close())
  return async (text: string) => {
    try {
      return await parser.parse({
        bytes: Buffer.from(text),
        contentType: undefined,
        url: 'http://x.example/',
      })
    } catch (error) {
      return (error as FeedError).code
    }
  }
}

test('documents that are made to cost are parsed within bounds, or are no feeds', async (t) => {
  const parse = parserOf(t)
  for (const [name, document] of Object.entries(HOSTILE)) {
    const feed = await parse(document)
    const isShort = typeof feed === 'object' && JSON.stringify(feed).length < 5000
    t.ok(feed === 'unreadable' || isShort, `${name} is none, or short`)
  }
  t.match(await parse(rss(ITEM)), { items: [{ title: 'First' }] }, 'and the next one is read')
  t.equal(({} as Record<string, unknown>).a, undefined)
})

test('entities of a document are not resolved, whether they name a file or a host', async (t) => {
  let asked = 0
  const server = createServer((_, response) => {
    asked++
    response.end('<!ENTITY secret "from the host">')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const host = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const file = join(temporaryFolder(t), 'secret')
  writeFileSync(file, 'from the file')
  t.equal(readFileSync(file, 'utf8'), 'from the file')
  const parse = parserOf(t)
  for (const from of [pathToFileURL(file).href, host])
    for (const document of [
      `<!DOCTYPE x [<!ENTITY secret SYSTEM "${from}">]>${item('<title>&secret;</title>')}`,
      `<!DOCTYPE x [<!ENTITY % all SYSTEM "${from}"> %all;]>${item('<title>&secret;</title>')}`,
      `<!DOCTYPE x SYSTEM "${from}">${item('<title>&secret;</title>')}`,
      `<?xml-stylesheet href="${from}"?>${item(`<title><xi:include xmlns:xi="http://www.w3.org/2001/XInclude" parse="text" href="${from}"/></title>`)}`,
    ])
      t.notMatch(JSON.stringify(await parse(document)), /from the/)
  t.equal(asked, 0)
})

test('a document that takes too long is given up, and so is the thread that parses it', async (t) => {
  const parse = parserOf(t, { maxMs: 1 })
  for (let time = 1; time <= 3; time++)
    t.equal(await parse(HOSTILE['many attributes'] as string), 'unreadable')
})
