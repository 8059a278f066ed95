import t from 'tap'
import { deltaSum, metricJson, NOW_MS, openIntake, pointOf, post } from './client.ts'

const METRICS = '/api/v2/otlpmetrics'

t.test('counts, gauges and distributions are stored by tags, and answered by filter and group', async (t) => {
  const intake = await openIntake(t)
  const send = async (body: string) => t.equal((await post(intake.url + METRICS, body)).status, 200)
  await send(
    metricJson(
      'views',
      deltaSum(
        { attributes: { page: 'home', n: 1 }, asInt: '3' },
        { attributes: { page: 'home', n: 2 }, asInt: 4 },
        { attributes: { page: 'login', n: 1 }, asDouble: 0.5 },
        { attributes: { page: 'home', n: 1 }, asInt: '10', agoMs: 1250 },
      ),
    ),
  )
  t.same(intake.metrics.sum({ metric: 'views' }), { '': 17.5 })
  t.same(intake.metrics.sum({ metric: 'views', by: ['page'] }), { 'page:home': 17, 'page:login': 0.5 })
  t.same(intake.metrics.sum({ metric: 'views', filter: ['page:home', 'host:a-host'], by: ['page', 'n'] }), {
    'page:home,n:1': 13,
    'page:home,n:2': 4,
  })
  t.same(intake.metrics.sum({ metric: 'views', filter: ['page:none'] }), {})
  t.same(intake.metrics.points({ metric: 'views', filter: ['n:1', 'page:home'] }), {
    '': [
      [1_789_999_998.75, 10],
      [1_790_000_000, 3],
    ],
  })

  await send(metricJson('rows', { gauge: { dataPoints: [pointOf({ asInt: 115 })] } }))
  t.same(intake.metrics.sum({ metric: 'rows' }), { '': 115 })
  const upDown = { aggregationTemporality: 2, dataPoints: [pointOf({ asInt: -2 })] }
  await send(metricJson('active', { sum: upDown }))
  t.same(intake.metrics.sum({ metric: 'active' }), { '': -2 }, 'a cumulative up-down counter is a gauge')

  const explicit = { count: '3', sum: 6, bucketCounts: ['1', '2'], explicitBounds: [1] }
  await send(
    metricJson('explicit', { histogram: { aggregationTemporality: 1, dataPoints: [pointOf(explicit)] } }),
  )
  t.same(intake.metrics.count({ metric: 'explicit' }), { '': 3 })
  t.same(intake.metrics.sum({ metric: 'explicit' }), { '': 6 })
  t.throws(() => intake.metrics.percentile({ metric: 'explicit' }, 0.5), /no distribution from exponential/)
  t.throws(() => intake.metrics.count({ metric: 'views' }), /no distribution/)
  t.same(intake.metrics.counters, { received: 7, stored: 7, repeated: 0, overwritten: 0 })
  t.same(intake.refusals.list(), [])
})

t.test('within a second the last value of a series wins, and a resent point changes nothing', async (t) => {
  const intake = await openIntake(t)
  const send = (...points: Parameters<typeof deltaSum>) =>
    post(intake.url + METRICS, metricJson('views', deltaSum(...points)))
  await send({ asInt: 5, agoMs: 400 })
  await send({ asInt: 5, agoMs: 400 })
  t.same(intake.metrics.counters, { received: 2, stored: 1, repeated: 1, overwritten: 0 })
  await send({ asInt: 7, agoMs: 100 })
  t.same(intake.metrics.overwrittenPerMetric(), { views: 1 })
  t.same(intake.metrics.sum({ metric: 'views' }), { '': 7 })
  await send({ asInt: 7, agoMs: 200 })
  t.same(
    intake.metrics.counters,
    { received: 4, stored: 1, repeated: 1, overwritten: 2 },
    'the same value of another moment is no resend',
  )
  intake.forget()
  t.same(intake.metrics.counters, { received: 0, stored: 0, repeated: 0, overwritten: 0 })
  t.same(intake.metrics.sum({ metric: 'views' }), {})
})

t.test('a stretch of which a series says nothing is a gap', async (t) => {
  const intake = await openIntake(t)
  const second = (agoMs: number, lastsMs: number) => {
    const start = String(BigInt(NOW_MS - agoMs - lastsMs) * 1_000_000n)
    return { asInt: 1, agoMs, startTimeUnixNano: start }
  }
  const points = deltaSum(second(0, 1000), second(1000, 1000), second(5000, 1500))
  await post(intake.url + METRICS, metricJson('views', points))
  t.same(intake.metrics.gaps({ metric: 'views' }), { '': [[1_789_999_995, 1_789_999_998]] })
})

t.test('two processes without service.instance.id on their points overwrite each other', async (t) => {
  const intake = await openIntake(t)
  async function exportOf(instance: string, views: number, onPoint: boolean) {
    const attributes = { page: 'home', ...(onPoint && { 'service.instance.id': instance }) }
    const resource = { 'host.name': 'a-host', 'service.name': 'rollcall', 'service.instance.id': instance }
    await post(intake.url + METRICS, metricJson('views', deltaSum({ attributes, asInt: views }), resource))
  }
  await exportOf('a-host:3000/0', 100, false)
  await exportOf('a-host:3000/1', 23, false)
  t.same(intake.metrics.sum({ metric: 'views' }), { '': 23 }, '100 of 123 views are lost')
  t.match(intake.metrics.counters, { received: 2, stored: 1, overwritten: 1 })

  intake.forget()
  await exportOf('a-host:3000/0', 100, true)
  await exportOf('a-host:3000/1', 23, true)
  t.same(intake.metrics.sum({ metric: 'views' }), { '': 123 })
  t.same(intake.metrics.sum({ metric: 'views', by: ['service.instance.id'] }), {
    'service.instance.id:a-host:3000/0': 100,
    'service.instance.id:a-host:3000/1': 23,
  })
})

t.test(
  'few resource attributes become tags, one becomes the host, and tags are one in any spelling',
  async (t) => {
    const intake = await openIntake(t)
    const resource = {
      'service.name': 'rollcall',
      'service.version': '1.2.3',
      'deployment.environment.name': 'production',
      'host.name': 'a-name',
      'host.id': 'an-id',
      'k8s.pod.name': 'pod-1',
      'datadog.container.tag.team': 'blue',
      support: 'rollcall',
      'service.namespace': 'lost',
    }
    const point = { attributes: { 'http.route': '/users/{id}', empty: '' }, asInt: 1 }
    await post(intake.url + METRICS, metricJson('views', deltaSum(point), resource))
    const by = [
      'env',
      'service',
      'version',
      'host',
      'pod_name',
      'team',
      'support',
      'service.namespace',
      'empty',
    ]
    t.same(intake.metrics.sum({ metric: 'views', by }), {
      'env:production,service:rollcall,version:1.2.3,host:an-id,pod_name:pod-1,team:blue,empty:n/a': 1,
    })
    t.same(intake.metrics.sum({ metric: 'views', filter: ['http.route:/users/{id}'] }), { '': 1 })
    const other = { attributes: { 'http.route': '/Users/_ID_', empty: '' }, asInt: 9 }
    await post(intake.url + METRICS, metricJson('views', deltaSum(other), resource))
    t.same(intake.metrics.sum({ metric: 'views' }), { '': 9 }, 'they differ for us only')
  },
)
