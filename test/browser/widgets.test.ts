import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Locator } from 'playwright-core'
import { type Test, test } from 'tap'
import { temporaryFolder } from '../support/harness.ts'
import { gauge, lastMinute, openViewer, sum } from '../viewer/viewer-client.ts'
import { noBrowser, openBrowser, openPage, until } from './browser.ts'
import { LEAST_PIXELS, PIXELS_OF } from './pixels.ts'

const SERIES = 30
const MINUTE = 60_000

/** A viewer whose one dashboard has these widgets. */
function openViewerWith(t: Test, widgets: unknown[]) {
  const dashboards = temporaryFolder(t)
  mkdirSync(dashboards, { recursive: true })
  const dashboard = { title: 'Widgets', layout_type: 'ordered', template_variables: [], widgets }
  writeFileSync(join(dashboards, 'widgets.json'), JSON.stringify(dashboard))
  return openViewer(t, { dashboardsDirectory: dashboards })
}

/** A dashboard of these widgets, over two minutes of data, opened at a width. */
async function openDashboard(t: Test, widgets: unknown[], width = 1280) {
  const viewer = await openViewerWith(t, widgets)
  const second = lastMinute()
  const seconds = [second - 70, second - 40, second - 10]
  const points = Array.from({ length: SERIES }, (_, index) =>
    seconds.map((second) => ({
      second,
      asInt: String(index + 1),
      attributes: {
        tag: `group-${String(index).padStart(2, '0')}`,
        page: index % 2 === 0 ? 'home' : 'friends',
      },
    })),
  ).flat()
  await viewer.send([gauge('rows', points), sum('views', points)])
  const browser = await openBrowser(t)
  const path = `/?from=${second * 1000 - 2 * MINUTE}&to=${second * 1000}`
  return openPage(browser, viewer.url, path, { width, height: 2400 })
}

const request = (query: string, format = 'timeseries') => ({
  response_format: format,
  queries: [{ data_source: 'metrics', name: 'q', query, aggregator: 'avg' }],
  formulas: [{ formula: 'q' }],
})

const timeseries = (more: object = {}) => ({
  type: 'timeseries',
  title: 'Rows',
  show_legend: true,
  requests: [{ ...request('avg:rows{*} by {tag}'), display_type: 'line' }],
  ...more,
})

async function boxOf(locator: Locator) {
  const box = await locator.boundingBox()
  if (box === null) throw new Error('it has no box')
  return { ...box, bottom: box.y + box.height }
}

/** Of a widget, in one look: lines come and go while the legend is fitted. */
const COUNT_CUT_LINES = `(widget) => {
  const frame = widget.getBoundingClientRect().bottom
  return [...widget.querySelectorAll('.legend .item, .legend .more-series')].filter(
    (line) => line.checkVisibility() && line.getBoundingClientRect().bottom > frame,
  ).length
}`

for (const width of [360, 1280])
  test(`a legend shows whole lines, and the rest on demand, at ${width} px`, {
    skip: noBrowser,
  }, async (t) => {
    const { page, faults } = await openDashboard(
      t,
      [
        { definition: timeseries(), layout: { x: 0, y: 0, width: 4, height: 2 } },
        {
          definition: timeseries({ legend_layout: 'vertical' }),
          layout: { x: 4, y: 0, width: 4, height: 3 },
        },
        { definition: timeseries({ legend_layout: 'auto' }), layout: { x: 0, y: 3, width: 12, height: 4 } },
      ],
      width,
    )
    const widgets = page.locator('.widget[data-state=drawn]')
    await until(async () => (await widgets.count()) === 3)
    let shortened = 0
    for (const [index, widget] of (await widgets.all()).entries()) {
      const legend = widget.locator('.legend')
      const items = legend.locator('.item:visible')
      const more = legend.locator('.more-series')
      await items.first().waitFor()
      // The legend takes its size after the chart has: what is cut for good is cut when this has been waited for.
      const cut = () =>
        page.evaluate<number>(
          `(${COUNT_CUT_LINES})(document.querySelectorAll('.widget[data-state=drawn]')[${index}])`,
        )
      await until(async () => (await cut()) === 0)
      t.equal(await cut(), 0, `widget ${index}: no line is cut`)
      const plot = await boxOf(widget.locator('.plot'))
      t.ok(plot.height >= 60, `widget ${index}: ${plot.height} px are left to the chart`)
      const isAll = await more.isHidden()
      if (isAll) {
        t.equal(await items.count(), SERIES, `widget ${index} has room for all`)
        continue
      }
      t.equal(await more.textContent(), `+${SERIES - (await items.count())} more`)
      await more.click()
      t.equal(await items.count(), SERIES, `widget ${index}: all are there`)
      t.equal(await more.getAttribute('aria-expanded'), 'true')
      await more.click()
      t.ok((await items.count()) < SERIES)
      shortened += 1
    }
    t.ok(shortened > 0)
    t.strictSame(faults, [])
  })

for (const scale of ['linear', 'log'])
  test(`what came in two intervals alone is seen, on a ${scale} scale`, { skip: noBrowser }, async (t) => {
    const chart = timeseries({
      requests: [{ ...request('avg:rows{*}'), display_type: 'line' }],
      yaxis: { scale },
    })
    const viewer = await openViewerWith(t, [
      { definition: chart, layout: { x: 0, y: 0, width: 4, height: 2 } },
    ])
    const now = lastMinute()
    await viewer.send([
      gauge(
        'rows',
        [21, 22].map((ago) => ({ second: now - ago, asInt: '5' })),
      ),
    ])
    const browser = await openBrowser(t)
    const path = `/?from=${(now - 300) * 1000}&to=${now * 1000}`
    const { page } = await openPage(browser, viewer.url, path, { width: 360, height: 1200 })
    await page.locator('.widget[data-state=drawn] .u-over').waitFor()
    const pixels = await page.evaluate(
      `(() => { ${PIXELS_OF}; return pixelsOf(document.querySelector('.uplot')) })()`,
    )
    t.ok(Number(pixels) > LEAST_PIXELS, `${pixels} pixels`)
  })

test('labels of the time are whole', { skip: noBrowser }, async (t) => {
  const { page } = await openDashboard(t, [
    { definition: timeseries({ show_legend: false }), layout: { x: 0, y: 0, width: 6, height: 3 } },
  ])
  await page.locator('.widget[data-state=drawn]').waitFor()
  const inked = () =>
    page.evaluate<[count: number, edge: number]>(`(() => {
      const canvas = document.querySelector('.uplot canvas')
      const { width, height } = canvas
      const ink = (x, columns) => {
        const { data } = canvas.getContext('2d', { willReadFrequently: true }).getImageData(x, height - 24, columns, 24)
        return data.filter((value, index) => index % 4 === 3 && value > 0).length
      }
      return [ink(0, width), ink(width - 1, 1)]
    })()`)
  const address = new URL(page.url())
  const end = Number(address.searchParams.get('to'))
  // Every one puts the last label elsewhere at the edge.
  for (let later = 0; later < 10; later += 1) {
    address.searchParams.set('to', String(end + later * 1000))
    await page.goto(address.href)
    await page.locator('.widget[data-state=drawn]').waitFor()
    const [all, edge] = await inked()
    t.ok(all > 0, 'there are labels')
    t.equal(edge, 0, `${later} s later: none runs into the edge`)
  }
})

const table = {
  type: 'query_table',
  title: 'Pages',
  requests: [
    {
      response_format: 'scalar',
      queries: [
        { data_source: 'metrics', name: 'views', query: 'sum:views{*} by {page}', aggregator: 'sum' },
        { data_source: 'metrics', name: 'rows', query: 'max:rows{*} by {page}', aggregator: 'max' },
      ],
      formulas: [
        { formula: 'views', alias: 'views', cell_display_mode: 'bar' },
        {
          formula: 'rows',
          alias: 'rows',
          conditional_formats: [{ comparator: '>=', value: 30, palette: 'white_on_red' }],
        },
      ],
      sort: { count: 10, order_by: [{ type: 'formula', index: 1, order: 'asc' }] },
    },
  ],
}

test('a table has a column for each formula, and sorts by the one that is asked for', {
  skip: noBrowser,
}, async (t) => {
  const { page, faults } = await openDashboard(t, [
    { definition: table, layout: { x: 0, y: 0, width: 6, height: 4 } },
  ])
  const rows = page.locator('.query-table tbody tr')
  await rows.first().waitFor()
  const shown = async () =>
    Promise.all((await rows.all()).map((row) => row.locator('th, td').allTextContents()))
  // Groups 0, 2, … and 1, 3, … with values one above their number, three times each.
  t.strictSame(await shown(), [
    ['home', '675 views', '29 rows'],
    ['friends', '720 views', '30 rows'],
  ])
  t.equal(await page.locator('[aria-sort=ascending]').textContent(), 'rows↑')
  t.strictSame(
    await page.locator('.query-table [data-tone=bad]').allTextContents(),
    ['30 rows'],
    'a condition colours its cell',
  )
  t.equal(await page.locator('.query-table td.bar').count(), 2)
  await page.getByRole('button', { name: 'views' }).click()
  t.strictSame(
    (await shown()).map(([page]) => page),
    ['friends', 'home'],
  )
  await page.keyboard.press('Enter')
  t.strictSame(
    (await shown()).map(([page]) => page),
    ['home', 'friends'],
    'the head keeps the focus',
  )
  await page.getByRole('button', { name: 'page' }).click()
  t.strictSame(
    (await shown()).map(([page]) => page),
    ['friends', 'home'],
  )
  t.strictSame(faults, [])
})

test('a note is markdown, and what is not drawn says so kindly without harm to the rest', {
  skip: noBrowser,
}, async (t) => {
  const content = [
    '# Head',
    'Some **bold**, _slanted_ and `code`, [a link](https://example.com/a?b=c), [no link](javascript:alert(1)).',
    '',
    '- one',
    '- two',
    '---',
    '<b>text</b>',
  ].join('\n')
  const { page, faults } = await openDashboard(t, [
    { definition: { type: 'note', content } },
    { definition: { type: 'free_text', text: '<i>Free</i>', color: '#ff0000' } },
    null,
    { definition: null },
    { layout: { x: 0, y: 0, width: 1, height: 1 } },
    { definition: { type: 'slo', title: 'Goal', slo_id: 'x' } },
    { definition: { type: 'powerpack', powerpack_id: 'x' } },
    { definition: { type: 'iframe', url: 'https://example.com' } },
    {
      definition: {
        type: 'sunburst',
        title: 'Rings',
        requests: [request('sum:views{$env} by {page}', 'scalar')],
      },
    },
    { definition: { type: 'event_stream', query: '*' } },
    { definition: { type: 'timeseries', title: 'Wrong', requests: 'none' } },
    {
      definition: {
        type: 'group',
        title: 'Group',
        layout_type: 'ordered',
        widgets: [null, { definition: timeseries() }],
      },
    },
  ])
  await page.locator('details.group .widget.timeseries[data-state=drawn]').waitFor()
  const note = page.locator('.note').first()
  for (const [tag, text] of [
    ['h3', 'Head'],
    ['strong', 'bold'],
    ['em', 'slanted'],
    ['code', 'code'],
    ['li', 'one'],
  ] as const)
    t.equal(await note.locator(tag).first().textContent(), text)
  t.strictSame(await Promise.all((await note.locator('a').all()).map((link) => link.getAttribute('href'))), [
    'https://example.com/a?b=c',
  ])
  t.equal(await note.locator('hr').count(), 1)
  t.match(await note.textContent(), '<b>text</b>')
  t.equal(await page.locator('.free-text').textContent(), '<i>Free</i>')
  t.strictSame(await page.locator('.widget.unknown .message span').allTextContents(), [
    'A widget of type “slo” shows objectives and monitors, which Datadog evaluates; they are not sent here.',
    "A widget of type “powerpack” shows widgets that Datadog keeps outside the dashboard's file: turn it into a group there to see them here.",
    'A widget of type “iframe” shows another site, and these pages load nothing from there.',
    'Widgets of type “sunburst” are not drawn here; Datadog shows them. As a time series, top list or table the same query is drawn.',
    'A widget of type “event_stream” shows events, which Datadog keeps; they never come here.',
  ])
  const link = page.locator('.widget.unknown a')
  t.equal(await link.textContent(), 'sum:views{*} by {page}')
  t.equal(await link.getAttribute('href'), '/explorer?q=sum%3Aviews%7B*%7D+by+%7Bpage%7D')
  t.match(
    await page.locator('.widget', { hasText: 'Wrong' }).textContent(),
    /is not Datadog's form of a timeseries: it has no list of requests/,
  )
  t.strictSame(faults, [])
})
