import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'tap'
import { Viewer } from '../../packages/viewer/src/viewer.ts'
import { DASHBOARDS, openViewer, sum, ViewerClient } from '../viewer/viewer-client.ts'
import { noBrowser, openBrowser, openPage, until } from './browser.ts'

const SIZE = { host: '127.0.0.1', minutes: 60, memoryMib: 64, dashboardsDirectory: DASHBOARDS }
const views = (count: number) => [
  sum('web.page_views', [
    { second: Math.floor(Date.now() / 1000) - 5, asInt: String(count), attributes: { page: 'home' } },
  ]),
]
const LOGS = {
  resourceLogs: [
    {
      scopeLogs: [
        {
          logRecords: [
            {
              timeUnixNano: `${Date.now()}000000`,
              severityNumber: 13,
              body: { stringValue: 'a line that is followed' },
            },
          ],
        },
      ],
    },
  ],
}

test('a page whose viewer is gone says so, keeps what it shows, and goes on when it is back', {
  skip: noBrowser,
}, async (t) => {
  const gone = await Viewer.start({ ...SIZE, port: 0 })
  // A test that fails before it closes the viewer would otherwise wait for it until its time-out.
  t.teardown(() => gone.close())
  const { url } = gone
  await new ViewerClient(url).send(views(7))
  const browser = await openBrowser(t)
  const { page } = await openPage(browser, url, '/')
  const top = page.locator('table.toplist tr', { hasText: 'home' })
  await top.waitFor()
  // A widget that has shown nothing yet has nothing to keep, and says that it failed.
  const drawn = page.locator('.widget[data-state=drawn]')
  const shown = await drawn.count()
  await gone.close()
  await page.getByText('The viewer does not answer. Trying again').waitFor()
  t.ok(await page.getByRole('button', { name: 'Away' }).isVisible())
  // Longer than charts stand still without news.
  await page.waitForTimeout(11_500)
  t.match(await top.textContent(), /7/)
  t.ok((await drawn.count()) >= shown && shown > 0, `${shown} widgets are drawn still`)

  const back = await Viewer.start({ ...SIZE, port: Number(new URL(url).port) })
  t.teardown(() => back.close())
  await page.getByText('The viewer does not answer. Trying again').waitFor({ state: 'hidden' })
  await page.getByRole('button', { name: 'Live' }).waitFor()
  await new ViewerClient(url).send(views(9))
  await until(async () => (await top.textContent())?.includes('9') ?? false)
  t.pass('it shows what the new one knows')
})

test('where the stream of news is refused, pages ask now and then', { skip: noBrowser }, async (t) => {
  const viewer = await openViewer(t)
  const browser = await openBrowser(t)
  const { page } = await openPage(browser, viewer.url, '/status')
  await page.route('**/api/stream', (route) => route.fulfill({ status: 503 }))
  for (const [path, isThere] of [
    ['/', page.locator('table.toplist tr', { hasText: 'home' })],
    ['/logs', page.getByText('a line that is followed')],
  ] as const) {
    await page.goto(viewer.url + path)
    await page.locator('#top nav').waitFor()
    if (path === '/') await viewer.send(views(1))
    else await viewer.post('/v1/logs', LOGS)
    await isThere.waitFor()
    t.ok(await page.getByRole('button', { name: 'Live' }).isVisible(), path)
  }
})

test('a sender that is silent is shown as silent, though there is no news', {
  skip: noBrowser,
}, async (t) => {
  const viewer = await openViewer(t)
  await viewer.send(views(1), { 'service.name': 'shop', 'service.instance.id': 'shop:1' })
  const browser = await openBrowser(t)
  const { page } = await openPage(browser, viewer.url, '/status')
  const last = page.locator('tr', { hasText: 'shop:1' }).locator('td').last()
  await last.waitFor()
  t.match(await last.textContent(), /^(now|\d+ s ago)$/)
  const now = Date.now()
  t.intercept(Date, 'now', { value: () => now + 75_000 })
  await until(async () => /^silent since .+ \(\d+ s ago\)$/.test((await last.textContent()) ?? ''))
  t.pass('it says since when')
})

test('lines are followed, not while somebody stopped it, and all of them after that', {
  skip: noBrowser,
}, async (t) => {
  const viewer = await openViewer(t)
  const browser = await openBrowser(t)
  const { page } = await openPage(browser, viewer.url, '/logs')
  const lines = page.getByText('a line that is followed')
  await page.locator('.filters').waitFor()
  await viewer.post('/v1/logs', LOGS)
  await until(async () => (await lines.count()) === 1)
  await page.keyboard.press('f')
  await page.getByRole('button', { name: 'Stopped' }).waitFor()
  await viewer.post('/v1/logs', LOGS)
  // Longer than the second after which the page is told of it.
  await page.waitForTimeout(1500)
  t.equal(await lines.count(), 1)
  await page.keyboard.press('f')
  await until(async () => (await lines.count()) === 2)
})

test('without a browser these tests say why nothing was tested', async (t) => {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'swagger.test.ts')], {
    env: { PATH: process.env.PATH, CHROMIUM: '/nowhere/chromium' },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let said = ''
  child.stdout.on('data', (chunk) => {
    said += chunk
  })
  t.strictSame(await once(child, 'close'), [0, null])
  t.match(said, /# SKIP there is no Chromium: install it, or name it in CHROMIUM\n/)
})
