import { type Test, test } from 'tap'
import { METRICS } from '../../src/telemetry/catalogue.ts'
import { queryTiming } from '../../src/telemetry/query-timing.ts'
import { readExport, type Signal } from '../support/flat-telemetry.ts'
import { OtlpReceiver } from '../support/otlp-receiver.ts'
import { openMeasured, openTelemetry } from '../telemetry/measured.ts'
import { requestDefects } from './emitted.ts'

/** What a small service sent, as text, by signal: of the same kind as everything else, and so without a defect. */
async function sent(t: Test): Promise<Record<Signal, string>> {
  const { app, telemetry, received } = await openMeasured(t, (app) => {
    app.get('/', { config: { page: 'home' } }, async (request) => {
      request.log.warn({ check: 'test.support.random' }, 'careful')
      throw new Error('broken')
    })
  })
  const timing = queryTiming(telemetry)
  timing.statement({ sql: 'select 1', operation: 'SELECT', collection: 'users', summary: 'SELECT users' })(
    0,
    1,
    undefined,
  )
  await app.inject({ url: '/', headers: { host: 'rollcall:3000' } })
  const receiver = await received()
  const bodyOf = (path: string) =>
    receiver.requests.find((request) => request.path === path)?.body.toString('utf8') as string
  return { metrics: bodyOf('/v1/metrics'), traces: bodyOf('/v1/traces'), logs: bodyOf('/v1/logs') }
}

test('whatever differs from the catalogue is said in one sentence', async (t) => {
  const texts = await sent(t)
  const defects = (signal: Signal, from: string | RegExp = '', to = '') => {
    const changed = texts[signal].replace(from, to)
    t.not(changed, from === '' ? '' : texts[signal], `${from} is there`)
    return [...new Set(requestDefects(readExport(signal, 'json', Buffer.from(changed))))]
  }
  for (const signal of ['metrics', 'traces', 'logs'] as const) t.strictSame(defects(signal), [])

  const cases: [signal: Signal, from: string | RegExp, to: string, ...sentences: string[]][] = [
    [
      'metrics',
      '"web.page_views"',
      '"web.views"',
      'metric web.views is not in the catalogue (src/telemetry/catalogue.ts)',
    ],
    ['metrics', '"{view}"', '"1"', 'metric web.page_views has the unit "1", not "{view}"'],
    [
      'metrics',
      '"sum":{"aggregationTemporality":1,"isMonotonic":true',
      '"sum":{"aggregationTemporality":2,"isMonotonic":true',
      'metric nodejs.eventloop.time has the temporality "cumulative", not "delta"',
    ],
    [
      'metrics',
      '"isMonotonic":true',
      '"isMonotonic":false',
      'metric nodejs.eventloop.time has the monotonic "false", not "true"',
    ],
    [
      'metrics',
      '"value":{"stringValue":"home"}',
      '"value":{"stringValue":"/home"}',
      'metric web.page_views has page "/home", which the catalogue does not allow',
    ],
    [
      'metrics',
      '"key":"page"',
      '"key":"pages"',
      'metric database.query.time has the attribute pages, which the catalogue does not give it',
      'metric database.query.time lacks the attribute page',
    ],
    [
      'metrics',
      '{"key":"http.response.status_code","value":{"intValue":500}}',
      '{"key":"http.response.status_code","value":{"stringValue":"500"}}',
      'metric http.server.request.duration has http.response.status_code "500", which the catalogue does not allow',
    ],
    ['traces', '"name":"GET /"', '"name":"GET /?q=1"', 'span "GET /?q=1" should be named "GET /"'],
    ['traces', '"kind":2', '"kind":5', 'span "GET /" is of kind 5, which the catalogue does not have'],
    [
      'traces',
      '"key":"url.path"',
      '"key":"url.query"',
      'span "GET /" has the attribute url.query, which the catalogue does not give it',
      'span "GET /" lacks the attribute url.path',
    ],
    [
      'traces',
      '"name":"exception"',
      '"name":"oops"',
      'span "GET /" has an event "oops", which the catalogue does not have',
    ],
    [
      'logs',
      '"key":"check"',
      '"key":"checks"',
      'log record "careful" has the attribute checks, which the catalogue does not give it',
    ],
    [
      'logs',
      '"key":"support"',
      '"key":"team"',
      'the resource has the attribute team, which the catalogue does not give it',
      'the resource lacks the attribute support',
    ],
  ]
  for (const [signal, from, to, ...sentences] of cases) t.strictSame(defects(signal, from, to), sentences)
})

test('a receiver fails the test that sends it what the catalogue does not name, and only that', async (t) => {
  const endOf = async (foreign?: readonly Signal[]) => {
    const teardowns: (() => unknown)[] = []
    const later = { teardown: (end: () => unknown) => void teardowns.push(end) } as unknown as Test
    const receiver = await OtlpReceiver.start(later, { ...(foreign && { foreign }) })
    const { telemetry } = await openTelemetry(t, { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url })
    telemetry.instruments.counter({ ...METRICS.pageViewsTotal, name: 'web.views' } as never, {}).add(1)
    await telemetry.shutdown()
    return Promise.all(teardowns.map((end) => end()))
  }
  await t.rejects(endOf(), {
    message: 'metric web.views is not in the catalogue (src/telemetry/catalogue.ts)',
  })
  await t.resolves(endOf(['metrics']))
})
