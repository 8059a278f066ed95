import t from 'tap'
import { registerMeasured } from '../../src/telemetry/measured-request.ts'
import { queryTiming } from '../../src/telemetry/query-timing.ts'
import { openMeasured } from './measured.ts'

const STATEMENT = {
  sql: 'select "name" from "users" where "id" = ?',
  operation: 'SELECT',
  collection: 'users',
  summary: 'SELECT users',
}

t.test('a page can tell its queries and their time, and where its trace is', async (t) => {
  let probe: ReturnType<ReturnType<typeof queryTiming>['statement']> = () => {}
  const { app, telemetry } = await openMeasured(t, (app) => {
    registerMeasured(app, 'http://viewer.test:4318')
    app.get('/', { config: { page: 'community' } }, async (request) => {
      const before = request.measured()
      probe(100, 101.5, undefined)
      await new Promise((resolve) => setImmediate(resolve))
      probe(200, 202.25, new Error('failed, and took its time'))
      return [before, request.measured(), { traceId: request.traceId }]
    })
    app.setErrorHandler((_error, request, reply) => reply.code(400).send(request.measured()))
    app.post('/', { config: { page: 'community' } }, async () => '')
  })
  probe = queryTiming(telemetry).statement(STATEMENT)

  const replies = await Promise.all([app.inject('/'), app.inject('/')])
  for (const reply of replies) {
    const [before, after, { traceId }] = reply.json()
    const traceUrl = `http://viewer.test:4318/traces?trace=${traceId}`
    t.same(before, { queries: 0, queryMs: 0, traceUrl })
    t.same(after, { queries: 2, queryMs: 3.75, traceUrl }, 'those of this request alone')
  }
  const refused = await app.inject({
    method: 'POST',
    url: '/',
    payload: '{',
    headers: { 'content-type': 'application/json' },
  })
  t.match(refused.json(), { queries: 0, queryMs: 0, traceUrl: /\/traces\?trace=[0-9a-f]{32}$/ })
})

for (const [title, viewerUrl, env] of [
  ['without a viewer', '', {}],
  ['if the trace is not kept', 'http://viewer.test:4318', { OTEL_TRACES_SAMPLER: 'always_off' }],
  ['if nothing is traced', 'http://viewer.test:4318', { OTEL_SDK_DISABLED: 'true' }],
] as const)
  t.test(`there is no link to a trace ${title}, and the queries are told all the same`, async (t) => {
    let probe: ReturnType<ReturnType<typeof queryTiming>['statement']> = () => {}
    const { app, telemetry } = await openMeasured(
      t,
      (app) => {
        registerMeasured(app, viewerUrl)
        app.get('/', { config: { page: 'community' } }, async (request) => {
          probe(1, 3, undefined)
          return request.measured()
        })
      },
      { env },
    )
    probe = queryTiming(telemetry).statement(STATEMENT)
    t.same((await app.inject('/')).json(), { queries: 1, queryMs: 2 })
  })
