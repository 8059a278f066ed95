import { type Test, test } from 'tap'
import { browse } from '../support/browse.ts'
import { type OpenAppOptions, openApp, PASSWORD } from '../support/harness.ts'
import { OtlpReceiver } from '../support/otlp-receiver.ts'

const ADA = { name: 'Ada', email: 'ada@example.com', password: PASSWORD }

/** An administrator before a browser. */
async function openAdmin(t: Test, options: OpenAppOptions = {}) {
  const opened = await openApp(t, { ...options, config: { adminEmail: ADA.email } })
  const ada = browse(opened.app)
  await ada.post('/app/sign-up', ADA)
  return { ...opened, ada }
}

test('pages of administrators are shown to them alone', async (t) => {
  const { app, ada } = await openAdmin(t)
  const eve = browse(app)
  for (const path of ['/app/admin', '/app/admin/statistics'])
    t.equal((await eve.get(path)).path, `/app/log-in?next=${encodeURIComponent(path)}`, 'nobody')
  const home = await eve.post('/app/sign-up', { ...ADA, name: 'Eve', email: 'eve@example.com' })
  t.notMatch(home.body, 'Administration')
  for (const path of ['/app/admin', '/app/admin/statistics']) {
    const refused = await eve.get(path)
    t.equal(refused.status, 403, path)
    t.match(refused.body, 'Only administrators may do this')
  }
  t.equal(
    (await eve.post('/app/admin/events', { title: 'x', text: '', tags: '', severity: 'info' })).status,
    403,
  )
  t.match((await ada.get('/app')).body, '<a href="/app/admin" >Administration</a>')
  t.equal((await ada.get('/app/admin')).status, 200)
})

test('an event is sent by a form, which comes back with what was typed if it is refused', async (t) => {
  const receiver = await OtlpReceiver.start(t)
  const env = { OTEL_LOGS_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url }
  const { telemetry, ada } = await openAdmin(t, { env })
  const event = {
    title: 'Deployed <b>',
    text: 'One\r\ntwo',
    tags: 'team:web deploy, v:2',
    severity: 'warning',
  }
  const refused = await ada.post('/app/admin/events', { ...event, title: ' ', tags: '1st' })
  t.equal(refused.status, 422)
  t.match(refused.body, /id="title-error">must have 1 to 100 characters</)
  t.match(refused.body, /id="tags-error">must each begin with a letter/)
  t.match(refused.body, /<option selected>warning/)
  t.match(refused.body, 'One\ntwo</textarea>')

  const sent = await ada.post('/app/admin/events', event)
  t.equal(sent.path, '/app/admin?done=event')
  t.match(sent.body, 'The event was sent.')
  await ada.post('/app/admin/events', { title: 'Alone', text: '', tags: '', severity: 'info' })
  await telemetry.shutdown()
  t.match(receiver.logs(), [
    { body: 'One\ntwo', severityNumber: 13, attributes: { title: event.title, tags: 'team:web,deploy,v:2' } },
    { body: 'Alone', attributes: { title: 'Alone' } },
  ])
})

test('the page of statistics shows the counts, a bar for each day, and what the process has counted', async (t) => {
  const receiver = await OtlpReceiver.start(t)
  const env = { OTEL_METRICS_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url }
  const { ada } = await openAdmin(t, { env })
  const { status, body } = await ada.get('/app/admin/statistics')
  t.equal(status, 200)
  t.match(body, '<tr><th scope="row">Members</th><td class="number">1</td></tr>')
  t.match(body, '1 in the last 90 days, at most 1 on one day')
  t.match(body, '<p><a href="/app/admin">Administration</a></p>')
  t.equal(body.match(/<rect /g)?.length, 90)
  t.match(body, /height="100%"><title>20\d\d-\d\d-\d\d: 1<\/title><\/rect>\n<\/svg>/, 'today is the last')
  // A page is viewed when it has been shown, so it is not in its own count yet.
  t.match(body, /<th scope="row">statistics<\/th><td class="number">0<\/td>/)
  t.match(
    (await ada.get('/app/admin/statistics')).body,
    /<th scope="row">statistics<\/th><td class="number">1<\/td>/,
  )
  t.match(body, '<code>test</code>')
  t.notMatch(body, / style=/)
})

test('without metrics the page says that nothing is counted', async (t) => {
  const { ada } = await openAdmin(t)
  t.match((await ada.get('/app/admin/statistics')).body, 'Metrics are off, so nothing is counted.')
})
