import { type Test, test } from 'tap'
import { browse } from '../support/browse.ts'
import { type OpenAppOptions, type OpenedApp, openApp, PASSWORD } from '../support/harness.ts'

const HOSTILE = '"><script>alert(1)</script>'
const FILE = 'https://media.example/a.mp4'

type Person = ReturnType<typeof browse> & { id: number }

async function arrive({ app, db }: OpenedApp, name: string): Promise<Person> {
  const email = `${name.toLowerCase()}@example.com`
  const person = browse(app)
  await person.post('/app/sign-up', { name, email, password: PASSWORD })
  const { id } = await db
    .selectFrom('users')
    .select('id')
    .where('email_key', '=', email)
    .executeTakeFirstOrThrow()
  return { ...person, id }
}

async function open(t: Test, options?: OpenAppOptions) {
  const opened = await openApp(t, options)
  return { opened, ada: await arrive(opened, 'Ada') }
}

/** Value of the first field of this name in the page. */
function fieldOf(body: string, name: string): string {
  const tag = new RegExp(`<input[^>]* name="${name}"[^>]*>`).exec(body)?.[0] ?? ''
  return (/ value="([^"]*)"/.exec(tag)?.[1] ?? '').replaceAll('&#34;', '"')
}

const policyOf = async (person: Person, path: string) =>
  String((await person.send('GET', path)).headers['content-security-policy'])

/** Texts of the links of a list, in order. */
const linked = (body: string, path: string) =>
  [...body.matchAll(new RegExp(`<a href="${path}/(\\d+)">([^<]*)</a>`, 'g'))].map(
    ([, , text]) => text as string,
  )

test('videos are saved, moved, renamed and removed with plain forms', async (t) => {
  const { ada } = await open(t)
  const LIST = '/app/toolkit/videos'
  t.match((await ada.get('/app/toolkit')).body, '0 videos')
  t.match((await ada.get(LIST)).body, 'You have saved no video yet.')
  for (const title of ['A', 'B', 'C']) {
    const { path } = await ada.post(LIST, { title, url: FILE })
    t.equal(path, LIST)
  }
  const idOf = async (title: string) =>
    new RegExp(`videos/(\\d+)">${title}<`).exec((await ada.get(LIST)).body)?.[1] as string
  t.strictSame(linked((await ada.post(`${LIST}/${await idOf('C')}/move`, { to: '1' })).body, LIST), [
    'C',
    'A',
    'B',
  ])
  t.strictSame(linked((await ada.post(`${LIST}/${await idOf('A')}/remove`)).body, LIST), ['C', 'B'])
  const renamed = await ada.post(`${LIST}/${await idOf('B')}`, { title: HOSTILE })
  t.match(renamed.body, '<h1>&#34;&#62;&#60;script&#62;')
  t.notMatch(renamed.body, HOSTILE)
  t.notMatch((await ada.get(LIST)).body, HOSTILE)
  t.match((await ada.get('/app/toolkit')).body, '2 videos')
})

test('a refused video keeps what was typed, and says at its field what is wrong', async (t) => {
  const { ada } = await open(t)
  const refused = await ada.post('/app/toolkit/videos', {
    title: HOSTILE,
    url: 'https://youtube.com.evil.example/watch?v=dQw4w9WgXcQ',
  })
  t.equal(refused.status, 422)
  t.match(refused.body, 'value="&#34;&#62;&#60;script&#62;alert(1)&#60;/script&#62;"')
  t.match(refused.body, 'value="https://youtube.com.evil.example/watch?v&#61;dQw4w9WgXcQ"')
  t.match(refused.body, /id="url-error">must be a video of YouTube or Vimeo/)
  t.notMatch(refused.body, HOSTILE)
})

test('only the page of a video may load it, and from its provider alone', async (t) => {
  const { ada } = await open(t)
  const LIST = '/app/toolkit/videos'
  const cases = {
    'https://youtu.be/dQw4w9WgXcQ': [
      'https://www.youtube-nocookie.com/embed/dQw4w9WgXcQ',
      'frame-src https://www.youtube-nocookie.com',
    ],
    'https://vimeo.com/76979871/d9e6f1a2b3': [
      'https://player.vimeo.com/video/76979871?h&#61;d9e6f1a2b3&#38;dnt&#61;1',
      'frame-src https://player.vimeo.com',
    ],
    [FILE]: [FILE, 'media-src https:'],
  }
  for (const [url, [source, allowed]] of Object.entries(cases)) {
    await ada.post(LIST, { title: url.slice(8, 12), url })
    const { body } = await ada.get(LIST)
    t.notMatch(body, /<(iframe|video|img|source)\b/, 'the list loads nothing')
    t.notMatch(await policyOf(ada, LIST), /(frame|media)-src/)
    const id =
      /videos\/(\d+)">[^<]*<\/a> <span class="tag">[^<]*<\/span><\/span>\n<div class="actions">(?:(?!Down).)*<\/li>/.exec(
        body,
      )?.[1]
    const page = await ada.get(`${LIST}/${id}`)
    t.match(page.body, `src="${source}"`)
    const policy = await policyOf(ada, `${LIST}/${id}`)
    t.equal(policy.split('; ').at(-1), allowed)
    if (url === FILE) continue
    for (const attribute of [
      'referrerpolicy="strict-origin-when-cross-origin"',
      'sandbox="allow-scripts allow-same-origin allow-presentation"',
      'allow="fullscreen; encrypted-media; picture-in-picture"',
      'loading="lazy"',
      'title="',
    ])
      t.match(/<iframe[^>]*>/.exec(page.body)?.[0], attribute)
  }
})

test('pages of the toolkit show a member nothing of another one', async (t) => {
  const { opened, ada } = await open(t)
  const eve = await arrive(opened, 'Eve')
  await ada.post('/app/toolkit/videos', { title: 'Mine', url: FILE })
  const id = /videos\/(\d+)"/.exec((await ada.get('/app/toolkit/videos')).body)?.[1]
  t.notMatch((await eve.get('/app/toolkit/videos')).body, 'Mine')
  t.equal((await eve.get(`/app/toolkit/videos/${id}`)).status, 404)
  t.equal((await eve.post(`/app/toolkit/videos/${id}`, { title: 'Eve' })).status, 404)
  t.equal((await eve.post(`/app/toolkit/videos/${id}/remove`)).status, 404)
  t.equal((await eve.post(`/app/toolkit/videos/${id}/move`, { to: '1' })).status, 404)
  t.match((await ada.get('/app/toolkit/videos')).body, 'Mine')
})

test('a playlist is changed with plain forms', async (t) => {
  const { ada } = await open(t)
  const PATH = '/app/toolkit/playlist'
  const titles = (body: string) => [...body.matchAll(/class="grow">([^<]*)</g)].map(([, title]) => title)
  let { body } = await ada.get(PATH)
  for (const title of ['A', 'B', 'C'])
    body = (
      await ada.post(PATH, { etag: fieldOf(body, 'etag'), title, url: `https://media.example/${title}.mp3` })
    ).body
  t.strictSame(titles(body), ['A', 'B', 'C'])
  body = (await ada.post(`${PATH}/move`, { etag: fieldOf(body, 'etag'), from: '2', to: '0' })).body
  t.strictSame(titles(body), ['C', 'A', 'B'])
  body = (await ada.post(`${PATH}/move`, { etag: fieldOf(body, 'etag'), from: '0', to: '1' })).body
  t.strictSame(titles(body), ['A', 'C', 'B'])
  body = (await ada.post(`${PATH}/remove`, { etag: fieldOf(body, 'etag'), index: '1' })).body
  t.strictSame(titles(body), ['A', 'B'])
  t.match(body, /<audio controls preload="none" src="https:\/\/media\.example\/A\.mp3" aria-label="A">/)
  t.match(await policyOf(ada, PATH), /; media-src https:$/)
  body = (await ada.post(`${PATH}/remove`, { etag: fieldOf(body, 'etag'), index: '99' })).body
  t.strictSame(titles(body), ['A', 'B'], 'a place that is none changes nothing')
  body = (await ada.post(`${PATH}/move`, { etag: fieldOf(body, 'etag'), from: '99', to: '0' })).body
  t.strictSame(titles(body), ['A', 'B'])
})

test('the second of two tabs overwrites nothing: it is shown the list as it is, with what was typed', async (t) => {
  const { ada } = await open(t)
  const PATH = '/app/toolkit/playlist'
  const etag = fieldOf((await ada.get(PATH)).body, 'etag')
  await ada.post(PATH, { etag, title: 'First tab', url: 'https://media.example/1.mp3' })
  const typed = { title: `Second ${HOSTILE}`, url: 'https://media.example/2.mp3' }
  const refused = await ada.post(PATH, { etag, ...typed })
  t.equal(refused.status, 412)
  t.match(refused.body, 'role="alert"')
  t.match(refused.body, 'The playlist was changed since you read it')
  t.match(refused.body, 'class="grow">First tab<')
  t.match(refused.body, 'value="Second &#34;&#62;&#60;script&#62;')
  t.equal(fieldOf(refused.body, 'url'), typed.url)
  const again = fieldOf(refused.body, 'etag')
  t.not(again, etag)
  t.equal((await ada.post(`${PATH}/remove`, { etag, index: '0' })).status, 412)
  t.equal((await ada.post(`${PATH}/move`, { etag, from: '0', to: '0' })).status, 412)
  const { status, body } = await ada.post(PATH, { etag: again, ...typed })
  t.equal(status, 200)
  t.match(body, /First tab[\s\S]*Second/)
  t.notMatch(body, HOSTILE)
})

test('an entry that breaks a rule is refused at its field', async (t) => {
  const { ada } = await open(t)
  const PATH = '/app/toolkit/playlist'
  const etag = fieldOf((await ada.get(PATH)).body, 'etag')
  for (const url of ['http://media.example/a.mp3', 'javascript:alert(1)', 'https://a:b@media.example/', ''])
    t.match((await ada.post(PATH, { etag, title: 'A', url })).body, 'id="url-error"', url)
  t.match((await ada.post(PATH, { etag, title: ' ', url: FILE })).body, 'id="title-error"')
  for (const fields of [
    { etag, index: '-1' },
    { etag, index: '1.5' },
    { etag, index: '' },
    { etag },
    { index: '0' },
  ])
    t.equal((await ada.post(`${PATH}/remove`, fields as Record<string, string>)).status, 422)
})

test('a playlist that is full takes no more', async (t) => {
  const { opened, ada } = await open(t)
  const entries = Array.from({ length: 100 }, (_, index) => ({ title: `Song ${index}`, url: FILE }))
  await opened.db
    .insertInto('playlists')
    .values({ user_id: ada.id, version: 1, entries: JSON.stringify(entries) })
    .execute()
  const { body } = await ada.get('/app/toolkit/playlist')
  t.match(body, 'which is the most')
  const refused = await ada.post('/app/toolkit/playlist', {
    etag: fieldOf(body, 'etag'),
    title: 'One more',
    url: FILE,
  })
  t.equal(refused.status, 422)
  t.match(refused.body, 'A playlist holds at most 100 entries')
})

test('a place is typed, shown on a map from this service, shared, and forgotten', async (t) => {
  const { opened, ada } = await open(t)
  const grace = await arrive(opened, 'Grace')
  const PATH = '/app/toolkit/location'
  const friends = `/app/users/${ada.id}/location`
  const place = { latitude: '-33.8568', longitude: '151.2153', accuracy: '', label: `Opera ${HOSTILE}` }
  const saved = await ada.post(PATH, place)
  t.equal(saved.path, PATH)
  t.match(saved.body, /<circle class="mark" cx="331\.2153" cy="123\.8568" r="4"/)
  t.match(saved.body, 'Only you see it')
  t.match(saved.body, '33.8568° south, 151.2153° east')
  t.notMatch(saved.body, HOSTILE)
  t.notMatch(saved.body, / style=|<style|src="https?:/)
  t.equal((await grace.get(friends)).status, 404)

  await opened.db
    .insertInto('friendships')
    .values({
      low_id: ada.id,
      high_id: grace.id,
      status: 'friends',
      requested_by: ada.id,
      requested_at: 1,
      friends_since: 1,
    })
    .execute()
  t.equal((await grace.get(friends)).status, 404, 'not shared')
  t.match((await ada.post(PATH, { ...place, shared: 'yes' })).body, 'Your friends see it')
  const seen = await grace.get(friends)
  t.match(seen.body, '<h1>Where Ada is</h1>')
  t.match(seen.body, 'cx="331.2153')
  t.notMatch(seen.body, HOSTILE)
  t.match((await ada.get('/app/toolkit')).body, 'your friends see it')

  t.match((await ada.post(`${PATH}/forget`)).body, 'You have saved no place.')
  t.equal((await grace.get(friends)).status, 404)
})

test('a place that breaks a rule is refused at its field, with what was typed', async (t) => {
  const { ada } = await open(t)
  const valid = { latitude: '1', longitude: '2', accuracy: '3', label: 'x' }
  for (const [field, texts] of Object.entries({
    latitude: ['', ' ', '91', 'north', 'NaN', '-Infinity', '1,5', '1e9'],
    longitude: ['', '181', '１', '1;2'],
    accuracy: ['-1', 'far', '1e300'],
    label: ['\u202Ex', 'x'.repeat(81), '\u0000'],
  }))
    for (const text of texts) {
      const refused = await ada.post('/app/toolkit/location', { ...valid, [field]: text, shared: 'yes' })
      const name = `${field}: ${JSON.stringify(text.slice(0, 10))}`
      t.equal(refused.status, 422, name)
      t.match(refused.body, `id="${field}-error"`, name)
      t.match(refused.body, 'value="yes" checked', name)
    }
  t.equal((await ada.post('/app/toolkit/location', { ...valid, shared: 'no' })).status, 422)
  t.match((await ada.get('/app/toolkit/location')).body, 'You have saved no place.')
})

test('only the page of one’s own place may ask the browser where the person is', async (t) => {
  const { ada } = await open(t)
  const policy = async (path: string) => (await ada.send('GET', path)).headers['permissions-policy']
  t.equal(await policy('/app/toolkit/location'), 'geolocation=(self)')
  for (const path of ['/app/toolkit', '/app/toolkit/videos', '/app/toolkit/playlist', '/app'])
    t.equal(await policy(path), 'geolocation=()', path)
})

test('the outlines of the world are one picture, for browsers to keep', async (t) => {
  const { app } = await openApp(t)
  const reply = await app.inject({ url: '/app/assets/world.svg' })
  t.equal(reply.statusCode, 200)
  t.equal(reply.headers['content-type'], 'image/svg+xml')
  t.equal(reply.headers['cache-control'], 'public, max-age=86400')
  t.ok(reply.body.length > 30_000 && reply.body.length < 100_000, `${reply.body.length} characters`)
  t.match(
    reply.body,
    /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" viewBox="0 0 360 180"><path fill="#\w+" d="M[-\dMLZ. ]+"\/><\/svg>$/,
  )
})

test('with a server of tiles, the page of a place shows nine of them, and may load pictures from it alone', async (t) => {
  const mapTilesUrl = 'https://tile.example/{z}/{x}/{y}.png?key=1'
  const place = { latitude: '52.52', longitude: '13.405', accuracy: '', label: '' }
  for (const mapTilesAttribution of ['© the <makers> of the map', '']) {
    const { ada } = await open(t, { config: { mapTilesUrl, mapTilesAttribution } })
    const PATH = '/app/toolkit/location'
    t.match(await policyOf(ada, PATH), "img-src 'self';", 'without a place there is no map')
    const { body } = await ada.post(PATH, place)
    const tiles = [...body.matchAll(/<img src="https:\/\/tile\.example\/12\/(\d+)\/(\d+)\.png\?key&#61;1"/g)]
    if (mapTilesAttribution === '') {
      t.equal(tiles.length, 0, 'none without an attribution')
      t.match(await policyOf(ada, PATH), "img-src 'self';")
      continue
    }
    t.strictSame(
      tiles.map(([, x, y]) => `${x}/${y}`),
      [1342, 1343, 1344].flatMap((y) => [2199, 2200, 2201].map((x) => `${x}/${y}`)),
    )
    t.match(await policyOf(ada, PATH), "img-src 'self' https://tile.example;")
    t.match(body, '© the &#60;makers&#62; of the map')
  }
})
