import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { createLogger } from '../../src/telemetry/logging.ts'
import { exchange, listen, openMeasured, openTelemetry } from './measured.ts'

function routes(app: FastifyInstance) {
  const background = app.log
  app.get('/', { config: { page: 'home' } }, async () => 'quiet')
  app.get('/says', { config: { page: 'home' } }, async (request) => {
    request.log.info('from the request')
    await new Promise((resolve) => setImmediate(resolve))
    background.info('from elsewhere')
    return request.traceId
  })
  app.get('/warns', { config: { page: 'home' } }, async (request) => {
    request.log.warn({ tries: 3, who: 'x'.repeat(5000), nested: { secret: 1 } }, 'careful with %s', 'this')
    return request.traceId
  })
  app.get('/breaks', { config: { page: 'home' } }, async () => {
    throw new RangeError('out of range')
  })
  app.post('/body', { config: { page: 'signup' } }, async () => 'read')
  app.setErrorHandler((error, request, reply) => {
    request.log.error({ err: error }, 'request failed')
    reply.code(500).send(request.traceId)
  })
}

t.test('an ordinary request writes no line', async (t) => {
  const { app, lines } = await openMeasured(t, routes, { slowRequestMs: 60_000 })
  await app.inject('/')
  await app.inject('/nowhere')
  t.same(lines, [])
})

t.test('every line of a request has its trace id, sampled or not', async (t) => {
  for (const sampler of ['always_on', 'always_off']) {
    const { app, lines } = await openMeasured(t, routes, { env: { OTEL_TRACES_SAMPLER: sampler } })
    const trace_id = (await app.inject('/says')).body
    t.match(lines, [
      { level: 'info', msg: 'from the request', trace_id, span_id: /^[0-9a-f]{16}$/ },
      { level: 'info', msg: 'from elsewhere', trace_id, span_id: /^[0-9a-f]{16}$/ },
    ])
    t.match(lines[0]?.time, /^\d{4}-\d\d-\d\dT.*Z$/)
  }
})

t.test('without telemetry a line still has the trace id of the reply, and no span', async (t) => {
  const { app, lines } = await openMeasured(t, routes, { env: { OTEL_SDK_DISABLED: 'true' } })
  const trace_id = (await app.inject('/says')).body
  t.match(lines, [{ trace_id }, { trace_id }])
  t.notOk('span_id' in (lines[0] ?? {}))
})

t.test('the line of a body that could not be read has the trace id of its reply', async (t) => {
  const { app, lines } = await openMeasured(t, routes)
  const port = await listen(app)
  const head =
    'POST /body HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n'
  const request = exchange(port, head)
  setTimeout(() => request.write('2\r\n{x\r\n0\r\n\r\n'), 10)
  const reply = await request.done
  const line = lines.find(({ msg }) => msg === 'request failed')
  t.match(line, { level: 'error', trace_id: /^[0-9a-f]{32}$/ })
  t.ok(reply.endsWith(String(line?.trace_id)))
})

t.test('warnings and errors also leave as log records, bounded, with their trace', async (t) => {
  const { app, lines, received } = await openMeasured(t, routes, { foreign: ['logs'] })
  const warned = (await app.inject('/warns')).body
  const failed = (await app.inject('/breaks')).body
  app.log.fatal('outside of any request')
  app.log.error(new TypeError('bare'))
  await app.inject('/says')
  const receiver = await received()
  const spans = new Map(receiver.spans().map((span) => [span.traceId, span.spanId]))
  const records = receiver.logs()
  t.match(records, [
    {
      body: 'careful with this',
      severityNumber: 13,
      severityText: 'WARN',
      traceId: warned,
      spanId: spans.get(warned),
    },
    {
      body: 'request failed',
      severityNumber: 17,
      severityText: 'ERROR',
      traceId: failed,
      spanId: spans.get(failed),
    },
    { body: 'outside of any request', severityNumber: 21, severityText: 'FATAL', traceId: undefined },
    { body: 'bare', severityNumber: 17, attributes: { 'exception.type': 'TypeError' } },
  ])
  t.equal(records.length, 4, 'an info line stays at home')
  t.same(records[0]?.attributes, { tries: 3, who: 'x'.repeat(1024) })
  t.match(records[1]?.attributes, { 'exception.type': 'RangeError', 'exception.message': 'out of range' })
  t.equal(lines[0]?.msg, 'careful with this')
})

t.test('a slow request is a warning with its duration, one that is not is silent', async (t) => {
  const { app, lines, received } = await openMeasured(
    t,
    (app) => {
      app.get('/slow/:id', { config: { page: 'friends' } }, async (request) => {
        await new Promise((resolve) => setTimeout(resolve, 30))
        return request.traceId
      })
      app.get('/fast', { config: { page: 'friends' } }, async () => '')
    },
    { slowRequestMs: 25 },
  )
  // Over a real connection: its end comes from the socket, outside of the request's context.
  const port = await listen(app)
  const trace_id = await (await fetch(`http://127.0.0.1:${port}/slow/1`)).text()
  await (await fetch(`http://127.0.0.1:${port}/fast`)).text()
  await app.close()
  lines.shift()
  await received().then((receiver) =>
    t.match(receiver.logs(), [
      { body: 'slow request', traceId: trace_id, attributes: { page: 'friends', route: '/slow/:id' } },
    ]),
  )
  t.match(lines, [
    { level: 'warn', msg: 'slow request', trace_id, method: 'GET', route: '/slow/:id', status: 200 },
  ])
  t.ok(Number(lines[0]?.durationMs) >= 25)
})

t.test('the line of a slow request that was aborted has its trace id', async (t) => {
  const arrived = Promise.withResolvers<string>()
  const { app, lines } = await openMeasured(
    t,
    (app) => {
      app.get('/', { config: { page: 'home' } }, async (request) => {
        arrived.resolve(request.traceId)
        await new Promise((resolve) => request.raw.on('close', resolve))
      })
    },
    { slowRequestMs: 0 },
  )
  const port = await listen(app)
  const request = exchange(port, 'GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  const trace_id = await arrived.promise
  request.leave('reset')
  await request.done
  await app.close()
  t.match(
    lines.find(({ msg }) => msg === 'slow request'),
    { trace_id, cutOff: 'aborted' },
  )
})

t.test('at a terminal a line is a sentence, elsewhere it is JSON', async (t) => {
  const { telemetry } = await openTelemetry(t, {}, { foreign: ['logs'] })
  const sayTo = (isTerminal: boolean) => {
    const lines: string[] = []
    const destination = { write: (line: string) => void lines.push(line) }
    const logger = createLogger({ level: 'info', telemetry, fields: { slot: 2 }, destination, isTerminal })
    logger.info('restarting')
    logger.info(
      { problems: { 'not-found': 12, invalid: 1 }, lastTraceIds: { invalid: 'f'.repeat(32) } },
      'refused',
    )
    logger.warn({ route: '/', reason: null, trace_id: 'a'.repeat(32), span_id: 'b'.repeat(16) }, 'slow')
    logger.error({ err: new TypeError('it broke'), status: 500 }, 'request failed')
    logger.error(new RangeError('bare'))
    logger.warn({ detail: 'two\nlines, \u001b[31mred and \u202eturned' }, 'from outside')
    return lines
  }
  const sentences = sayTo(true)
  const expected = [
    / restarting \(slot 2\)$/,
    / refused \(slot 2, not-found 12, invalid 1\)$/,
    / Warning: slow \(slot 2, route \/, trace a{32}\)$/,
    / Error: request failed: TypeError: it broke at .*logging\.test\.ts:.+ \(slot 2, status 500\)$/,
    / Error: bare: RangeError: bare at .*logging\.test\.ts:.+ \(slot 2\)$/,
    / Warning: from outside \(slot 2, detail two lines, {2}\[31mred and {2}turned\)$/,
  ]
  t.match(
    sentences.map((line) => line.replace(/\n$/, '')),
    expected,
  )
  for (const line of sentences) t.match(line, /^\d\d:\d\d:\d\d [^\n]+\n$/, 'one line, with the time')
  const lines = sayTo(false).map((line) => JSON.parse(line))
  t.match(lines[0], { level: 'info', slot: 2, msg: 'restarting' })
  t.equal(lines.length, sentences.length)
})

t.test('the log level holds for log records as well', async (t) => {
  const { receiver, telemetry } = await openTelemetry(t)
  const logger = createLogger({ level: 'error', telemetry, destination: { write() {} } })
  logger.warn('not this')
  logger.error('this')
  await telemetry.shutdown()
  t.match(receiver.logs(), [{ body: 'this' }])
  t.equal(receiver.logs().length, 1)
})
