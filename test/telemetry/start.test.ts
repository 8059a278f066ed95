import { gunzipSync } from 'node:zlib'
import { context, diag, propagation } from '@opentelemetry/api'
import t, { type Test } from 'tap'
import { METRICS } from '../../src/telemetry/catalogue.ts'
import { createLogger } from '../../src/telemetry/logging.ts'
import type { Telemetry } from '../../src/telemetry/start.ts'
import { startTelemetry } from '../../src/telemetry/start.ts'
import { openTelemetry as openWith } from './measured.ts'

const RESOURCE = {
  'service.name': 'rollcall',
  'service.version': '1.2.3',
  'service.instance.id': 'somewhere:3000',
  'deployment.environment.name': 'development',
  'host.name': 'somewhere',
  support: 'rollcall',
  'telemetry.sdk.language': 'nodejs',
  'telemetry.sdk.name': 'opentelemetry',
  'telemetry.sdk.version': '3.1.0',
}

/** Spans and log records are of any kind here. */
const openTelemetry = (t: Test, env?: NodeJS.ProcessEnv, options?: Parameters<typeof openWith>[2]) =>
  openWith(t, env, { foreign: ['traces', 'logs'], ...options })

const ALL = ['metrics', 'traces', 'logs'] as const

/** One point, one span and one log record. */
function sayEverything({ instruments, tracer, logs }: Telemetry): void {
  instruments.counter(METRICS.pageViewsTotal, {}).add(1)
  tracer.startSpan('a span').end()
  logs.emit({ body: 'a record', severityNumber: 13, severityText: 'WARN' })
}

t.test('all three signals leave with the whole resource when telemetry is shut down', async (t) => {
  const { receiver, telemetry } = await openTelemetry(t)
  sayEverything(telemetry)
  await telemetry.shutdown()
  t.match(receiver.metrics('web.page_views_total'), [
    {
      value: 1,
      kind: 'sum',
      monotonic: true,
      temporality: 'delta',
      unit: '{view}',
      description: METRICS.pageViewsTotal.description,
    },
  ])
  t.match(receiver.spans(), [{ name: 'a span', traceState: 'ot=th:0' }])
  t.match(receiver.logs(), [{ body: 'a record', severityNumber: 13, severityText: 'WARN' }])
  for (const { resource } of [...receiver.metrics(), ...receiver.spans(), ...receiver.logs()])
    t.same(resource, RESOURCE)
  t.same(receiver.requests.map(({ path, headers }) => [path, headers['content-type']]).sort(), [
    ['/v1/logs', 'application/json'],
    ['/v1/metrics', 'application/json'],
    ['/v1/traces', 'application/json'],
  ])
})

t.test('the environment overrides what the service says of itself', async (t) => {
  const env = {
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=pre%2Cproduction, team=a%20b ,service.name=lost',
    OTEL_SERVICE_NAME: 'named',
  }
  const { receiver, telemetry } = await openTelemetry(t, env, { foreign: ALL })
  sayEverything(telemetry)
  await telemetry.shutdown()
  t.same(receiver.spans()[0]?.resource, {
    ...RESOURCE,
    'deployment.environment.name': 'pre,production',
    team: 'a b',
    'service.name': 'named',
  })
})

t.test('an empty instance id is none: processes that share it would overwrite each other', async (t) => {
  for (const [slot, expected] of [
    [undefined, 'somewhere:3000'],
    [2, 'somewhere:3000/2'],
  ] as const) {
    const { receiver, telemetry } = await openTelemetry(
      t,
      { OTEL_RESOURCE_ATTRIBUTES: 'service.instance.id=' },
      slot === undefined ? {} : { slot },
    )
    sayEverything(telemetry)
    await telemetry.shutdown()
    t.equal(receiver.metrics()[0]?.resource['service.instance.id'], expected)
  }
})

t.test('an instance id that is known later is waited for', async (t) => {
  const { promise, resolve } = Promise.withResolvers<string>()
  const { receiver, telemetry } = await openTelemetry(t, {}, { instanceId: promise })
  sayEverything(telemetry)
  setTimeout(resolve, 20, '127.0.0.1:54321')
  await telemetry.shutdown()
  const everything = [...receiver.metrics(), ...receiver.spans(), ...receiver.logs()]
  t.same(
    new Set(everything.map(({ resource }) => resource['service.instance.id'])),
    new Set(['127.0.0.1:54321']),
  )
})

t.test('an instance id that never comes does not hold up the shutdown', async (t) => {
  const env = { OTEL_BSP_EXPORT_TIMEOUT: '50', OTEL_BLRP_EXPORT_TIMEOUT: '50' }
  const { telemetry } = await openTelemetry(t, env, { instanceId: new Promise(() => {}) })
  sayEverything(telemetry)
  await telemetry.shutdown(30)
  const said: string[] = []
  telemetry.diagnostics.listen(({ message }) => said.push(message))
  t.same(said, ['telemetry was not all sent within 30 ms of the shutdown'])
})

t.test('OTEL_SDK_DISABLED sends nothing', async (t) => {
  const { receiver, telemetry } = await openTelemetry(t, { OTEL_SDK_DISABLED: 'TRUE' })
  sayEverything(telemetry)
  await telemetry.shutdown()
  t.equal(receiver.requests.length, 0)
  t.equal(telemetry.destination, 'off')
})

t.test('OTEL_*_EXPORTER=none turns off one signal', async (t) => {
  for (const signal of ['metrics', 'traces', 'logs']) {
    const { receiver, telemetry } = await openTelemetry(t, {
      [`OTEL_${signal.toUpperCase()}_EXPORTER`]: 'none',
    })
    sayEverything(telemetry)
    await telemetry.shutdown()
    const paths = ['/v1/logs', '/v1/metrics', '/v1/traces'].filter((path) => path !== `/v1/${signal}`)
    t.same(receiver.requests.map(({ path }) => path).sort(), paths)
  }
})

t.test('OTEL_*_EXPORTER=console writes instead of sending', async (t) => {
  const written = t.capture(console, 'dir')
  const { receiver, telemetry } = await openTelemetry(t, {
    OTEL_METRICS_EXPORTER: 'console',
    OTEL_TRACES_EXPORTER: 'console',
    OTEL_LOGS_EXPORTER: 'console',
  })
  sayEverything(telemetry)
  await telemetry.shutdown()
  t.equal(receiver.requests.length, 0)
  const text = JSON.stringify(written().map(({ args }) => String(JSON.stringify(args[0]))))
  for (const what of ['web.page_views_total', 'a span', 'a record']) t.ok(text.includes(what), what)
  t.equal(telemetry.destination, 'console')
})

t.test('endpoint, headers and compression, for all signals and for one', async (t) => {
  const { receiver: other } = await openTelemetry(t)
  const { receiver, telemetry } = await openTelemetry(t, {
    OTEL_EXPORTER_OTLP_HEADERS: 'x-key=general%20key,x-both=general',
    OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'x-both=own',
    OTEL_EXPORTER_OTLP_METRICS_COMPRESSION: 'gzip',
    OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: `${other.url}/elsewhere`,
  })
  sayEverything(telemetry)
  await telemetry.shutdown()
  const metrics = receiver.requests.find(({ path }) => path === '/v1/metrics')
  t.match(metrics?.headers, { 'x-key': 'general key', 'x-both': 'general', 'content-encoding': 'gzip' })
  t.ok(metrics && gunzipSync(metrics.body).includes('web.page_views_total'))
  t.equal(receiver.metrics('web.page_views_total').length, 1, 'the receiver reads gzip')
  const traces = receiver.requests.find(({ path }) => path === '/v1/traces')
  t.match(traces?.headers, { 'x-key': 'general key', 'x-both': 'own' })
  t.notOk(traces?.headers['content-encoding'])
  t.same(
    other.requests.map(({ path }) => path),
    ['/elsewhere'],
  )
})

t.test('an endpoint with a path has the signals below it', async (t) => {
  const { receiver: base } = await openTelemetry(t)
  const { telemetry } = await openTelemetry(t, { OTEL_EXPORTER_OTLP_ENDPOINT: `${base.url}/collector/` })
  sayEverything(telemetry)
  t.equal(telemetry.destination, `${base.url}/collector/v1/metrics`)
  await telemetry.shutdown()
  t.same(base.requests.map(({ path }) => path).sort(), [
    '/collector/v1/logs',
    '/collector/v1/metrics',
    '/collector/v1/traces',
  ])
})

t.test('http/protobuf is sent where it is asked for, grpc is refused with the mend', async (t) => {
  const { receiver, telemetry } = await openTelemetry(t, { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' })
  sayEverything(telemetry)
  await telemetry.shutdown()
  t.equal(receiver.requests.length, 3)
  for (const { headers, body } of receiver.requests) {
    t.equal(headers['content-type'], 'application/x-protobuf')
    t.ok(body.includes('somewhere:3000') && body[0] === 0x0a)
  }
  t.match(receiver.metrics('web.page_views_total'), [{ value: 1, temporality: 'delta', resource: RESOURCE }])
  t.match(receiver.spans(), [{ name: 'a span', resource: RESOURCE }])
  t.match(receiver.logs(), [{ body: 'a record', resource: RESOURCE }])
  await t.rejects(openTelemetry(t, { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }), {
    message:
      'OTLP over gRPC is not built in; set OTEL_EXPORTER_OTLP_PROTOCOL to http/protobuf or http/json, and the endpoint to the HTTP port (4318 on a Collector).',
  })
})

t.test('temporality and histograms follow their variables', async (t) => {
  const pointsOf = async (env: NodeJS.ProcessEnv) => {
    const { receiver, telemetry } = await openTelemetry(t, env, { foreign: ALL })
    const { instruments } = telemetry
    const method = { 'http.request.method': 'GET', 'url.scheme': 'http' }
    // One that the SDK records, and two that are recorded without it, at once and as a pair.
    const hashing = instruments.histogram(METRICS.passwordHashDuration, {})
    const queries = instruments.both(
      instruments.histogram(METRICS.queryTime, { page: 'home' }),
      instruments.histogram(METRICS.connectionWait, {}),
    )
    for (let n = 1; n <= 1000; n++) for (const each of [hashing, queries]) each.record(0.00001 * 1.0139 ** n)
    instruments.counter(METRICS.pageViewsTotal, {}).add(2)
    instruments.upDownCounter(METRICS.activeRequests, method).add(3)
    await telemetry.shutdown()
    t.match(receiver.metrics('http.server.active_requests'), [{ temporality: 'cumulative', value: 3 }])
    const [views] = receiver.metrics('web.page_views_total')
    t.equal(views?.value, 2)
    return {
      counter: views?.temporality,
      histograms: [METRICS.passwordHashDuration, METRICS.queryTime, METRICS.connectionWait].map(
        ({ name }) => receiver.metrics(name)[0],
      ),
    }
  }
  const exponential = { kind: 'exponential histogram', count: 1000, sketch: { scale: 6 } }
  const deltas = await pointsOf({})
  t.equal(deltas.counter, 'delta')
  for (const histogram of deltas.histograms)
    t.match(histogram, { ...exponential, temporality: 'delta' }, 'twenty octaves at scale 6')
  const totals = await pointsOf({ OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'cumulative' })
  t.equal(totals.counter, 'cumulative')
  for (const histogram of totals.histograms) t.match(histogram, { ...exponential, temporality: 'cumulative' })
  const { histograms } = await pointsOf({
    OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION: 'explicit_bucket_histogram',
  })
  const { boundaries } = METRICS.passwordHashDuration
  for (const [at, bounds] of [
    boundaries,
    METRICS.queryTime.boundaries,
    METRICS.connectionWait.boundaries,
  ].entries())
    t.match(histograms[at], { kind: 'histogram', count: 1000, bounds })
})

t.test('metrics leave at their interval', async (t) => {
  const { receiver, telemetry } = await openTelemetry(t, { OTEL_METRIC_EXPORT_INTERVAL: '20' })
  const views = telemetry.instruments.counter(METRICS.pageViewsTotal, {})
  const { promise: arrived, resolve } = Promise.withResolvers<void>()
  const poll = setInterval(() => receiver.metrics('web.page_views_total').length >= 2 && resolve(), 5)
  const add = setInterval(() => views.add(1), 5)
  await arrived
  clearInterval(poll)
  clearInterval(add)
  const [first, second] = receiver.metrics('web.page_views_total')
  t.equal(second?.startTime, first?.time, 'intervals follow each other without a gap')
})

t.test('spans and log records leave by queue size and delay', async (t) => {
  const { receiver, telemetry } = await openTelemetry(t, {
    OTEL_BSP_SCHEDULE_DELAY: '10',
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '2',
    OTEL_BSP_MAX_QUEUE_SIZE: '4',
    OTEL_BLRP_SCHEDULE_DELAY: '10',
    OTEL_BLRP_MAX_EXPORT_BATCH_SIZE: '1',
  })
  for (let n = 0; n < 4; n++) sayEverything(telemetry)
  const { promise: arrived, resolve } = Promise.withResolvers<void>()
  const poll = setInterval(
    () => receiver.spans().length === 4 && receiver.logs().length === 4 && resolve(),
    5,
  )
  await arrived
  clearInterval(poll)
  const requests = (path: string) => receiver.requests.filter((request) => request.path === path).length
  t.equal(requests('/v1/traces'), 2)
  t.equal(requests('/v1/logs'), 4)
})

t.test('attribute limits bound spans and log records', async (t) => {
  const attributes = { a: 'x'.repeat(50), b: 'y', c: 'z' }
  const { receiver, telemetry } = await openTelemetry(t, {
    OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: '10',
    OTEL_ATTRIBUTE_COUNT_LIMIT: '2',
    OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT: '1',
    OTEL_SPAN_EVENT_COUNT_LIMIT: '1',
  })
  const span = telemetry.tracer.startSpan('limited', { attributes })
  span.addEvent('one').addEvent('two').end()
  telemetry.logs.emit({ body: 'limited', attributes })
  await telemetry.shutdown()
  t.same(receiver.spans()[0]?.attributes, { a: 'x'.repeat(10), b: 'y' })
  t.same(receiver.spans()[0]?.events, [{ name: 'two', attributes: {} }])
  t.same(receiver.logs()[0]?.attributes, { a: 'x'.repeat(10) })
})

t.test('variables that make no sense are warned about and replaced by their defaults', async (t) => {
  const { receiver, telemetry } = await openTelemetry(t, {
    OTEL_METRICS_EXPORTER: 'prometheus',
    OTEL_EXPORTER_OTLP_TIMEOUT: 'soon',
    OTEL_EXPORTER_OTLP_COMPRESSION: 'zstd',
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'not a url',
    OTEL_RESOURCE_ATTRIBUTES: 'a=%zz',
    OTEL_PROPAGATORS: 'b3,tracecontext',
    OTEL_BSP_MAX_QUEUE_SIZE: '0',
    OTEL_LOG_LEVEL: 'loud',
  })
  sayEverything(telemetry)
  await telemetry.shutdown()
  t.same(receiver.requests.length, 3)
  t.same(receiver.spans()[0]?.resource, RESOURCE)
  const said: string[] = []
  telemetry.diagnostics.listen(({ message }) => said.push(message))
  t.same(
    new Set(said),
    new Set([
      'OTEL_PROPAGATORS names "b3", which is not one of tracecontext, baggage, none; it is left out.',
      'OTEL_LOG_LEVEL must be one of none, error, warn, info, debug, verbose, all; using warn instead.',
      'OTEL_RESOURCE_ATTRIBUTES must be percent-encoded key=value pairs with commas between; using no value instead.',
      'OTEL_METRICS_EXPORTER must be one of otlp, console, none; using otlp instead.',
      'OTEL_EXPORTER_OTLP_TIMEOUT must be a whole number from 1; using 10000 instead.',
      'OTEL_EXPORTER_OTLP_COMPRESSION must be one of none, gzip; using none instead.',
      'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT must be an http or https URL; using its default instead.',
      'OTEL_BSP_MAX_QUEUE_SIZE must be a whole number from 1; using 2048 instead.',
    ]),
  )
  t.equal(said.length, new Set(said).size, 'each is said once')
})

t.test('a receiver that fails is logged once, and once when it takes again', async (t) => {
  const pace = { firstMs: 1, longestMs: 2 }
  const { receiver, telemetry } = await openTelemetry(t, {}, { export: { pace } })
  const lines: Record<string, unknown>[] = []
  createLogger({ level: 'info', telemetry, destination: { write: (line) => lines.push(JSON.parse(line)) } })
  receiver.answerEach(({ path }) => (path === '/v1/metrics' && failures-- > 0 ? 503 : 200))
  let failures = 4
  telemetry.instruments.counter(METRICS.pageViewsTotal, {}).add(1)
  await telemetry.shutdown()
  t.match(lines, [
    { level: 'warn', msg: 'export of metrics fails', signal: 'metrics', error: /503/ },
    { level: 'info', msg: 'export of metrics works again', signal: 'metrics', failures: 4 },
  ])
  t.equal(lines.length, 2)
})

t.test(
  'a request that is never answered is given up after the time-out, for all signals or for one',
  async (t) => {
    for (const name of [
      'OTEL_EXPORTER_OTLP_TIMEOUT',
      'OTEL_EXPORTER_OTLP_METRICS_TIMEOUT',
      'OTEL_METRIC_EXPORT_TIMEOUT',
    ]) {
      const { receiver, telemetry } = await openTelemetry(t, {
        [name]: '30',
        OTEL_TRACES_EXPORTER: 'none',
        OTEL_LOGS_EXPORTER: 'none',
      })
      receiver.answerWith('no answer')
      telemetry.instruments.counter(METRICS.pageViewsTotal, {}).add(1)
      await telemetry.shutdown(4000)
      const said: unknown[] = []
      telemetry.diagnostics.listen((diagnostic) => said.push(diagnostic))
      t.match(
        said,
        [
          { message: 'export of metrics fails', details: { error: /timed? ?out/i } },
          { message: 'export of metrics works again' },
        ],
        name,
      )
      t.equal(said.length, 2)
      t.ok(receiver.metrics('web.page_views_total').length > 0, 'and the next one delivers')
    }
  },
)

t.test('what the SDK says is logged from OTEL_LOG_LEVEL on', async (t) => {
  const heard = async (env: NodeJS.ProcessEnv) => {
    const { telemetry } = await openTelemetry(t, env)
    diag.error('an error')
    diag.warn('a warning', new Error('the reason'))
    diag.warn('a warning')
    diag.info('a remark')
    const said: unknown[] = []
    telemetry.diagnostics.listen(({ level, message }) => said.push([level, message]))
    await telemetry.shutdown()
    return said
  }
  const error = ['warn', 'OpenTelemetry: an error']
  const warning = ['warn', 'OpenTelemetry: a warning']
  t.same(await heard({}), [error, warning])
  t.same(await heard({ OTEL_LOG_LEVEL: 'ERROR' }), [error])
  t.same(await heard({ OTEL_LOG_LEVEL: 'none' }), [])
  t.same((await heard({ OTEL_LOG_LEVEL: 'info' })).slice(0, 3), [
    error,
    warning,
    ['info', 'OpenTelemetry: a remark'],
  ])
})

t.test('many starts in one process do not disturb each other', async (t) => {
  const first = await openTelemetry(t)
  const second = await openTelemetry(t)
  sayEverything(first.telemetry)
  await first.telemetry.shutdown()
  t.ok(
    context.with(context.active().setValue(Symbol.for('x'), 1), () =>
      context.active().getValue(Symbol.for('x')),
    ),
  )
  sayEverything(second.telemetry)
  await second.telemetry.shutdown()
  t.equal(first.receiver.spans().length, 1)
  t.equal(second.receiver.spans().length, 1)
  t.equal(propagation.fields().length, 0, 'no global propagator is set')
})

t.test('nothing is asked for at a start but the receiver', async (t) => {
  const telemetry = startTelemetry({
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_EXPORTER_OTLP_TIMEOUT: '50' },
    serviceVersion: '1',
    hostName: 'h',
    supportTag: 's',
    instanceId: 'i',
  })
  sayEverything(telemetry)
  await t.resolves(telemetry.shutdown(2000), 'and a receiver that is not there is no error')
})
