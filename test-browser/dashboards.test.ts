import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { noBrowser, openBrowser, openPage, until } from './browser.ts'
import { arrived, startProduct } from './product.ts'

const DASHBOARDS = readdirSync(join(import.meta.dirname, '..', 'datadog', 'dashboards')).map((file) =>
  file.slice(0, -'.json'.length),
)
/** These come from a Collector, and say so until it sends them. */
const OF_THE_COLLECTOR = /^(?:No metric named (?:system|httpcheck|container)\.[\w.]+ has arrived yet\.\n?)+$/

test('every dashboard is drawn under load, in each width and scheme', {
  skip: noBrowser,
  timeout: 300_000,
}, async (t) => {
  t.ok(DASHBOARDS.length >= 7)
  const { viewer } = await startProduct(t)
  await arrived(viewer, ['web.page_views', 'test.support.random', 'rollcall.table.rows', 'v8js.gc.duration'])
  const browser = await openBrowser(t)
  for (const dashboard of DASHBOARDS)
    for (const width of [360, 768, 1400])
      for (const scheme of ['light', 'dark'] as const) {
        const look = { width, height: 6000, scheme }
        const { page, faults } = await openPage(browser, viewer.url, `/?dashboard=${dashboard}&span=5m`, look)
        const widgets = page.locator('.widget:not(.note)')
        await widgets.first().waitFor()
        await page.locator('.widget:not(.note):not([data-state])').first().waitFor({ state: 'detached' })
        const shown = await page.evaluate<
          Shown[]
        >(`[...document.querySelectorAll('.widget:not(.note)')].map((widget) => ({
          title: widget.getAttribute('aria-label'),
          state: widget.dataset.state,
          message: widget.querySelector('.message').textContent,
          text: widget.querySelector('.body').textContent,
          colors: [...widget.querySelectorAll('canvas')].map((canvas) => {
            if (canvas.width === 0 || canvas.height === 0) return 0
            const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
            return new Set(new Uint32Array(data.buffer)).size
          }),
        }))`)
        const name = `${dashboard}, ${width} px, ${scheme}`
        const blank = shown.filter(
          ({ state, message, text, colors }) =>
            !(state === 'empty' && OF_THE_COLLECTOR.test(message)) &&
            // A grid and its labels alone have fewer colours than lines and fills over them.
            !(state === 'drawn' && text !== '' && colors.every((count) => count > 20)),
        )
        t.strictSame(blank, [], `${name}: all ${shown.length} widgets`)
        t.equal(
          await page.evaluate('document.documentElement.scrollWidth'),
          width,
          `${name}: nothing sticks out`,
        )
        t.strictSame(faults, [], `${name}: no fault`)
        await page.context().close()
      }
})

interface Shown {
  title: string
  state: string
  message: string
  text: string
  colors: number[]
}

test('a variable narrows the queries, and a selection in a chart is the time of all', {
  skip: noBrowser,
}, async (t) => {
  const { viewer } = await startProduct(t)
  await arrived(viewer, ['web.page_views'])
  const browser = await openBrowser(t)
  const { page, faults } = await openPage(browser, viewer.url, '/?dashboard=10-page-views&span=5m')
  const top = page.locator('.widget', { hasText: 'Most viewed pages' }).locator('tbody th')
  await top.nth(1).waitFor()
  await page.locator('#variable-page').selectOption('community')
  await until(async () => (await top.count()) === 1)
  t.equal(await top.textContent(), 'community')
  t.match(page.url(), 'tpl_var_page=community')

  const box = (await page.locator('.u-over').first().boundingBox())!
  await page.mouse.move(box.x + box.width * 0.6, box.y + 20)
  await page.mouse.down()
  await page.mouse.move(box.x + box.width * 0.9, box.y + 20, { steps: 5 })
  await page.mouse.up()
  await page.getByRole('button', { name: 'Back to now' }).waitFor()
  const { searchParams } = new URL(page.url())
  const seconds = (Number(searchParams.get('to')) - Number(searchParams.get('from'))) / 1000
  t.ok(seconds > 80 && seconds < 100, `three tenths of 300 s are ${seconds} s`)
  await page.getByRole('button', { name: 'Back to now' }).click()
  t.notMatch(page.url(), 'from=')
  t.strictSame(faults, [])
})
