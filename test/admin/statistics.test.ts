import { test } from 'tap'
import { readStatistics } from '../../src/admin/statistics.ts'
import { until } from '../durable-otlp-exporter/exporting.ts'
import { openPolls } from '../polls/open-polls.ts'
import { openApp } from '../support/harness.ts'
import { addMembers, setAdministrator, type TestMember } from '../support/members.ts'
import { OtlpReceiver } from '../support/otlp-receiver.ts'

test('statistics count what is there, friendships without the requests for them', async (t) => {
  const opened = await openApp(t)
  const [ada, eve, grace] = (await addMembers(opened, 'Ada', 'Eve', 'Grace')) as [
    TestMember,
    TestMember,
    TestMember,
  ]
  await setAdministrator(opened, ada)
  const today = new Date().toISOString().slice(0, 10)
  const statistics = async () => (await ada.ask('GET', '/v1/admin/statistics')).json()

  await eve.ask('PUT', `/v1/me/friends/${ada.id}`)
  t.match(await statistics(), { members: 3, sessions: 3, friendships: 0, polls: 0, votes: 0 })
  await ada.ask('PUT', `/v1/me/friends/${eve.id}`)
  await grace.ask('PUT', `/v1/me/friends/${eve.id}`)
  t.match(await statistics(), { friendships: 1 })
  const { signUpsByDay } = await statistics()
  t.equal(
    signUpsByDay.reduce((sum: number, { count }: { count: number }) => sum + count, 0),
    3,
    'on one day, or on two around midnight',
  )
  t.match(signUpsByDay[0].day, today.slice(0, 8))
})

test('votes are told by poll, from the newest poll on', async (t) => {
  const { root, ada, grace, create, vote } = await openPolls(t)
  const statistics = async () => (await root.ask('GET', '/v1/admin/statistics')).json()
  t.match(await statistics(), { polls: 0, votes: 0, votesByPoll: [] })
  const [first, second] = [await create({ question: 'First?' }), await create({ question: 'Second?' })]
  await vote(ada, first)
  await vote(grace, first, 1)
  await vote(grace, first, 0)
  const { polls, votes, votesByPoll } = await statistics()
  t.strictSame([polls, votes], [2, 2])
  t.strictSame(votesByPoll, [
    { pollId: second.id, question: 'Second?', votes: 0 },
    { pollId: first.id, question: 'First?', votes: 2 },
  ])
})

test('the days with sign-ups are told of the last ninety, newest first', async (t) => {
  const opened = await openApp(t)
  const [ada] = (await addMembers(opened, 'Ada')) as [TestMember]
  await setAdministrator(opened, ada)
  const now = Date.UTC(2031, 0, 1)
  const dayOf = (daysAgo: number) => new Date(now - daysAgo * 86_400_000).toISOString().slice(0, 10)
  const days = Array.from({ length: 100 }, (_, daysAgo) => ({ day: dayOf(daysAgo), count: daysAgo + 1 }))
  for (const day of days) await opened.db.insertInto('sign_ups').values(day).execute()
  const { signUpsByDay } = await readStatistics(
    { db: opened.db, votesByPoll: async () => [], counted: opened.telemetry.counted },
    now,
  )
  t.strictSame(signUpsByDay, days.slice(0, 90))
  const told = (await ada.ask('GET', '/v1/admin/statistics')).json()
  t.strictSame(told.signUpsByDay.slice(0, 100), days, 'now they are all to come, before those of today')
})

test('what the process has counted is what arrives at the dashboards, tag by tag', async (t) => {
  const receiver = await OtlpReceiver.start(t)
  const env = { OTEL_METRICS_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url }
  const opened = await openApp(t, { env: { ...env, OTEL_METRIC_EXPORT_INTERVAL: '1000' } })
  const [ada, eve] = (await addMembers(opened, 'Ada', 'Eve')) as [TestMember, TestMember]
  await setAdministrator(opened, ada)
  for (let round = 0; round < 60; round++) {
    // A part is sent, and a part is not when the statistics are told.
    if (round === 30) await until(() => receiver.metrics('web.page_views').length > 0)
    await Promise.all([
      opened.ask({ url: '/' }),
      eve.ask('GET', '/v1/community'),
      eve.ask('GET', '/v1/me/friends'),
      eve.ask('GET', '/v1/admin/statistics'),
      ada.ask('GET', '/v1/admin/statistics'),
    ])
  }
  const told = (await ada.ask('GET', '/v1/admin/statistics')).json()
  const counted = await opened.telemetry.counted()
  await opened.telemetry.shutdown()

  t.match(told, { process: { instanceId: 'test', since: /^20.*Z$/ } })
  t.strictSame(told.viewsByPage, { home: 60, community: 60, friends: 60, statistics: 121 })
  const byPage = (totals: Record<string, number>) =>
    Object.fromEntries(Object.entries(totals).map(([attributes, n]) => [JSON.parse(attributes).page, n]))
  t.strictSame(told.viewsByPage, byPage(receiver.totals('web.page_views')))

  const queries = Object.fromEntries(
    Object.entries(counted.queriesByPage).map(([page, { count }]) => [page, count]),
  )
  t.strictSame(queries, byPage(receiver.totals('database.query.time')))
  for (const [page, { count, totalSeconds }] of Object.entries(counted.queriesByPage)) {
    t.equal(told.queryTimes[page].count, count, page)
    const sent = receiver.metrics('database.query.time').filter(({ attributes }) => attributes.page === page)
    const seconds = sent.reduce((sum, point) => sum + (point.sum ?? 0), 0)
    t.ok(Math.abs(seconds - totalSeconds) < 1e-9, `${page}: ${seconds} and ${totalSeconds} seconds`)
    t.ok(Math.abs(told.queryTimes[page].meanSeconds - totalSeconds / count) < 1e-9)
  }
})

test('without metrics the process has counted nothing, and says so', async (t) => {
  for (const env of [{}, { OTEL_SDK_DISABLED: 'true' }]) {
    const opened = await openApp(t, { env })
    const [ada] = (await addMembers(opened, 'Ada')) as [TestMember]
    await setAdministrator(opened, ada)
    const told = (await ada.ask('GET', '/v1/admin/statistics')).json()
    t.match(told, { members: 1, viewsByPage: {}, queryTimes: {} })
  }
})
