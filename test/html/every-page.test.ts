import t from 'tap'
import { browse, browseAs } from '../support/browse.ts'
import { type OpenedApp, openApp, PASSWORD } from '../support/harness.ts'
import { setAdministrator } from '../support/members.ts'

type Browser = Awaited<ReturnType<typeof browseAs>>

/** Markup that no page may show as such, in every place where a text can stand. */
const markup = (field: string) => `<b title="x" id='${field}'>&amp;`
const escaped = (field: string) => `&#60;b title&#61;&#34;x&#34; id&#61;&#39;${field}&#39;&#62;&#38;amp;`

/** Puts markup into each text that members or administrators write. A new text is one entry. */
const TEXTS: Record<string, (ada: Browser, bob: Browser) => Promise<{ status: number; body: string }>> = {
  'own-name': (ada) => ada.post('/app/account', { name: markup('own-name'), email: ada.email }),
  'other-name': (_, bob) => bob.post('/app/account', { name: markup('other-name'), email: bob.email }),
  video: (ada) => ada.post('/app/toolkit/videos', { title: markup('video'), url: 'https://a.example/v.mp4' }),
  song: async (ada) => {
    const path = '/app/toolkit/playlist'
    const etag = /name="etag" value="([^"]*)"/.exec((await ada.get(path)).body)?.[1] as string
    return ada.post(path, {
      etag: etag.replaceAll('&#34;', '"').replaceAll('&#61;', '='),
      title: markup('song'),
      url: 'https://a.example/a.mp3',
    })
  },
  place: (ada) =>
    ada.post('/app/toolkit/location', { latitude: '51.5', longitude: '0', label: markup('place') }),
  'place-of-a-friend': (_, bob) =>
    bob.post('/app/toolkit/location', {
      latitude: '51.5',
      longitude: '0',
      label: markup('place-of-a-friend'),
      shared: 'yes',
    }),
  question: (ada) =>
    ada.post('/app/admin/polls', {
      question: markup('question'),
      description: markup('description'),
      choices: `${markup('choice')}\r\nAnother`,
      opensAt: '',
      closesAt: '',
      resultsShown: 'after-vote',
    }),
}
/** Further texts that the entries above write. */
const MORE_TEXTS = ['search', 'description', 'choice']

/** Pages that no link leads to as it stands, because a person types. */
const TYPED = [`/app/community?${new URLSearchParams({ q: markup('search') })}`]

/** Every page that links lead to, by its address. */
async function crawl(
  browser: Browser,
  ...starts: string[]
): Promise<Map<string, { status: number; body: string }>> {
  const pages = new Map<string, { status: number; body: string }>()
  const waiting = [...starts]
  for (let url = waiting.pop(); url !== undefined; url = waiting.pop()) {
    if (pages.has(url)) continue
    const { statusCode: status, body } = await browser.send('GET', url)
    pages.set(url, { status, body })
    for (const [, href = ''] of body.matchAll(/<a [^>]*href="(\/app[^"#]*)/g))
      waiting.push(href.replaceAll('&#38;', '&').replaceAll('&#61;', '='))
  }
  return pages
}

/** Two friends, the first of them an administrator, who have written whatever can be written. */
async function openFriends(opened: OpenedApp): Promise<Browser> {
  const ada = await browseAs(opened, 'Ada')
  const bob = await browseAs(opened, 'Bob')
  await setAdministrator(opened, ada)
  await ada.post(`/app/friends/${bob.id}/request`)
  await bob.post(`/app/friends/${ada.id}/request`)
  for (const [text, write] of Object.entries(TEXTS)) {
    const shown = await write(ada, bob)
    if (shown.status !== 200)
      throw new Error(`${text}: ${/<div class="refusal".*?<\/div>/s.exec(shown.body)}`)
  }
  return ada
}

t.test('markup that members write is text on every page', async (t) => {
  const opened = await openApp(t)
  const ada = await openFriends(opened)
  const pages = await crawl(ada, '/app', ...TYPED)
  for (const [url, { body }] of pages) {
    t.notMatch(body, '<b title', url)
    t.notMatch(body, 'title="x"', url)
    t.notMatch(body, "id='", url)
  }
  const all = [...pages.values()].map(({ body }) => body).join('\n')
  for (const field of [...Object.keys(TEXTS), ...MORE_TEXTS])
    t.ok(all.includes(escaped(field)), `${field} is shown`)
})

t.test('every link leads to a page, whose headings, names and ids are in order', async (t) => {
  const opened = await openApp(t)
  const ada = await openFriends(opened)
  const pages = await crawl(ada, '/app')
  t.ok(pages.size > 8, `${pages.size} pages`)
  for (const [url, { status, body }] of pages) {
    t.equal(status, 200, url)
    const levels = [...body.matchAll(/<h([1-6])/g)].map(([, level]) => Number(level))
    t.equal(levels.filter((level) => level === 1).length, 1, `${url} has one main heading`)
    levels.forEach((level, index) => {
      t.ok(level <= (levels[index - 1] ?? 0) + 1, `${url}: no level of headings is skipped: ${levels}`)
    })
    const ids = [...body.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id)
    t.strictSame(ids, [...new Set(ids)], `${url}: an id stands once`)
    for (const [, id = ''] of body.matchAll(/ (?:for|aria-describedby|aria-labelledby)="([^"]*)"/g))
      for (const each of id.split(' ')) t.ok(ids.includes(each), `${url}: ${each} is there`)
    for (const [control, id = ''] of body.matchAll(
      /<(?:input|select|textarea)\b[^>]*?(?: id="([^"]*)"[^>]*)?>/g,
    ))
      if (!/type="hidden"|hidden>|aria-label=/.test(control)) {
        const isWrapped = /<label[^>]*>[^<]*$/.test(body.slice(0, body.indexOf(control)))
        t.ok(isWrapped || body.includes(`for="${id}"`), `${url}: ${control} has a label`)
      }
    t.notMatch(body, / style="|<script>|<style|javascript:| on[a-z]+="/, `${url}: nothing is inline`)
  }
})

t.test('a stranger logs in and comes to the page that was asked for', async (t) => {
  const opened = await openApp(t)
  const ada = await openFriends(opened)
  const urls = opened.app
    .routeShapes()
    .filter(({ method, url, page }) => method === 'GET' && url.startsWith('/app') && page !== false)
    .map(({ url }) => `${url.replaceAll(/:\w+/g, '1')}?cursor=a%2Fb`)
  t.ok(urls.length > 10)
  for (const url of urls) {
    const stranger = browse(opened.app)
    const { statusCode, headers } = await stranger.send('GET', url)
    if (['/app', '/app/log-in', '/app/sign-up'].some((open) => url.startsWith(`${open}?`))) {
      t.equal(statusCode, 200, url)
      continue
    }
    t.equal(statusCode, 303, url)
    t.equal(headers.location, `/app/log-in?${new URLSearchParams({ next: url })}`)
    const form = await stranger.get(String(headers.location))
    const action = /action="([^"]*)"/.exec(
      form.body.split('class="card"')[0]?.split('<form').at(-1) ?? '',
    )?.[1]
    const sent = await stranger.send('POST', String(action).replaceAll('&#61;', '='), {
      email: ada.email,
      password: PASSWORD,
    })
    t.equal(sent.headers.location, url)
  }
})
