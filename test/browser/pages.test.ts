import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { temporaryFolder } from '../support/harness.ts'
import {
  attributesOf,
  exponential,
  gauge,
  lastMinute,
  observed,
  openViewer,
  sum,
} from '../viewer/viewer-client.ts'
import { noBrowser, openBrowser, openPage, until } from './browser.ts'
import { arrived, startProduct } from './product.ts'

/** Runs where it is taken for markup, in an attribute or a script, and says so in a dialog or a name. */
const HOSTILE = `"'></td><img src=x onerror="window.ran=1"><script>window.ran=1;alert(1)</script>`

test('before the first data a page says what it waits for, and fills by itself', {
  skip: noBrowser,
}, async (t) => {
  const viewer = await openViewer(t)
  const browser = await openBrowser(t)
  for (const path of ['/explorer', '/traces', '/logs', '/status', '/']) {
    const { page, faults } = await openPage(browser, viewer.url, path)
    await page.getByText('Waiting for the first data').waitFor()
    t.ok(await page.getByText('npm run load -- --rate 20 --duration 60').isVisible(), path)
    t.strictSame(faults, [], path)
    if (path !== '/') continue
    await viewer.send([
      sum('web.page_views', [{ second: lastMinute(), asInt: '7', attributes: { page: 'home' } }]),
    ])
    await page.getByText('Waiting for the first data').waitFor({ state: 'hidden' })
    await page.locator('table.toplist tr', { hasText: 'home' }).waitFor()
  }
})

test('values of any range and unit are drawn: a heat map, and a unit that only its sender knows', {
  skip: noBrowser,
}, async (t) => {
  const viewer = await openViewer(t)
  const browser = await openBrowser(t)
  const second = lastMinute()
  // 98.2 ms to half a second: uPlot's own ticks of such an axis come to no end.
  const values = Array.from({ length: 100 }, (_, index) => 0.0982 + index * 0.004)
  await viewer.send([
    exponential('checkout.duration', [{ second, ...observed(values, 6) }]),
    { ...gauge('till', [{ second, asDouble: 21.5 }]), unit: 'EUR' },
  ])
  const show = async (query: string, kind: string) => {
    const path = `/explorer?span=5m&kind=${kind}&q=${encodeURIComponent(query)}`
    const { page, faults } = await openPage(browser, viewer.url, path)
    await page.locator('.widget[data-state=drawn]').waitFor()
    t.strictSame(faults, [], query)
    return page.locator('.widget')
  }
  await (await show('histogram:checkout.duration{*}', 'heatmap')).getByText('100 observations').waitFor()
  await (await show('histogram:checkout.duration{*}', 'distribution')).getByText('100 observations').waitFor()
  await (await show('avg:till{*}', 'line')).getByText('21.5 EUR').first().waitFor()
})

test('a query is completed with the keyboard, and what is wrong in it is underlined', {
  skip: noBrowser,
}, async (t) => {
  const { viewer } = await startProduct(t)
  await arrived(viewer, ['database.query.time', 'web.page_views'])
  const browser = await openBrowser(t)
  const { page, faults } = await openPage(browser, viewer.url, '/explorer?span=5m')
  await page.getByText('Choose a metric from the list').waitFor()
  await page.keyboard.press('/')
  const query = page.getByRole('combobox', { name: 'Query' })
  await page.keyboard.type('p95:database.q')
  await page.getByRole('option', { name: 'database.query.time' }).first().waitFor()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  t.equal(await query.inputValue(), 'p95:database.query.time')
  await page.keyboard.type('{*} by {pa')
  await page.getByRole('option', { name: 'page' }).first().waitFor()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Tab')
  await page.keyboard.type('}')
  await page.locator('.widget.timeseries[data-state=drawn]').waitFor()
  t.ok(await page.locator('.legend .item', { hasText: 'community' }).isVisible())
  t.equal(new URL(page.url()).searchParams.get('q'), 'p95:database.query.time{*} by {page}')
  t.equal(await page.getByRole('combobox', { name: 'Metric' }).inputValue(), 'database.query.time')
  t.equal(await page.getByRole('combobox', { name: 'Aggregation' }).inputValue(), 'p95')

  // The form writes the text.
  await page.getByRole('combobox', { name: 'Group by' }).fill('')
  await until(async () => (await query.inputValue()) === 'p95:database.query.time{*}')
  await page.getByRole('combobox', { name: 'Aggregation' }).selectOption('p50')
  t.equal(await query.inputValue(), 'p50:database.query.time{*}')
  for (const kind of ['Areas', 'Bars', 'Top list', 'Value', 'Heat map', 'Distribution', 'Lines']) {
    await page.getByRole('button', { name: kind, exact: true }).click()
    await page.locator('.explorer-chart .widget[data-state=drawn]').waitFor()
  }

  await query.fill('p97:database.query.time{*}')
  await page.getByRole('alert').filter({ hasText: 'unknown aggregation "p97"' }).waitFor()
  t.equal(await page.locator('.backdrop mark').first().textContent(), 'p97')
  t.equal(await query.getAttribute('aria-invalid'), 'true')
  // The browser writes every refusal to the console.
  t.strictSame(
    faults.filter((fault) => !/400 \(Bad Request\).*\/api\/parse/.test(fault)),
    [],
  )
  await query.fill('p99:database.query.time{*}')
  await page.getByRole('alert').waitFor({ state: 'hidden' })
  t.equal(await page.locator('.backdrop mark').count(), 0)

  // Who is sent the address sees the same.
  const { page: shared } = await openPage(
    browser,
    viewer.url,
    new URL(page.url()).pathname + new URL(page.url()).search,
  )
  await shared.locator('.widget[data-state=drawn]').waitFor()
  t.equal(await shared.getByRole('combobox', { name: 'Query' }).inputValue(), 'p99:database.query.time{*}')
})

test('keys lead from page to page, pause, switch the scheme and list themselves', {
  skip: noBrowser,
}, async (t) => {
  const { viewer } = await startProduct(t)
  await arrived(viewer, ['web.page_views'])
  const browser = await openBrowser(t)
  const { page, faults } = await openPage(browser, viewer.url, '/status')
  await page.getByRole('heading', { name: 'Senders' }).waitFor()
  for (const [key, path] of [
    ['e', '/explorer'],
    ['l', '/logs'],
    ['s', '/status'],
    ['t', '/traces'],
    ['d', '/'],
  ] as const) {
    await page.keyboard.press('g')
    await page.keyboard.press(key)
    await page.waitForURL((url) => url.pathname === path)
    await page.locator('#top nav').waitFor()
  }
  await page.locator('.widget[data-state=drawn]').first().waitFor()
  await page.keyboard.press('?')
  t.ok(await page.getByRole('dialog', { name: 'Keys' }).isVisible())
  await page.keyboard.press('Escape')
  t.notOk(await page.getByRole('dialog', { name: 'Keys' }).isVisible())

  await page.keyboard.press('p')
  await page.getByRole('button', { name: 'Paused' }).waitFor()
  const number = page.locator('.widget.query_value .number').first()
  const before = await number.textContent()
  const { version } = await viewer.status()
  while ((await viewer.status()).version < version + 4) await page.waitForTimeout(100)
  t.equal(await number.textContent(), before, 'a paused page stands still')
  await page.keyboard.press('p')
  await until(async () => (await number.textContent()) !== before)

  const background = () =>
    page.evaluate<string>('getComputedStyle(document.body.parentElement).backgroundColor')
  const light = await background()
  await page.keyboard.press('c')
  const dark = await background()
  t.not(dark, light)
  await page.reload()
  await page.locator('#top nav').waitFor()
  t.equal(await background(), dark, 'the choice is kept')
  await page.keyboard.press('[')
  t.match(page.url(), 'span=5m')
  t.strictSame(faults, [])
})

test('a trace is a waterfall with its queries and log lines, walked with the arrow keys', {
  skip: noBrowser,
}, async (t) => {
  const { viewer } = await startProduct(t)
  for (;;) {
    const { json } = await viewer.get('/api/logs?text=slow')
    if (json.logs.some(({ hasTrace }: { hasTrace: boolean }) => hasTrace)) break
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  const browser = await openBrowser(t)
  const { page, faults } = await openPage(browser, viewer.url, '/traces?route=/v1/sessions')
  const link = page.locator('table.traces tbody a').first()
  await link.waitFor()
  t.equal(await link.textContent(), 'POST /v1/sessions')
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  await page.waitForURL(/trace=/)
  const tree = page.getByRole('tree', { name: 'Spans' })
  await tree.waitFor()
  const selected = tree.locator('[aria-selected=true]')
  t.match(await selected.textContent(), /^POST \/v1\/sessions, server, [\d.]+ m?s$/)
  await page.keyboard.press('ArrowRight')
  t.match(await selected.textContent(), /, client, [\d.]+ [mµ]s$/)
  t.match(
    await page.getByRole('complementary', { name: 'Span' }).textContent(),
    /db\.query\.text|db\.query\.summary/,
  )
  await page.keyboard.press('ArrowLeft')
  t.match(await selected.textContent(), /, server, /)
  t.match(await page.getByRole('heading', { name: /log lines? of this trace/ }).textContent(), /^1 log line/)
  t.match(await page.locator('.log').first().textContent(), 'slow request')
  await page.keyboard.press('Escape')
  await page.waitForURL(
    (url) => url.search === '?route=%2Fv1%2Fsessions' || url.search === '?route=/v1/sessions',
  )

  await page.goto(`${viewer.url}/logs?level=warn&text=slow`)
  await page.getByRole('link', { name: 'Trace of this line' }).first().click()
  await tree.waitFor()
  // A line may come before its trace, which the page then waits for.
  t.strictSame(
    faults.filter((fault) => !/404 \(Not Found\).*\/api\/traces\//.test(fault)),
    [],
  )
})

test('nothing that was received can run, whatever it is called', { skip: noBrowser }, async (t) => {
  const dashboards = temporaryFolder(t)
  mkdirSync(dashboards, { recursive: true })
  const query = (q: string) => ({
    response_format: 'timeseries',
    queries: [{ data_source: 'metrics', name: 'q', query: q }],
    formulas: [{ formula: 'q', alias: HOSTILE }],
  })
  writeFileSync(
    join(dashboards, 'hostile.json'),
    JSON.stringify({
      title: HOSTILE,
      description: HOSTILE,
      layout_type: 'ordered',
      template_variables: [{ name: 'tag', prefix: 'tag', available_values: [HOSTILE], default: '*' }],
      widgets: [
        {
          definition: {
            type: 'note',
            content: `${HOSTILE} [a](javascript:alert(1)) **${HOSTILE}** \`${HOSTILE}\``,
          },
        },
        {
          definition: {
            type: 'timeseries',
            title: HOSTILE,
            requests: [{ ...query('avg:rows{$tag} by {tag}'), display_type: 'area' }],
          },
        },
        {
          definition: {
            type: 'timeseries',
            title: HOSTILE,
            show_legend: true,
            legend_layout: 'vertical',
            requests: [query('avg:rows{*} by {tag}')],
            markers: [{ value: 'y = 1', label: HOSTILE }],
          },
        },
        {
          definition: {
            type: 'toplist',
            title: HOSTILE,
            requests: [{ ...query('avg:rows{*} by {tag}'), response_format: 'scalar' }],
          },
        },
        {
          definition: {
            type: 'query_value',
            title: HOSTILE,
            custom_unit: HOSTILE,
            requests: [{ ...query('avg:rows{*}'), response_format: 'scalar' }],
          },
        },
        {
          definition: {
            type: 'heatmap',
            title: HOSTILE,
            requests: [
              {
                request_type: 'histogram',
                query: { data_source: 'metrics', name: 'q', query: 'histogram:times{*}' },
              },
            ],
          },
        },
        { definition: { type: HOSTILE, title: HOSTILE } },
        { definition: { type: '__proto__', title: HOSTILE } },
        { definition: { type: 'timeseries', title: HOSTILE, requests: [query(HOSTILE)] } },
      ],
    }),
  )
  const viewer = await openViewer(t, { dashboardsDirectory: dashboards })
  const second = lastMinute()
  const resource = { 'service.name': HOSTILE, 'host.name': HOSTILE }
  await viewer.send(
    [
      {
        ...gauge('rows', [
          { second, asInt: '1', attributes: { tag: HOSTILE } },
          { second, asInt: '2', attributes: { tag: 'plain', [HOSTILE]: HOSTILE } },
        ]),
        unit: HOSTILE,
        description: HOSTILE,
      },
      gauge(HOSTILE, [{ second, asInt: '1' }]),
      exponential('times', [
        { second, count: 1, sum: 1, scale: 0, positive: { offset: 0, bucketCounts: [1] } },
      ]),
    ],
    resource,
  )
  const nano = (offset: number) => `${second * 1000 + offset}000000`
  const traceId = 'a'.repeat(32)
  const attributes = attributesOf({ [HOSTILE]: HOSTILE, 'http.route': HOSTILE, 'db.query.text': HOSTILE })
  await viewer.post('/v1/traces', {
    resourceSpans: [
      {
        resource: { attributes: attributesOf(resource) },
        scopeSpans: [
          {
            scope: { name: HOSTILE },
            spans: [
              {
                traceId,
                spanId: 'b'.repeat(16),
                name: HOSTILE,
                kind: 2,
                startTimeUnixNano: nano(0),
                endTimeUnixNano: nano(9),
                attributes,
                status: { code: 2, message: HOSTILE },
                traceState: HOSTILE,
                events: [{ timeUnixNano: nano(1), name: HOSTILE, attributes }],
              },
            ],
          },
        ],
      },
    ],
  })
  await viewer.post('/v1/logs', {
    resourceLogs: [
      {
        resource: { attributes: attributesOf(resource) },
        scopeLogs: [
          {
            logRecords: [
              {
                timeUnixNano: nano(1),
                severityText: HOSTILE,
                severityNumber: 17,
                body: { stringValue: HOSTILE },
                attributes,
                traceId,
              },
            ],
          },
        ],
      },
    ],
  })
  const browser = await openBrowser(t)
  const visit = async (path: string, ready: string, expected: RegExp[] = []) => {
    const { page, faults } = await openPage(browser, viewer.url, path, { height: 2400 })
    await page.locator(ready).first().waitFor()
    const closed = page.locator('details:not([open]) > summary')
    while ((await closed.count()) > 0) await closed.first().click()
    t.equal(await page.evaluate('window.ran'), undefined, `${path}: nothing ran`)
    t.equal(
      await page.locator('main img, main script, main iframe, a[href^="javascript:"]').count(),
      0,
      `${path}: no markup came in`,
    )
    t.match(await page.locator('main').innerText(), 'onerror="window.ran=1"', `${path}: it is shown as text`)
    t.strictSame(
      faults.filter((fault) => !expected.some((pattern) => pattern.test(fault))),
      [],
      path,
    )
    return page
  }
  const board = await visit(
    `/?from=${second * 1000 - 59_500}&to=${second * 1000 + 60_500}`,
    '.widget.heatmap[data-state=drawn]',
    [/400 \(Bad Request\).*\/api\/query/],
  )
  t.equal(await board.locator('.widget.unknown').count(), 2)
  t.match(await board.locator('.widget.unknown').first().innerText(), /are not drawn here/)
  await board.locator('.u-over').first().hover()
  await board.locator('.tooltip').first().waitFor()
  t.equal(await board.evaluate('window.ran'), undefined, 'nor at the cursor')
  await visit(`/explorer?q=${encodeURIComponent('avg:rows{*} by {tag}')}`, '.widget[data-state=drawn]')
  await visit(`/explorer?q=${encodeURIComponent(HOSTILE)}`, '.problem:not([hidden])', [
    /400 \(Bad Request\).*\/api\/parse/,
  ])
  await visit('/traces', 'table.traces tbody a')
  await visit(`/traces?trace=${traceId}`, '.span')
  await visit('/logs', '.log')
  await visit('/status', 'table.plain td')
})
