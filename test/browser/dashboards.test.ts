import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { test } from 'tap'
import { noBrowser, openBrowser, openPage, until } from './browser.ts'
import { LEAST_PIXELS, PIXELS_OF } from './pixels.ts'
import { arrived, startProduct } from './product.ts'

const DASHBOARDS = readdirSync(join(import.meta.dirname, '..', '..', 'datadog', 'dashboards')).map((file) =>
  file.slice(0, -'.json'.length),
)
/** These come from a Collector, and say so until it sends them. */
const OF_THE_COLLECTOR = /^(?:No metric named (?:system|httpcheck|container)\.[\w.]+ has arrived yet\.\n?)+$/

async function blankWidgets(page: Page): Promise<Shown[]> {
  const shown = await page.evaluate<Shown[]>(`(() => {
    ${PIXELS_OF}
    return [...document.querySelectorAll('.widget:not(.note)')].map((widget) => ({
      title: widget.getAttribute('aria-label'),
      state: widget.dataset.state,
      message: widget.querySelector('.message').textContent,
      text: widget.querySelector('.body').textContent,
      drawn: [...widget.querySelectorAll('.uplot')].map(pixelsOf),
    }))
  })()`)
  return shown.filter(
    ({ state, message, text, drawn }) =>
      !(state === 'empty' && OF_THE_COLLECTOR.test(message)) &&
      !(state === 'drawn' && text !== '' && drawn.every((pixels) => pixels > LEAST_PIXELS)),
  )
}

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
        const name = `${dashboard}, ${width} px, ${scheme}`
        let blank = await blankWidgets(page)
        // What the first visitors have not done yet comes with the next export.
        for (let tries = 0; tries < 20 && blank.length > 0; tries += 1) {
          await page.waitForTimeout(500)
          blank = await blankWidgets(page)
        }
        t.strictSame(blank, [], `${name}: all ${await widgets.count()} widgets`)
        t.equal(
          await page.evaluate('document.documentElement.scrollWidth'),
          width,
          `${name}: nothing sticks out`,
        )
        // What blankWidgets reads, it reads several times.
        const own = /^Canvas2D: Multiple readback operations/
        t.strictSame(
          faults.filter((fault) => !own.test(fault)),
          [],
          `${name}: no fault`,
        )
        await page.context().close()
      }
})

interface Shown {
  title: string
  state: string
  message: string
  text: string
  /** Pixels of each chart. */
  drawn: number[]
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
  const variable = page.locator('#variable-page')
  await variable.locator('summary').click()
  await variable.getByRole('checkbox', { name: 'community' }).check()
  await until(async () => (await top.count()) === 1)
  t.equal(await top.textContent(), 'community')
  t.match(page.url(), 'tpl_var_page=community')
  await variable.getByRole('checkbox', { name: 'home' }).check()
  await until(async () => (await top.count()) === 2)
  t.strictSame((await top.allTextContents()).sort(), ['community', 'home'])
  await page.reload()
  await until(async () => (await top.count()) === 2)
  t.equal(await variable.locator('summary b').textContent(), 'community, home', 'the address keeps both')
  await page.keyboard.press('Escape')

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
