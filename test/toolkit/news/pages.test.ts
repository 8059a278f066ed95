import { type Test, test } from 'tap'
import { browseAs } from '../../support/browse.ts'
import { openApp } from '../../support/harness.ts'
import { ITEM, openFeedServer, rss } from './feed-server.ts'

const PATH = '/app/toolkit/news'

async function open(t: Test) {
  const opened = await openApp(t, { config: { feedAddressesAllowed: '127.0.0.0/8' } })
  return { opened, server: await openFeedServer(t), ada: await browseAs(opened, 'Ada') }
}

type Person = Awaited<ReturnType<typeof browseAs>>

/** The page as soon as it says this: it does not wait long for feeds. */
async function newsWith(person: Person, text: RegExp | string): Promise<string> {
  for (;;) {
    const { body } = await person.get(PATH)
    if (body.match(text)) return body
  }
}

test('a person adds feeds, reads them, and removes one', async (t) => {
  const { server, ada } = await open(t)
  t.match((await ada.get(PATH)).body, 'You follow no feed yet.')
  const added = await ada.post(PATH, { url: ` ${server.serve('/a', rss(ITEM, 'The A'))} ` })
  t.equal(added.path, PATH)
  const first = await newsWith(ada, /<h2 id="feed-\d+" dir="auto">The A<\/h2>/)
  t.match(first, '<a href="https://example.com/1">First</a>')
  t.match(first, '<p>What happened</p>')
  await ada.send('POST', PATH, { url: server.serve('/b', rss('', 'The B')) })
  const second = await newsWith(ada, 'The B')
  t.match(second, 'It has no items.')
  t.ok(second.indexOf('The A') < second.indexOf('The B'))
  const [, remove] =
    /action="([^"]+)" class="inline"><button [^>]*aria-label="Remove The A"/.exec(second) ?? []
  const removed = await ada.post(remove as string)
  t.equal(removed.path, PATH)
  t.notMatch(removed.body, 'The A')
  t.match(removed.body, 'The B')
})

test('what is no address of a feed is said at the field, and what was typed is kept', async (t) => {
  const { server, ada } = await open(t)
  const url = server.serve('/a', rss(ITEM))
  await ada.send('POST', PATH, { url })
  await newsWith(ada, '>First</a>')
  for (const [typed, detail] of [
    ['ftp://<b>.example/', 'must be a web address such as'],
    ['ftp://b.example/', 'must begin with https:// or http://'],
    [url, 'is in the list already'],
  ] as const) {
    const refused = await ada.post(PATH, { url: typed })
    t.equal(refused.status, 422)
    t.match(refused.body, new RegExp(`id="url-error">${detail}`))
    t.match(refused.body, `value="${typed.replaceAll('<', '&#60;').replaceAll('>', '&#62;')}"`)
    t.match(refused.body, '>First</a>', 'the news are still there')
  }
  for (let number = 1; number < 10; number++)
    await ada.post(PATH, { url: server.serve(`/${number}`, rss('')) })
  t.match((await ada.get(PATH)).body, 'You follow 10 feeds, which is the most')
  t.match((await ada.post(PATH, { url: `${server.url}/more` })).body, 'which is the most')
})

test('a feed that fails keeps its items and says why', async (t) => {
  const { opened, server, ada } = await open(t)
  await ada.send('POST', PATH, { url: server.serve('/a', rss(ITEM)) })
  await newsWith(ada, '>First</a>')
  server.on('/a', (_, response) => response.writeHead(500).end('<b>secret</b>'))
  await opened.db.updateTable('feeds').set({ due_at: 0 }).where('url', '=', `${server.url}/a`).execute()
  const body = await newsWith(ada, 'It could not be fetched the last time. The host could not answer')
  t.match(body, '>First</a>')
  t.notMatch(body, 'secret')
})

test('feeds are fetched side by side, and a slow one does not keep the others back', async (t) => {
  const { server, ada } = await open(t)
  let waiting = 0
  const answers: (() => void)[] = []
  /** Two feeds that each wait for the other. */
  const together = (title: string) =>
    server.on(`/${title}`, (_, response) => {
      answers.push(() => response.end(rss(ITEM, title)))
      if (++waiting === 2) for (const answer of answers) answer()
    })
  const urls = [together('One'), together('Two'), server.on('/silent', () => {})]
  await ada.send('POST', PATH, { url: urls[0] as string })
  await ada.send('POST', PATH, { url: urls[1] as string })
  await ada.send('POST', PATH, { url: urls[2] as string })
  const { body } = await ada.get(PATH)
  t.match(body, 'It is being fetched: load this page again in a moment.')
  await newsWith(ada, /<h2[^>]*>One<[\s\S]*<h2[^>]*>Two</)
})

test('markup in a feed is text on the page, and the page may load nothing of it', async (t) => {
  const { server, ada } = await open(t)
  const hostile = '<img src=x onerror=alert(1)>"\'&'
  const feed = {
    version: 'https://jsonfeed.org/version/1.1',
    title: hostile,
    items: [
      { id: '1', title: hostile, summary: hostile, url: `https://example.com/"><script>alert(1)</script>` },
      { id: '2', title: 'Script', url: 'javascript:alert(1)' },
      { id: '3', content_html: '<a href="javascript:alert(1)" onclick="alert(2)">Click</a>' },
      ...Array.from({ length: 5 }, (_, index) => ({ id: `x${index}`, title: `Item ${index}` })),
    ],
  }
  await ada.send('POST', PATH, { url: server.serve('/a', JSON.stringify(feed)) })
  await newsWith(ada, 'Item 0')
  const { headers, body } = await ada.send('GET', PATH)
  t.notMatch(body, /<img|<script|onclick=|javascript:/)
  t.equal(body.split('&#60;img src&#61;x onerror&#61;alert(1)&#62;').length - 1, 5)
  t.match(body, '<summary>3 more of ')
  t.match(headers['content-security-policy'], /default-src 'none'.*img-src 'self'/)
})

test('a feed of another member is not removed', async (t) => {
  const { opened, server, ada } = await open(t)
  const eve = await browseAs(opened, 'Eve')
  await ada.send('POST', PATH, { url: server.serve('/a', rss(ITEM, 'The A')) })
  const body = await newsWith(ada, 'The A')
  const [, remove] = /action="([^"]+\/remove)"/.exec(body) ?? []
  t.equal((await eve.post(remove as string)).path, PATH)
  t.match((await ada.get(PATH)).body, 'The A')
})
