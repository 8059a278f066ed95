import type { LightMyRequestResponse as Reply } from 'fastify'
import { test } from 'tap'
import { getPlaylist, replacePlaylist } from '../../src/toolkit/playlist/playlist.ts'
import { type OpenedApp, openApp } from '../support/harness.ts'
import { addMembers, LEAVING, type TestMember, tableOf } from '../support/members.ts'

const PATH = '/v1/me/playlist'

const entry = (title: string) => ({ title, url: `https://media.example/${encodeURIComponent(title)}` })

function put(
  { ask }: OpenedApp,
  { token }: TestMember,
  ifMatch: string | undefined,
  ...titles: string[]
): Promise<Reply> {
  const headers = { authorization: `Bearer ${token}`, ...(ifMatch !== undefined && { 'if-match': ifMatch }) }
  return ask({ method: 'PUT', url: PATH, headers, payload: { entries: titles.map(entry) } })
}

async function etagOf(member: TestMember): Promise<string> {
  return String((await member.ask('GET', PATH)).headers.etag)
}

async function titlesOf(member: TestMember): Promise<string[]> {
  const { entries } = (await member.ask('GET', PATH)).json()
  return entries.map(({ title }: { title: string }) => title)
}

test('a playlist is empty first, and is replaced as a whole by who knows its version', async (t) => {
  const opened = await openApp(t)
  const [ada] = (await addMembers(opened, 'Ada')) as [TestMember]
  const empty = await ada.ask('GET', PATH)
  t.strictSame(empty.json(), { entries: [] })
  const written = await put(opened, ada, String(empty.headers.etag), 'B', 'A')
  t.equal(written.statusCode, 200)
  t.strictSame(written.json(), { entries: [entry('B'), entry('A')] })
  t.not(written.headers.etag, empty.headers.etag)
  const read = await ada.ask('GET', PATH)
  t.strictSame([read.json(), read.headers.etag], [written.json(), written.headers.etag])
  t.match(read.headers.etag, /^"/, 'it is a strong one')
  t.equal((await put(opened, ada, String(read.headers.etag))).statusCode, 200)
  t.strictSame(await titlesOf(ada), [])
})

test('a change that names no version, or an old one, writes nothing', async (t) => {
  const opened = await openApp(t)
  const [ada] = (await addMembers(opened, 'Ada')) as [TestMember]
  const first = await etagOf(ada)
  await put(opened, ada, first, 'A')
  const without = await put(opened, ada, undefined, 'B')
  t.match([without.statusCode, without.json().type], [428, '/problems/precondition-required'])
  const now = await etagOf(ada)
  for (const old of [
    first,
    `W/${now}`,
    '"nothing"',
    now.replaceAll('"', ''),
    '',
    ' ',
    ',',
    `"${'x'.repeat(500)}"`,
  ]) {
    const refused = await put(opened, ada, old, 'B')
    t.match([refused.statusCode, refused.json().type], [412, '/problems/precondition-failed'], old)
  }
  t.strictSame(await titlesOf(ada), ['A'])
  t.equal((await put(opened, ada, `${first}, ${now}`, 'C')).statusCode, 200, 'one of several')
  t.equal((await put(opened, ada, '*', 'D')).statusCode, 200, 'any')
  t.strictSame(await titlesOf(ada), ['D'])
})

test('of changes of the same version at once, one is written', async (t) => {
  const opened = await openApp(t)
  const [ada] = (await addMembers(opened, 'Ada')) as [TestMember]
  // The first change inserts, the second updates.
  for (const round of [1, 2]) {
    const etag = await etagOf(ada)
    const replies = await Promise.all(
      Array.from({ length: 8 }, (_, index) => put(opened, ada, etag, `${round} of ${index}`)),
    )
    const statuses = replies.map(({ statusCode }) => statusCode)
    t.strictSame(statuses.toSorted(), [200, ...Array.from({ length: 7 }, () => 412)], `round ${round}`)
    t.strictSame(await titlesOf(ada), [`${round} of ${statuses.indexOf(200)}`])
  }
})

test('of writers that have all looked up the same version, one writes', async (t) => {
  const { db, ...opened } = await openApp(t)
  const [ada] = (await addMembers({ db, ...opened }, 'Ada')) as [TestMember]
  for (const round of [1, 2]) {
    const { etag } = await getPlaylist(db, ada.id)
    // Without requests around them, all look-ups come before the first write.
    const writes = await Promise.allSettled(
      ['A', 'B', 'C'].map((title) => replacePlaylist(db, ada.id, etag, [entry(title)])),
    )
    t.strictSame(
      writes.map((write) => (write.status === 'rejected' ? write.reason.code : 'written')).toSorted(),
      ['precondition-failed', 'precondition-failed', 'written'],
      `round ${round}`,
    )
  }
})

test('a version that is known is not sent again', async (t) => {
  const opened = await openApp(t)
  const [ada] = (await addMembers(opened, 'Ada')) as [TestMember]
  const ask = (known: string) =>
    opened.ask({ url: PATH, headers: { authorization: `Bearer ${ada.token}`, 'if-none-match': known } })
  const etag = await etagOf(ada)
  for (const known of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
    const reply = await ask(known)
    t.strictSame([reply.statusCode, reply.body, reply.headers.etag], [304, '', etag], known)
  }
  for (const unknown of ['"x"', '', etag.replaceAll('"', '')])
    t.equal((await ask(unknown)).statusCode, 200, unknown)
})

test('a playlist holds 100 entries of the longest kind', async (t) => {
  const opened = await openApp(t)
  const [ada] = (await addMembers(opened, 'Ada')) as [TestMember]
  const headers = { authorization: `Bearer ${ada.token}`, 'if-match': await etagOf(ada) }
  const start = 'https://media.example/'
  const longest = { title: '𝒢'.repeat(120), url: start + 'x'.repeat(2048 - start.length) }
  const send = (count: number) =>
    opened.ask({
      method: 'PUT',
      url: PATH,
      headers,
      payload: { entries: Array.from({ length: count }, () => longest) },
    })
  t.equal((await send(101)).statusCode, 422)
  t.equal((await send(100)).statusCode, 200)
  t.equal((await titlesOf(ada)).length, 100)
  t.equal((await send(120)).statusCode, 413)
})

test('every defect of a playlist is told at its place, and nothing is written', async (t) => {
  const opened = await openApp(t)
  const [ada] = (await addMembers(opened, 'Ada')) as [TestMember]
  const headers = { authorization: `Bearer ${ada.token}`, 'if-match': '*' }
  const send = (entries: unknown) => opened.ask({ method: 'PUT', url: PATH, headers, payload: { entries } })
  const reply = await send([
    entry('A'),
    { title: ' ', url: 'https://media.example/a' },
    { title: 'A\u202E', url: 'http://media.example/a' },
  ])
  t.equal(reply.statusCode, 422)
  t.strictSame(
    reply.json().errors.map(({ pointer }: { pointer: string }) => pointer),
    ['#/entries/1/title', '#/entries/2/title', '#/entries/2/url'],
  )
  for (const url of [
    'javascript:alert(1)',
    'data:audio/mpeg;base64,AAAA',
    'https://ada:secret@media.example/a.mp3',
    'https://media.example:8443/a.mp3',
    'https://127.0.0.1/a.mp3',
    'https://media.example/a b.mp3',
    '',
    'x'.repeat(2049),
  ])
    t.equal((await send([{ title: 'A', url }])).statusCode, 422, url.slice(0, 60))
  for (const entries of [
    null,
    {},
    'A',
    [null],
    ['A'],
    [[]],
    [{}],
    [{ title: 'A' }],
    [{ ...entry('A'), more: 1 }],
  ])
    t.equal((await send(entries)).statusCode, 422, JSON.stringify(entries))
  t.strictSame(tableOf(opened.file, 'playlists'), [])
})

test('a playlist is its member’s alone, and goes with the account', async (t) => {
  const opened = await openApp(t)
  const [ada, eve] = (await addMembers(opened, 'Ada', 'Eve')) as [TestMember, TestMember]
  await put(opened, ada, '*', 'A')
  t.strictSame(await titlesOf(eve), [])
  t.equal(
    (await put(opened, eve, await etagOf(ada), 'E')).statusCode,
    412,
    'the version of another member is none of hers',
  )
  await put(opened, eve, '*', 'E')
  t.strictSame(await titlesOf(ada), ['A'])
  await ada.ask('DELETE', '/v1/me', LEAVING)
  t.strictSame(
    tableOf(opened.file, 'playlists').map(({ user_id }) => user_id),
    [eve.id],
  )
})
