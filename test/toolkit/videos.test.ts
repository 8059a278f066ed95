import { test } from 'tap'
import { openApp } from '../support/harness.ts'
import { addMembers, LEAVING, type TestMember, tableOf } from '../support/members.ts'

const URLS = {
  youtube: 'https://youtu.be/dQw4w9WgXcQ?si=x',
  vimeo: 'https://vimeo.com/76979871/d9e6f1a2b3',
  file: 'https://media.example/film.mp4',
}

interface Video {
  id: number
  title: string
  position: number
}

async function listOf(member: TestMember): Promise<Video[]> {
  return (await member.ask('GET', '/v1/me/videos')).json().data
}

async function titlesOf(member: TestMember): Promise<string> {
  const videos = await listOf(member)
  const positions = videos.map(({ position }) => position)
  if (positions.some((position, index) => position !== index + 1)) throw new Error(`positions ${positions}`)
  return videos.map(({ title }) => title).join('')
}

async function add(member: TestMember, title: string, url = URLS.file) {
  return member.ask('POST', '/v1/me/videos', { title, url })
}

test('videos are saved at the end of the list, with the address of their frame', async (t) => {
  const opened = await openApp(t)
  const [ada] = (await addMembers(opened, 'Ada')) as [TestMember]
  t.strictSame((await ada.ask('GET', '/v1/me/videos')).json(), { data: [], page: { nextCursor: null } })
  const first = await add(ada, '  Never <b>gonna</b>  ', URLS.youtube)
  t.equal(first.statusCode, 201)
  t.match(first.json(), {
    title: 'Never <b>gonna</b>',
    provider: 'youtube',
    url: 'https://www.youtube.com/watch?v=dQw4w9WgXcQ',
    embedUrl: 'https://www.youtube-nocookie.com/embed/dQw4w9WgXcQ',
    position: 1,
  })
  t.match((await add(ada, 'B', URLS.vimeo)).json(), {
    provider: 'vimeo',
    url: URLS.vimeo,
    embedUrl: 'https://player.vimeo.com/video/76979871?h=d9e6f1a2b3&dnt=1',
    position: 2,
  })
  t.match((await add(ada, 'C')).json(), { provider: 'file', url: URLS.file, embedUrl: null, position: 3 })
  t.strictSame((await listOf(ada))[0], first.json())
})

test('a video moves to every place, and the others keep their order', async (t) => {
  const opened = await openApp(t)
  const [ada, grace] = (await addMembers(opened, 'Ada', 'Grace')) as [TestMember, TestMember]
  for (const title of 'ABCDE') await add(ada, title)
  for (const title of 'XYZ') await add(grace, title)
  const move = async (title: string, position: number) => {
    const { id } = (await listOf(ada)).find((video) => video.title === title) as Video
    return ada.ask('PATCH', `/v1/me/videos/${id}`, { position })
  }
  for (const [title, position, order] of [
    ['A', 3, 'BCADE'],
    ['A', 1, 'ABCDE'],
    ['E', 1, 'EABCD'],
    ['E', 100, 'ABCDE'],
    ['C', 3, 'ABCDE'],
    ['B', 4, 'ACDBE'],
    ['D', 2, 'ADCBE'],
  ] as const) {
    t.equal((await move(title, position)).json().position, Math.min(position, 5), `${title} to ${position}`)
    t.equal(await titlesOf(ada), order, `${title} to ${position}`)
  }
  const [first] = (await listOf(ada)) as [Video]
  t.match((await ada.ask('PATCH', `/v1/me/videos/${first.id}`, { title: 'a', position: 2 })).json(), {
    title: 'a',
    position: 2,
  })
  t.equal(await titlesOf(ada), 'DaCBE')
  t.equal((await ada.ask('DELETE', `/v1/me/videos/${first.id}`)).statusCode, 204)
  t.equal(await titlesOf(ada), 'DCBE')
  await add(ada, 'F')
  t.equal(await titlesOf(ada), 'DCBEF')
  t.equal(await titlesOf(grace), 'XYZ')
})

test('moves, removals and additions at once leave a list without gaps', async (t) => {
  const opened = await openApp(t)
  const [ada] = (await addMembers(opened, 'Ada')) as [TestMember]
  for (const title of 'ABCDEFGHIJ') await add(ada, title)
  const videos = await listOf(ada)
  const replies = await Promise.all(
    videos.flatMap(({ id }, index) => [
      ada.ask('PATCH', `/v1/me/videos/${id}`, { position: ((index * 7) % 10) + 1 }),
      ...(index % 3 === 0 ? [ada.ask('DELETE', `/v1/me/videos/${id}`)] : []),
      add(ada, `x${index}`),
    ]),
  )
  // A removal may come before the move of the same video.
  t.ok(replies.every(({ statusCode }) => [200, 201, 204, 404].includes(statusCode)))
  await titlesOf(ada)
  t.equal((await listOf(ada)).length, 16)
})

test('a member has at most 100 videos, also when they are added at once', async (t) => {
  const opened = await openApp(t)
  const [ada, grace] = (await addMembers(opened, 'Ada', 'Grace')) as [TestMember, TestMember]
  const replies = await Promise.all(Array.from({ length: 105 }, (_, index) => add(ada, `Video ${index}`)))
  t.equal(replies.filter(({ statusCode }) => statusCode === 201).length, 100)
  const refused = replies.filter(({ statusCode }) => statusCode === 409)
  t.equal(refused.length, 5)
  t.match(refused[0]?.json(), { type: '/problems/too-many-videos', max: 100 })
  t.equal((await listOf(ada)).length, 100)
  t.equal((await add(grace, 'Another member is not concerned')).statusCode, 201)
  await ada.ask('DELETE', `/v1/me/videos/${(await listOf(ada))[50]?.id}`)
  t.equal((await add(ada, 'Again')).statusCode, 201)
})

test('a video that breaks a rule is refused with the defects at its fields, and nothing is saved', async (t) => {
  const opened = await openApp(t)
  const [ada] = (await addMembers(opened, 'Ada')) as [TestMember]
  const { id } = (await add(ada, 'A')).json()
  const fieldsOf = (reply: { json(): { errors?: { pointer?: string }[] } }) =>
    reply.json().errors?.map(({ pointer }) => pointer)
  const both = await add(ada, '   ', 'http://media.example/a.mp4')
  t.equal(both.statusCode, 422)
  t.strictSame(fieldsOf(both), ['#/title', '#/url'])
  for (const [title, url] of [
    ['', URLS.file],
    ['x'.repeat(121), URLS.file],
    ['A\u202Edettimo', URLS.file],
    ['A\u0000', URLS.file],
    ['A\uD800', URLS.file],
    ['A\u200Bb', URLS.file],
    ['A', 'https://youtube.com.evil.example/watch?v=dQw4w9WgXcQ'],
    ['A', 'javascript:alert(1)//.mp4'],
    ['A', `https://media.example/${'x'.repeat(2048)}.mp4`],
  ] as const)
    t.equal((await add(ada, title, url)).statusCode, 422, JSON.stringify([title, url.slice(0, 60)]))
  for (const body of [
    {},
    { position: 0 },
    { position: 101 },
    { position: 1.5 },
    { position: '1' },
    { position: null },
    { title: ' ' },
    { title: 5 },
    { url: URLS.file },
  ])
    t.equal((await ada.ask('PATCH', `/v1/me/videos/${id}`, body)).statusCode, 422, JSON.stringify(body))
  t.equal(await titlesOf(ada), 'A')
})

test('a video is its member’s alone, and goes with the account', async (t) => {
  const opened = await openApp(t)
  const [ada, eve] = (await addMembers(opened, 'Ada', 'Eve')) as [TestMember, TestMember]
  const { id } = (await add(ada, 'A')).json()
  t.strictSame(await listOf(eve), [])
  t.equal((await eve.ask('PATCH', `/v1/me/videos/${id}`, { title: 'Mine' })).statusCode, 404)
  t.equal((await eve.ask('DELETE', `/v1/me/videos/${id}`)).statusCode, 404)
  t.equal(await titlesOf(ada), 'A')
  await ada.ask('DELETE', '/v1/me', LEAVING)
  t.strictSame(tableOf(opened.file, 'videos'), [])
})
