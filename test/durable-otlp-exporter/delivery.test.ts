import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { context, createContextKey, ROOT_CONTEXT } from '@opentelemetry/api'
import { test } from 'tap'
import { temporaryFolder } from '../support/harness.ts'
import { type Answer, OtlpReceiver } from '../support/otlp-receiver.ts'
import { imbalance, openExporting, until } from './exporting.ts'

const TROUBLES: Record<string, Answer[]> = {
  '503': [503, 503, 503],
  '429 with Retry-After in seconds': [{ status: 429, headers: { 'retry-after': '0' } }],
  '429 with Retry-After as a date': [
    { status: 429, headers: { 'retry-after': 'Sun, 06 Nov 1994 08:49:37 GMT' } },
  ],
  '500, 502, 504, 408 and 425': [500, 502, 504, 408, 425],
  'no answer': ['no answer', 'no answer'],
  'a reset': ['reset', 'reset'],
}

for (const [name, answers] of Object.entries(TROUBLES))
  test(`${name}: the same bytes are sent again until they are acknowledged`, async (t) => {
    const { receiver, telemetry, view, arrived } = await openExporting(t, {
      env: {
        OTEL_METRIC_EXPORT_INTERVAL: '3600000',
        ...(answers[0] === 'no answer' && { OTEL_EXPORTER_OTLP_TIMEOUT: '100' }),
      },
    })
    receiver.answerWith(...answers)
    view(5)
    await telemetry.shutdown(20_000)
    // A busy machine may answer later than the time-out: then there are more, and they are the same.
    t.ok(receiver.requests.length > answers.length)
    t.ok(arrived() > 0 && arrived() % 5 === 0)
    for (const { body } of receiver.requests) t.same(body, receiver.requests[0]?.body)
    t.same(imbalance(telemetry.counts()), {})
    t.match(telemetry.counts().metrics, { waiting: 0, deadLetters: 0 })
    t.equal(telemetry.counts().metrics.acknowledged, telemetry.counts().metrics.recorded)
  })

test('a reply that is lost makes a duplicate that is identical, gzipped or not, in JSON and in protobuf', async (t) => {
  for (const OTEL_EXPORTER_OTLP_COMPRESSION of ['none', 'gzip'])
    for (const OTEL_EXPORTER_OTLP_PROTOCOL of ['http/json', 'http/protobuf']) {
      const { receiver, telemetry, view } = await openExporting(t, {
        env: {
          OTEL_METRIC_EXPORT_INTERVAL: '3600000',
          OTEL_EXPORTER_OTLP_COMPRESSION,
          OTEL_EXPORTER_OTLP_PROTOCOL,
        },
      })
      receiver.answerWith('lost reply')
      view()
      await telemetry.shutdown()
      const [first, second, ...more] = receiver.requests
      t.same(second?.body, first?.body)
      t.same(more, [])
      t.equal(
        second?.headers['content-encoding'],
        OTEL_EXPORTER_OTLP_COMPRESSION === 'gzip' ? 'gzip' : undefined,
      )
      t.equal(telemetry.counts().metrics.acknowledged, telemetry.counts().metrics.recorded)
    }
})

test('Retry-After is waited for, however often the interval comes', async (t) => {
  const { receiver, telemetry, view, arrived } = await openExporting(t)
  receiver.answerWith({ status: 503, headers: { 'retry-after': '300' } })
  view()
  await until(() => telemetry.counts().metrics.waiting > 0 && receiver.requests.length === 1)
  const before = receiver.metrics('process.uptime').length
  await new Promise((resolve) => setTimeout(resolve, 120))
  t.equal(receiver.requests.length, 1)
  t.equal(before, 0)
  await telemetry.shutdown()
  t.equal(arrived(), 1, 'a shutdown does not wait for it')
})

test('a receiver that is absent for many intervals: sums are exact and no more than the bound waits', async (t) => {
  const receiver = await OtlpReceiver.start(t)
  const { port } = new URL(receiver.url)
  await receiver.close()
  const { telemetry, view, said } = await openExporting(t, { receiver, url: `http://127.0.0.1:${port}` })
  let views = 0
  const levels = new Set<number>()
  for (let turns = 0; turns < 20; turns += levels.size > 3 ? 1 : 0) {
    view()
    views += 1
    levels.add(telemetry.counts().metrics.waiting)
    await new Promise((resolve) => setTimeout(resolve, levels.size > 3 ? 20 : 0))
  }
  t.equal(levels.size, 4, 'what waits grows three times, and then no more')
  const back = await OtlpReceiver.start(t, { port: Number(port) })
  await until(() => (back.totals('web.page_views_total')['{}'] ?? 0) === views)
  const points = back.metrics('web.page_views_total')
  t.equal(points.length, 4, 'three intervals, and one that holds all the others')
  for (const [n, { startTime }] of points.entries())
    if (n > 0) t.equal(startTime, points[n - 1]?.time, 'without a gap')
  t.same(said(), ['export of metrics fails', 'export of metrics works again'])
  t.same(imbalance(telemetry.counts()), {})
})

test('what is refused for good becomes a dead letter with its reason, and the rest goes on', async (t) => {
  const directory = temporaryFolder(t)
  const { receiver, telemetry, view, arrived, diagnostics } = await openExporting(t, { directory })
  const refusals: Answer[] = [{ status: 400, body: { code: 3, message: 'no such thing' } }, 401, 404]
  const refused: Buffer[] = []
  receiver.answerEach(({ body }) => {
    if (!body.includes('web.page_views_total') || refused.length === 3) return undefined
    refused.push(body)
    return refusals[refused.length - 1]
  })
  for (let n = 0; n < 3; n++) {
    view(10)
    await until(() => refused.length === n + 1)
  }
  view(7)
  await until(() => arrived() > 0)
  await telemetry.shutdown()
  t.equal(arrived(), 7)
  const folder = join(directory, 'dead-letters')
  const kept = readdirSync(folder).map((name) => {
    const content = readFileSync(join(folder, name))
    const at = content.indexOf('\n')
    return { ...JSON.parse(content.toString('utf8', 0, at)), body: content.subarray(at + 1) }
  })
  t.match(
    kept.find(({ status }) => status === 400),
    { reason: 'refused', message: 'no such thing', signal: 'metrics', at: /^\d{4}-/ },
  )
  t.same(kept.map(({ status }) => status).sort(), [400, 401, 404])
  t.same(
    kept.map(({ body }) => body.toString('hex')).sort(),
    refused.map((body) => body.toString('hex')).sort(),
  )
  const { deadLetters, acknowledged, recorded } = telemetry.counts().metrics
  t.equal(
    deadLetters,
    kept.reduce((sum, { deadLetterItems }) => sum + deadLetterItems, 0),
  )
  t.equal(acknowledged + deadLetters, recorded)
  t.match(diagnostics, [{ message: /dead letters/, details: { status: 400, error: 'no such thing' } }])
  t.equal(diagnostics.length, 1, 'said once')
})

test('a partial success: what was rejected becomes a dead letter and is counted, the rest is acknowledged', async (t) => {
  const directory = temporaryFolder(t)
  const { receiver, telemetry, view, diagnostics } = await openExporting(t, { directory })
  receiver.answerWith({ status: 200, rejected: { rejected: 3, message: 'odd ones' } })
  view()
  await until(() => telemetry.counts().metrics.deadLetters > 0)
  await telemetry.shutdown()
  const { deadLetters, acknowledged, recorded } = telemetry.counts().metrics
  t.equal(deadLetters, 3)
  t.equal(acknowledged, recorded - 3)
  t.match(diagnostics, [{ message: /rejected some/, details: { items: 3, error: 'odd ones' } }])
  t.equal(readdirSync(join(directory, 'dead-letters')).length, 1)
})

test('a request that is too large is split, and only what is too large alone becomes a dead letter', async (t) => {
  for (const OTEL_EXPORTER_OTLP_PROTOCOL of ['http/json', 'http/protobuf']) {
    const { receiver, telemetry, view } = await openExporting(t, {
      directory: temporaryFolder(t),
      env: { OTEL_METRIC_EXPORT_INTERVAL: '3600000', OTEL_EXPORTER_OTLP_PROTOCOL },
    })
    const largest = OTEL_EXPORTER_OTLP_PROTOCOL === 'http/json' ? 6000 : 3000
    receiver.answerEach(({ body }) => (body.length > largest ? 413 : 200))
    view(5)
    await telemetry.shutdown()
    const { recorded, acknowledged, deadLetters } = telemetry.counts().metrics
    t.equal(acknowledged, recorded)
    t.equal(deadLetters, 0)
    t.ok(receiver.requests.some(({ body }) => body.length > largest))

    const {
      telemetry: refused,
      receiver: tiny,
      view: viewed,
    } = await openExporting(t, {
      directory: temporaryFolder(t),
      env: { OTEL_METRIC_EXPORT_INTERVAL: '3600000', OTEL_EXPORTER_OTLP_PROTOCOL },
    })
    tiny.answerEach(() => 413)
    viewed(5)
    await refused.shutdown()
    t.equal(refused.counts().metrics.deadLetters, refused.counts().metrics.recorded)
    t.ok(tiny.requests.length <= 31, 'four times halved at most')
  }
})

test('bodies above the bound are split before they are sent', async (t) => {
  const { receiver, telemetry, view, arrived } = await openExporting(t, {
    metricsMaxRequestBytes: 8000,
    env: { OTEL_METRIC_EXPORT_INTERVAL: '3600000' },
  })
  view(5)
  await telemetry.shutdown()
  t.equal(arrived(), 5)
  t.ok(receiver.requests.length > 1 && receiver.requests.every(({ body }) => body.length <= 8000))
  t.equal(new Set(receiver.metrics().map(({ time }) => time)).size, 1, 'all parts end at the same time')
})

test('a body that the receiver chokes on does not hold up those behind it', async (t) => {
  const { receiver, telemetry, view, arrived } = await openExporting(t, { directory: temporaryFolder(t) })
  let poison: Buffer | undefined
  receiver.answerEach(({ body }) => {
    poison ??= body
    return body.equals(poison) ? 500 : 200
  })
  view(1)
  await until(() => poison !== undefined)
  view(2)
  await until(() => arrived() === 2)
  receiver.answerEach(undefined)
  await until(() => arrived() === 3)
  await telemetry.shutdown()
  t.same(imbalance(telemetry.counts()), {})
})

test('a request that is always cut off does not hold up the others', async (t) => {
  const { receiver, telemetry, view, arrived } = await openExporting(t, { directory: temporaryFolder(t) })
  let poison: Buffer | undefined
  receiver.answerEach(({ body }) => {
    if (!body.includes('web.page_views_total')) return 200
    poison ??= body
    return body.equals(poison) ? 'reset' : 200
  })
  view(1)
  await until(() => poison !== undefined)
  view(2)
  await until(() => arrived() === 2)
  receiver.answerEach(undefined)
  await until(() => arrived() === 3)
  await telemetry.shutdown()
  t.same(imbalance(telemetry.counts()), {})
})

test('one request that fails again and again is told of once, and so is an outage', async (t) => {
  const { receiver, telemetry, view, arrived, said } = await openExporting(t)
  let poison: Buffer | undefined
  let asked = 0
  receiver.answerEach(({ body }) => {
    if (!body.includes('web.page_views_total')) return 200
    poison ??= body
    if (!body.equals(poison)) return 200
    asked += 1
    return 500
  })
  for (let n = 1; n < 8; n++) {
    view(1)
    await until(() => arrived() >= n - 1 && asked >= n)
  }
  t.same(said().slice(0, 2), ['export of metrics fails', 'export of metrics works again'])
  t.same(said().slice(2), ['one request of metrics fails, others do not'])
  receiver.answerEach(undefined)
  await telemetry.shutdown()
  t.equal(arrived(), 7)
})

test('a receiver that asks for no pause at all is not besieged', async (t) => {
  const { receiver, telemetry, view } = await openExporting(t, { pace: { firstMs: 40, longestMs: 40 } })
  receiver.answerEach(() => ({ status: 503, headers: { 'retry-after': '0' } }))
  view()
  await until(() => receiver.requests.length > 0)
  const [start, before] = [performance.now(), receiver.requests.length]
  await new Promise((resolve) => setTimeout(resolve, 200))
  // Half a pause at least lies between two attempts.
  t.ok(receiver.requests.length - before <= (performance.now() - start) / 20 + 1)
  receiver.answerEach(undefined)
  await telemetry.shutdown()
})

test('a kept connection that the server closes is no failure, and the request is sent again', async (t) => {
  const { receiver, telemetry, said, view, arrived } = await openExporting(t)
  view(1)
  await until(() => arrived() === 1)
  receiver.answerWith('reset')
  view(2)
  await until(() => arrived() === 3)
  t.equal(
    receiver.requests.filter(({ headers }) => headers.connection === 'keep-alive').length,
    receiver.requests.length,
  )
  await telemetry.shutdown()
  t.same(said(), [])
})

test('what export says is nobody’s request, whichever request it was begun by', async (t) => {
  const { receiver, telemetry } = await openExporting(t, {
    signals: ['traces'],
    directory: temporaryFolder(t),
  })
  const key = createContextKey('request')
  const heardIn: unknown[] = []
  telemetry.diagnostics.listen(({ message }) => heardIn.push([message, context.active().getValue(key)]))
  receiver.answerWith(503, 400)
  context.with(ROOT_CONTEXT.setValue(key, 'a request'), () => telemetry.tracer.startSpan('span').end())
  await until(() => telemetry.counts().traces.deadLetters === 1)
  t.match(heardIn, [
    ['export of traces fails', undefined],
    ['export of traces works again', undefined],
    [/dead letters/, undefined],
  ])
})
