import { context, trace } from '@opentelemetry/api'
import t from 'tap'
import { queryTiming } from '../../src/telemetry/query-timing.ts'
import { exchange, listen, openMeasured, openTelemetry } from './measured.ts'

const STATEMENT = {
  sql: 'select "name" from "users" where "id" = ?',
  operation: 'SELECT',
  collection: 'users',
  summary: 'SELECT users',
}
const BEGIN = { sql: 'begin immediate', operation: 'BEGIN', collection: undefined, summary: 'BEGIN' }
const operation = {
  'db.operation.name': 'SELECT',
  'db.collection.name': 'users',
  'db.query.summary': 'SELECT users',
}
const system = { 'db.system.name': 'sqlite' }

t.test('a query is timed under both names, by the page of the request that asked', async (t) => {
  let probe: ReturnType<ReturnType<typeof queryTiming>['statement']> = () => {}
  const { app, telemetry, received } = await openMeasured(t, (app) => {
    app.get('/', { config: { page: 'community' } }, async () => {
      probe(100, 350, undefined)
      await new Promise((resolve) => setImmediate(resolve))
      probe(100, 101, undefined)
      return ''
    })
    app.post('/users', { config: { page: 'signup' } }, async () => {
      probe(
        0,
        2000,
        Object.assign(new Error('UNIQUE constraint failed: users.email_key'), {
          code: 'SQLITE_CONSTRAINT_UNIQUE',
        }),
      )
      return ''
    })
  })
  const timing = queryTiming(telemetry)
  probe = timing.statement(STATEMENT)
  await app.inject('/')
  const port = await listen(app)
  await exchange(
    port,
    'POST /users HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}',
  ).done
  probe(0, 5, Object.assign(new Error('odd'), { code: 'EODD' }))
  timing.statement(BEGIN)(0, 10, undefined)
  timing.connectionWait(0.125)
  await app.close()

  const receiver = await received()
  const shape = (name: string) =>
    receiver.metrics(name).map(({ attributes, count, sum, unit, kind, temporality }) => ({
      attributes,
      count,
      sum: Number(sum?.toFixed(6)),
      unit,
      kind,
      temporality,
    }))
  const histogram = { unit: 's', kind: 'exponential histogram', temporality: 'delta' } as const
  t.same(shape('database.query.time'), [
    { attributes: { page: 'community' }, count: 2, sum: 0.251, ...histogram },
    { attributes: { page: 'signup' }, count: 1, sum: 2, ...histogram },
    { attributes: { page: 'none' }, count: 2, sum: 0.015, ...histogram },
  ])
  t.same(shape('db.client.operation.duration'), [
    { attributes: { ...system, ...operation, page: 'community' }, count: 2, sum: 0.251, ...histogram },
    {
      attributes: { ...system, ...operation, 'error.type': 'SQLITE_CONSTRAINT', page: 'signup' },
      count: 1,
      sum: 2,
      ...histogram,
    },
    {
      attributes: { ...system, ...operation, 'error.type': '_OTHER', page: 'none' },
      count: 1,
      sum: 0.005,
      ...histogram,
    },
    {
      attributes: { ...system, 'db.operation.name': 'BEGIN', 'db.query.summary': 'BEGIN', page: 'none' },
      count: 1,
      sum: 0.01,
      ...histogram,
    },
  ])
  t.same(shape('db.client.connection.wait_time'), [
    { attributes: { 'db.client.connection.pool.name': 'main' }, count: 1, sum: 0.125, ...histogram },
  ])
})

t.test('a query of a sampled request has a span of its own, with the text and without a value', async (t) => {
  const { app, telemetry, received } = await openMeasured(t, (app) => {
    const probe = () => queryTiming(telemetryOf()).statement(STATEMENT)
    app.get('/', { config: { page: 'community' } }, async () => {
      await new Promise((resolve) => setTimeout(resolve, 5))
      const now = performance.now()
      probe()(now - 2, now - 1.5, undefined)
      probe()(now - 1, now, Object.assign(new Error('locked'), { code: 'SQLITE_BUSY' }))
      return ''
    })
  })
  const telemetryOf = () => telemetry
  await app.inject('/')
  const spans = (await received()).spans()
  const server = spans.find((span) => span.name === 'GET /')
  const queries = spans.filter((span) => span.name === 'SELECT users')
  t.equal(queries.length, 2)
  for (const span of queries)
    t.match(span, { kind: 3, traceId: server?.traceId, parentSpanId: server?.spanId })
  t.same(queries[0]?.attributes, { ...system, ...operation, 'db.query.text': STATEMENT.sql })
  t.same(queries[1]?.attributes, {
    ...system,
    ...operation,
    'db.query.text': STATEMENT.sql,
    'error.type': 'SQLITE_BUSY',
  })
  t.same(
    queries.map((span) => span.status.code),
    [0, 2],
  )
  const durations = queries.map((span) => Number(span.endTime - span.startTime) / 1e6)
  t.ok(
    Math.abs((durations[0] ?? 0) - 0.5) < 0.01 && Math.abs((durations[1] ?? 0) - 1) < 0.01,
    `${durations} ms`,
  )
  t.ok(
    queries.every((span) => server && span.startTime >= server.startTime && span.endTime <= server.endTime),
  )
})

t.test('queries outside of a request, or of one that is not sampled, have no span', async (t) => {
  const { receiver, telemetry } = await openTelemetry(t, { OTEL_TRACES_SAMPLER: 'always_off' })
  const probe = queryTiming(telemetry).statement(STATEMENT)
  probe(0, 1, undefined)
  const span = telemetry.tracer.startSpan('unsampled')
  context.with(trace.setSpan(context.active(), span), () => probe(0, 1, undefined))
  await telemetry.shutdown()
  t.same(receiver.spans(), [])
  t.same(receiver.totals('database.query.time'), { '{"page":"none"}': 2 })
})
