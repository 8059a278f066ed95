import { test } from 'tap'
import { openApp } from '../support/harness.ts'
import { addMembers, type TestMember } from '../support/members.ts'

test('the toolkit tells what a member has, and nothing of others', async (t) => {
  const opened = await openApp(t)
  const [ada, eve] = (await addMembers(opened, 'Ada', 'Eve')) as [TestMember, TestMember]
  const nothing = {
    videos: { count: 0, max: 100, url: '/v1/me/videos' },
    playlist: { count: 0, max: 100, url: '/v1/me/playlist' },
    feeds: { count: 0, max: 10, url: '/v1/me/feeds' },
    location: { saved: false, shared: false, url: '/v1/me/location' },
  }
  t.strictSame((await ada.ask('GET', '/v1/toolkit')).json(), nothing)
  const url = 'https://media.example/a.mp4'
  for (const title of ['A', 'B']) await ada.ask('POST', '/v1/me/videos', { title, url })
  await opened.ask({
    method: 'PUT',
    url: '/v1/me/playlist',
    headers: { authorization: `Bearer ${ada.token}`, 'if-match': '*' },
    payload: { entries: [1, 2, 3].map((number) => ({ title: `Song ${number}`, url })) },
  })
  const { id: feed_id } = await opened.db
    .insertInto('feeds')
    .values({ url: 'https://news.example/feed' })
    .returning('id')
    .executeTakeFirstOrThrow()
  await opened.db.insertInto('feed_subscriptions').values({ user_id: ada.id, feed_id, position: 0 }).execute()
  await ada.ask('PUT', '/v1/me/location', { latitude: 1, longitude: 2, shared: true })
  t.match((await ada.ask('GET', '/v1/toolkit')).json(), {
    videos: { count: 2 },
    playlist: { count: 3 },
    feeds: { count: 1 },
    location: { saved: true, shared: true },
  })
  t.strictSame((await eve.ask('GET', '/v1/toolkit')).json(), nothing)
})
