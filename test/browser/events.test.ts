import { test } from 'tap'
import { Client } from '../proof/client.ts'
import { PASSWORD } from '../support/harness.ts'
import { startService } from '../support/service.ts'
import { openViewer } from '../viewer/viewer-client.ts'
import { noBrowser, openBrowser, openPage, until } from './browser.ts'
import { arrived } from './product.ts'

const ADA = { email: 'ada@example.com', password: PASSWORD }

test('an event that an administrator sends is a line in the charts, which tells its title', {
  skip: noBrowser,
  timeout: 120_000,
}, async (t) => {
  const viewer = await openViewer(t)
  const service = await startService(t, {
    env: {
      ADMIN_EMAIL: ADA.email,
      OTEL_METRICS_EXPORTER: 'otlp',
      OTEL_LOGS_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_ENDPOINT: viewer.url,
      OTEL_METRIC_EXPORT_INTERVAL: '1000',
    },
  })
  const client = new Client(service.url)
  t.teardown(() => client.close())
  await client.ask({ method: 'POST', path: '/v1/users', body: { name: 'Ada', ...ADA } })
  const { token } = JSON.parse((await client.ask({ method: 'POST', path: '/v1/sessions', body: ADA })).body)
  await arrived(viewer, ['web.page_views', 'database.query.time'])

  const browser = await openBrowser(t)
  const { page, faults } = await openPage(browser, viewer.url, '/?dashboard=10-page-views&span=5m')
  const lines = page.locator('.event-line')
  await page.locator('.widget.timeseries[data-state=drawn] canvas').first().waitFor()
  t.equal(await lines.count(), 0)

  const title = 'Deployed <b>1.2</b>'
  const reply = await client.ask({
    method: 'POST',
    path: '/v1/admin/events',
    headers: { authorization: `Bearer ${token}` },
    body: { title, tags: ['team:web'], severity: 'warning' },
  })
  t.equal(reply.status, 202)
  // One for each chart of the page that is drawn.
  const charts = await page.locator('.widget.timeseries[data-state=drawn]').count()
  await until(async () => (await lines.count()) >= charts)
  const line = lines.first()
  t.match(await line.getAttribute('aria-label'), /^Event at \d\d:\d\d:\d\d: Deployed <b>1\.2<\/b>$/)
  t.equal(await line.getAttribute('data-level'), 'warn')

  // Its place: at the time of the event, within the plot.
  const box = (await line.boundingBox())!
  const over = (await page.locator('.u-over').first().boundingBox())!
  t.ok(box.x >= over.x && box.x <= over.x + over.width + 2, 'it lies over the plot')
  t.ok(Math.abs(box.height - over.height) < 2, 'from its top to its foot')

  await page.mouse.move(over.x + 5, over.y + 5)
  t.notOk(
    await page
      .locator('.tooltip .event')
      .first()
      .isVisible()
      .catch(() => false),
    'not far from it',
  )
  await until(async () => {
    const now = (await line.boundingBox())!
    await page.mouse.move(now.x + 2, now.y + 20)
    return page.locator('.tooltip .event', { hasText: title }).first().isVisible()
  })
  await line.focus()
  // Away and back: only a keyboard's focus is shown.
  await page.keyboard.press('Shift+Tab')
  await page.keyboard.press('Tab')
  await until(() => page.locator('.event-line:focus .event-title').isVisible())
  t.equal(await page.locator('.event-line:focus .event-title').textContent(), title)
  t.strictSame(faults, [])
})
