import { test } from 'tap'
import { openApp } from '../support/harness.ts'
import { addMembers, setAdministrator, type TestMember } from '../support/members.ts'
import { OtlpReceiver } from '../support/otlp-receiver.ts'

test('an event leaves as a log record with its name, in the trace of its request', async (t) => {
  const receiver = await OtlpReceiver.start(t)
  const opened = await openApp(t, {
    env: {
      OTEL_LOGS_EXPORTER: 'otlp',
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_TRACES_SAMPLER: 'always_on',
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    },
  })
  const [ada] = (await addMembers(opened, 'Ada')) as [TestMember]
  await setAdministrator(opened, ada)
  const events = [
    {
      title: 'Deployed 1.2',
      text: 'First line\nand second',
      tags: ['team:web', 'deploy'],
      severity: 'warning',
    },
    { title: 'The end is nigh', severity: 'error' },
    { title: 'Load test', tags: [] },
  ]
  for (const event of events) {
    const reply = await ada.ask('POST', '/v1/admin/events', event)
    t.equal(reply.statusCode, 202)
    t.equal(reply.body, '')
  }
  await opened.telemetry.shutdown()
  t.match(receiver.logs(), [
    {
      eventName: 'rollcall.event',
      body: 'First line\nand second',
      severityNumber: 13,
      severityText: 'WARN',
      attributes: { title: 'Deployed 1.2', tags: 'team:web,deploy' },
    },
    { body: 'The end is nigh', severityNumber: 17, attributes: { title: 'The end is nigh' } },
    { body: 'Load test', severityNumber: 9 },
  ])
  t.strictSame(receiver.logs()[2]?.attributes, { title: 'Load test' })
  const spans = receiver.spans().filter(({ name }) => name === 'POST /v1/admin/events')
  t.strictSame(
    receiver.logs().map(({ traceId, spanId }) => [traceId, spanId]),
    spans.map(({ traceId, spanId }) => [traceId, spanId]),
  )
})

test('an event that nobody could read is refused at its field', async (t) => {
  const opened = await openApp(t)
  const [ada] = (await addMembers(opened, 'Ada')) as [TestMember]
  await setAdministrator(opened, ada)
  const wrong: [body: object, pointer: string][] = [
    [{ title: '' }, '#/title'],
    [{ title: '  ' }, '#/title'],
    [{ title: 'x'.repeat(101) }, '#/title'],
    [{ title: 'two\nlines' }, '#/title'],
    [{ title: 'x\u202Ey' }, '#/title'],
    [{ title: 5 }, '#/title'],
    [{ title: 'x', text: '' }, '#/text'],
    [{ title: 'x', text: 'y'.repeat(4001) }, '#/text'],
    [{ title: 'x', text: 'NUL \u0000' }, '#/text'],
    [{ title: 'x', tags: 'deploy' }, '#/tags'],
    [{ title: 'x', tags: ['1st'] }, '#/tags'],
    [{ title: 'x', tags: ['a,b'] }, '#/tags'],
    [{ title: 'x', tags: ['a b'] }, '#/tags'],
    [{ title: 'x', tags: [''] }, '#/tags'],
    [{ title: 'x', tags: ['a'.repeat(201)] }, '#/tags'],
    [{ title: 'x', tags: [5] }, '#/tags/0'],
    [{ title: 'x', tags: Array(21).fill('a') }, '#/tags'],
    [{ title: 'x', severity: 'grave' }, '#/severity'],
    [{ title: 'x', host: 'y' }, '#/host'],
  ]
  for (const [body, pointer] of wrong) {
    const reply = await ada.ask('POST', '/v1/admin/events', body)
    t.equal(reply.statusCode, 422, JSON.stringify(body).slice(0, 80))
    t.ok(
      reply.json().errors.some((error: { pointer: string }) => error.pointer === pointer),
      pointer,
    )
  }
  const longest = { title: 'Ж'.repeat(100), text: '🎉'.repeat(4000), tags: Array(20).fill('é'.repeat(200)) }
  t.equal(
    (await ada.ask('POST', '/v1/admin/events', { ...longest, text: '🎉'.repeat(1000) })).statusCode,
    202,
  )
})
