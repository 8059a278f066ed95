import type { Page } from 'playwright-core'
import { test } from 'tap'
import { openViewer } from '../viewer/viewer-client.ts'
import { violations as allViolations } from './axe.ts'
import { noBrowser, openBrowser, openPage, until } from './browser.ts'
import { arrived, startProduct } from './product.ts'

/** Only an input may be a combobox; a query is as long as it is, and an input would not wrap it. */
const EXCEPTION = /^aria-allowed-role: textarea:/
const SCHEMES = ['light', 'dark'] as const
const LOOKS = [360, 768, 1280].flatMap((width) => SCHEMES.map((scheme) => ({ width, scheme })))

async function violations(page: Page): Promise<string[]> {
  return (await allViolations(page)).filter((line) => !EXCEPTION.test(line))
}

test('every page holds to WCAG 2.2 AA before any data, in each width and scheme', {
  skip: noBrowser,
  timeout: 300_000,
}, async (t) => {
  const viewer = await openViewer(t)
  const browser = await openBrowser(t)
  for (const path of ['/', '/explorer', '/traces', '/logs', '/status'])
    for (const look of LOOKS) {
      const { page, faults } = await openPage(browser, viewer.url, path, look)
      await page.getByText('Waiting for the first data').waitFor()
      const name = `${path}, ${look.width} px, ${look.scheme}`
      t.strictSame(await violations(page), [], name)
      t.equal(
        await page.evaluate('document.documentElement.scrollWidth'),
        look.width,
        `${name}: nothing sticks out`,
      )
      t.strictSame(faults, [], name)
      await page.context().close()
    }
})

test('every page holds to WCAG 2.2 AA with data, in each width and scheme', {
  skip: noBrowser,
  timeout: 600_000,
}, async (t) => {
  const { viewer } = await startProduct(t)
  await arrived(viewer, ['web.page_views', 'http.server.request.duration', 'rollcall.table.rows'])
  await until(async () => (await viewer.get('/api/logs')).json.logs.length > 0)
  const logIns = async () => (await viewer.get('/api/traces?route=/v1/sessions')).json.traces
  await until(async () => (await logIns()).length > 0)
  const [{ traceId }] = await logIns()
  const query = encodeURIComponent('p95:http.server.request.duration{*} by {http.route}')
  const pages: [path: string, ready: string][] = [
    ['/?dashboard=10-page-views&span=5m', '.widget.toplist[data-state=drawn]'],
    ['/?dashboard=20-latency-by-page&span=5m', '.widget[data-state=drawn]'],
    [`/explorer?q=${query}&span=5m`, '.widget[data-state=drawn] .legend'],
    ['/traces', 'table.traces tbody a'],
    [`/traces?trace=${traceId}`, '.span'],
    ['/logs', '.log'],
    ['/status', 'table.plain td'],
  ]
  const browser = await openBrowser(t)
  for (const [path, ready] of pages)
    for (const look of LOOKS) {
      const { page } = await openPage(browser, viewer.url, path, look)
      await page.locator(ready).first().waitFor()
      await page.keyboard.press('p')
      const name = `${path}, ${look.width} px, ${look.scheme}`
      t.strictSame(await violations(page), [], name)
      if (look.width === 360) {
        await page.keyboard.press('?')
        t.strictSame(await violations(page), [], `${name}: its keys`)
      }
      await page.context().close()
    }
})

/**
 * Of what axe does not compute: the parts of the page that are no text, which need 3:1 (WCAG 1.4.11). Not the grey
 * columns that lines are drawn over: they are faint so that the lines are seen, and the legend has their numbers.
 */
const FAINT_PARTS = `(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true })
  /** Colours over each other, of whatever notation, as what is seen of them. */
  const seen = (...colors) => {
    for (const color of colors) {
      canvas.fillStyle = color
      canvas.fillRect(0, 0, 1, 1)
    }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3)
  }
  const luminance = (channels) => {
    const [red, green, blue] = channels.map((value) => {
      const share = value / 255
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
  }
  const contrast = (color, grounds) => {
    const both = [luminance(seen(...grounds, color)), luminance(seen(...grounds))]
    const [dark, light] = both.sort((a, b) => a - b)
    return (light + 0.05) / (dark + 0.05)
  }
  const behind = (element) =>
    element === null ? [] : [...behind(element.parentElement), getComputedStyle(element).backgroundColor]
  const parts = [
    ...[...document.querySelectorAll('main input, main textarea')].map((each) => [each, 'borderTopColor', each.parentElement]),
    ...[...document.querySelectorAll('.swatch:not(.area, .bars), .top .dot')].map((each) => [each, 'backgroundColor', each.parentElement]),
    ...[...document.querySelectorAll('.swatch.area')].map((each) => [each, 'borderTopColor', each.parentElement]),
    ...[...document.querySelectorAll('.top svg')].map((each) => [each, 'color', each]),
  ].filter(([each]) => each.checkVisibility())
  return {
    checked: parts.length,
    faint: parts
      .map(([each, property, ground]) => [each, getComputedStyle(each)[property], behind(ground)])
      .filter(([, color, grounds]) => contrast(color, grounds) < 3)
      .map(([each, color, grounds]) => each.className + ' ' + color + ' on ' + grounds.join(', ')),
  }
})()`

test('fields, marks and symbols stand out from what is behind them, in both schemes', {
  skip: noBrowser,
}, async (t) => {
  const { viewer } = await startProduct(t)
  await arrived(viewer, ['web.page_views', 'http.server.request.duration'])
  const browser = await openBrowser(t)
  const query = encodeURIComponent('p95:http.server.request.duration{*} by {http.route}')
  for (const path of ['/?span=5m', `/explorer?q=${query}&span=5m`, '/traces', '/logs'])
    for (const scheme of SCHEMES) {
      const { page } = await openPage(browser, viewer.url, path, { scheme })
      if (!path.startsWith('/traces') && !path.startsWith('/logs'))
        await page.locator('.widget[data-state=drawn] .swatch').first().waitFor()
      await page.locator('.top .dot').waitFor()
      const { checked, faint } = await page.evaluate<{ checked: number; faint: string[] }>(FAINT_PARTS)
      t.ok(checked >= 6, `${path}, ${scheme}: ${checked} parts`)
      t.strictSame(faint, [], `${path}, ${scheme}`)
      await page.context().close()
    }
})

/** What has the focus: where it is in the document's order, and whether it shows. */
const FOCUSED = `(() => {
  const element = document.activeElement
  if (element === document.body) return undefined
  const isOutlined = (each) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(each)
    return outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2
  }
  const { width, height, bottom, top } = element.getBoundingClientRect()
  const shown = [element, element.parentElement, ...element.querySelectorAll('[aria-selected=true]')]
  return {
    name: element.outerHTML.slice(0, 120),
    order: [...document.querySelectorAll('*')].indexOf(element),
    isShown: shown.some(isOutlined) && width > 0 && height > 0 && bottom > 0 && top < innerHeight,
  }
})()`

test('Tab reaches everything in the order of the page, and what has the focus shows it', {
  skip: noBrowser,
}, async (t) => {
  const { viewer } = await startProduct(t)
  await arrived(viewer, ['web.page_views', 'http.server.request.duration'])
  await until(async () => (await viewer.get('/api/logs')).json.logs.length > 0)
  const browser = await openBrowser(t)
  for (const [path, ready] of [
    ['/?span=5m', '.widget.toplist[data-state=drawn]'],
    ['/explorer', '.metrics li'],
    ['/traces', 'table.traces tbody a'],
    ['/logs', '.log'],
    ['/status', 'table.plain td'],
  ] as const) {
    const { page } = await openPage(browser, viewer.url, path)
    await page.locator(ready).first().waitFor()
    await page.keyboard.press('p')
    await page.getByRole('button', { name: 'Paused' }).waitFor()
    const places: { name: string; order: number; isShown: boolean }[] = []
    while (places.length < 30) {
      await page.keyboard.press('Tab')
      const place = await page.evaluate<(typeof places)[number] | undefined>(FOCUSED)
      if (place === undefined) break
      places.push(place)
    }
    t.ok(places.length >= 9, `${path}: ${places.length} places`)
    t.match(places[0]?.name, 'class="skip"', `${path}: the content is one key away`)
    t.strictSame(
      places.filter(({ isShown }) => !isShown).map(({ name }) => name),
      [],
      `${path}: all are seen`,
    )
    const orders = places.map(({ order }) => order)
    t.strictSame(
      orders,
      orders.toSorted((one, other) => one - other),
      `${path}: in order`,
    )
  }
})

test('who asked their system for less motion sees none', { skip: noBrowser }, async (t) => {
  const viewer = await openViewer(t)
  const browser = await openBrowser(t)
  const { page } = await openPage(browser, viewer.url, '/')
  await page.locator('.waiting').waitFor()
  const moving = () => page.evaluate<number>('document.getAnimations().length')
  t.ok((await moving()) > 0, 'what waits moves')
  await page.emulateMedia({ reducedMotion: 'reduce' })
  t.equal(await moving(), 0)
})
