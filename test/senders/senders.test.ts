import t, { type Test, test } from 'tap'
import { noBrowser, openBrowser, openPage } from '../browser/browser.ts'
import { openViewer, type Values } from '../viewer/viewer-client.ts'
import { installSenders, noPython } from './installed.ts'
import { runBackOffice, startShop } from './programs.ts'

await installSenders()
const viewer = await openViewer(t)
const WINDOW = { seconds: 600 }
const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: viewer.url }

async function measured(q: string): Promise<number> {
  const [found] = await viewer.values(q, WINDOW)
  return found?.value as number
}

async function byTags(q: string): Promise<Values> {
  const found = await viewer.values(q, WINDOW)
  return Object.fromEntries(found.map(({ tags, value }) => [Object.values(tags).join(' '), value as number]))
}

/** The value of rank ⌈fraction × n⌉. */
function percentile(ascending: readonly number[], fraction: number): number {
  return ascending[Math.ceil(fraction * ascending.length) - 1] as number
}

function isNear(t: Test, found: number, expected: number, share: number, what: string) {
  t.ok(Math.abs(found / expected - 1) <= share, `${what}: ${found}, and ${expected} was sent`)
}

interface SpanAnswer {
  name: string
  kind: string
  service: string
  depth: number
  status: string
  attributes: Values
  events: { name: string; attributes: Values }[]
  links: { traceId: string }[]
}

test('what the Python SDK counts, times, traces and logs is what the viewer shows', {
  skip: noPython,
  timeout: 180_000,
}, async (t) => {
  const shop = await startShop(t, { ...ENDPOINT, OTEL_SERVICE_NAME: 'shop-beside' })
  const did = await runBackOffice(`${shop.url}/shelves/Books`, {
    ...ENDPOINT,
    OTEL_SERVICE_NAME: 'back-office',
    OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
  })
  t.equal(await shop.end(), 0)
  const of = 'service:back-office'

  const orders = { web_shop: did.orders['Web Shop'], phone: did.orders.phone } as Values
  t.strictSame(await byTags(`sum:shop.orders{${of}} by {channel}`), orders)
  const [rates] = await viewer.lines(`sum:shop.orders{${of}}.as_rate().rollup(sum, 5)`, WINDOW)
  const counted = rates!.values.reduce<number>((sum, rate) => sum + 5 * (rate ?? 0), 0)
  isNear(t, counted, 1234, 1e-9, 'orders a second, times seconds')
  const { json } = await viewer.query({
    queries: [{ data_source: 'metrics', name: 'a', query: `sum:shop.carts.open{${of}}`, aggregator: 'last' }],
    response_format: 'scalar',
    interval: 1,
    ...WINDOW,
  })
  t.equal(json.values[0].value, did.carts, 'what went up and down is where it was last')
  t.equal(await measured(`sum:shop.meter.reading{${of}}`), 4711)
  t.strictSame(await byTags(`avg:shop.warehouse.temperature{${of}} by {hall}`), { 7: 21.5 })

  const baskets = did.baskets.toSorted((one, other) => one - other)
  t.equal(await measured(`count:shop.basket.value{${of}}`), baskets.length)
  isNear(
    t,
    await measured(`sum:shop.basket.value{${of}}`),
    baskets.reduce((a, b) => a + b),
    1e-12,
    'sum',
  )
  t.equal(await measured(`min:shop.basket.value{${of}}`), baskets[0])
  t.equal(await measured(`max:shop.basket.value{${of}}`), baskets.at(-1))
  const p50 = await measured(`p50:shop.basket.value{${of}}`)
  t.ok(p50 > 25 && p50 <= 50, `the median is in the bucket from 25 to 50: ${p50}`)

  t.equal(await measured(`count:checkout.duration{${of}}`), did.durations.length)
  isNear(t, await measured(`sum:checkout.duration{${of}}`), did.durationSum, 1e-12, 'sum')
  t.equal(await measured(`min:checkout.duration{${of}}`), did.durations[0])
  t.equal(await measured(`max:checkout.duration{${of}}`), did.durations.at(-1))
  for (const [name, fraction] of [
    ['p50', 0.5],
    ['p75', 0.75],
    ['p90', 0.9],
    ['p95', 0.95],
    ['p99', 0.99],
  ] as const)
    isNear(
      t,
      await measured(`${name}:checkout.duration{${of}}`),
      percentile(did.durations, fraction),
      0.01,
      name,
    )

  const { metrics } = (await viewer.get('/api/metrics')).json as { metrics: Values[] }
  t.strictSame(
    metrics
      .filter(({ name }) => /^(shop\.|checkout)/.test(String(name)))
      .map(({ name, kind, unit }) => `${name} ${kind} ${unit}`),
    [
      'checkout.duration distribution s',
      'shop.basket.value distribution EUR',
      'shop.carts.open gauge {cart}',
      'shop.meter.reading count kWh',
      'shop.orders count ',
      'shop.warehouse.temperature gauge Cel',
    ],
  )

  const found = (await viewer.get('/api/traces?service=back-office')).json.traces
  t.equal(found.length, 2 * did.rounds)
  const [imported, reconciled] = ['import orders', 'reconcile'].map((wanted) =>
    found.find(({ name }: Values) => name === wanted),
  )
  t.match(imported, {
    service: 'back-office',
    services: ['back-office', 'shop-beside'],
    errors: 1,
    isComplete: true,
  })
  const { spans, logs } = (await viewer.get(`/api/traces/${imported.traceId}`)).json as {
    spans: SpanAnswer[]
    logs: Values[]
  }
  const chain = spans.map(({ name, kind, service, depth }) => `${depth} ${service} ${kind} ${name}`)
  t.strictSame(
    chain.filter((line) => !line.includes(' internal ')),
    [
      '0 back-office consumer import orders',
      '1 back-office client GET',
      '2 shop-beside server GET /shelves/:shelf',
    ],
    'one trace goes through both services',
  )
  t.strictSame(
    spans[0]!.links.map(({ traceId }) => traceId),
    [reconciled.traceId],
  )
  const failed = spans.find(({ name }) => name === 'check the sums')
  t.match(failed, { status: 'error', depth: 1, events: [{ name: 'exception' }] })
  t.match(failed!.events[0]!.attributes, {
    'exception.type': 'ValueError',
    'exception.message': 'the sums of round 3 differ',
    'exception.stacktrace': /^Traceback .*\n/,
  })
  t.match(logs, [{ level: 'error', body: 'round 3 failed', service: 'back-office', hasTrace: true }])
  const [job] = (await viewer.get(`/api/traces/${reconciled.traceId}`)).json.spans
  t.match(job, {
    kind: 'producer',
    attributes: { round: 3, weights: [0.5, 1.5] },
    events: [{ name: 'books opened' }],
  })
  const lines = (await viewer.get('/api/logs?service=back-office')).json.logs as Values[]
  t.equal(lines.length, 2 * did.rounds)
  t.match(lines.at(-1), { level: 'warn', body: 'reconciling 0', attributes: { ledger: 'north' } })
})

test('two processes with the same tags and one that starts again are counted to the last', {
  skip: noPython,
  timeout: 180_000,
}, async (t) => {
  const shop = await startShop(t, { ...ENDPOINT, OTEL_SERVICE_NAME: 'shop-again' })
  const run = () =>
    runBackOffice(`${shop.url}/shelves/Tea`, {
      ...ENDPOINT,
      OTEL_SERVICE_NAME: 'desk',
      OTEL_RESOURCE_ATTRIBUTES: 'service.instance.id=desk-1',
    })
  await Promise.all([run(), run()])
  const { orders, baskets, durations } = await run()
  await shop.end()
  t.strictSame(await byTags('sum:shop.orders{service:desk} by {channel}'), {
    web_shop: 3 * orders['Web Shop']!,
    phone: 3 * orders.phone!,
  })
  t.equal(await measured('count:shop.basket.value{service:desk}'), 3 * baskets.length)
  t.equal(await measured('max:shop.basket.value{service:desk}'), Math.max(...baskets))
  t.equal(await measured('count:checkout.duration{service:desk}'), 3 * durations.length)
  const p95 = await measured('p95:checkout.duration{service:desk}')
  isNear(t, p95, percentile(durations, 0.95), 0.01, 'p95 of all three')
})

for (const protocol of [undefined, 'http/json'])
  test(`an Express application under auto-instrumentation is understood, sending ${protocol ?? 'its default'}`, {
    timeout: 120_000,
  }, async (t) => {
    const service = protocol === undefined ? 'shop' : 'shop-json'
    const shop = await startShop(t, {
      ...ENDPOINT,
      OTEL_SERVICE_NAME: service,
      ...(protocol && { OTEL_EXPORTER_OTLP_PROTOCOL: protocol }),
    })
    const ask = async (path: string, times: number) => {
      for (let index = 0; index < times; index += 1) await (await fetch(shop.url + path)).arrayBuffer()
    }
    await ask('/shelves/Books', 30)
    await ask('/shelves/Tea%20Cups', 20)
    await ask('/broken', 3)
    await ask('/nowhere', 2)
    t.equal(await shop.end(), 0)

    t.strictSame(await byTags(`sum:Shop.Looks{service:${service}} by {shelf}`), { books: 30, tea_cups: 20 })
    const requests = `http.server.request.duration{service:${service}}`
    t.strictSame(await byTags(`count:${requests} by {http.route,http.response.status_code}`), {
      '/shelves/:shelf 200': 50,
      '/broken 500': 3,
      'N/A 404': 2,
    })
    const seconds = await measured(`max:${requests}`)
    t.ok(seconds > 0 && seconds < 60, `the slowest took ${seconds} s`)

    const { traces } = (await viewer.get(`/api/traces?service=${service}&limit=500`)).json
    const { traces: broken } = (await viewer.get(`/api/traces?service=${service}&status=5xx`)).json
    t.equal(traces.length, 55, 'every request has its trace')
    t.equal(broken.length, 3)
    t.match(broken[0], { name: 'GET /broken', route: '/broken', httpStatus: 500, isComplete: true })
    const { spans, logs } = (await viewer.get(`/api/traces/${broken[0].traceId}`)).json
    t.match(spans[0], {
      kind: 'server',
      status: 'error',
      depth: 0,
      attributes: { 'http.request.method': 'GET' },
    })
    t.match(logs, [{ level: 'error', body: 'a request failed', service, hasTrace: true }])
  })

test('nothing of all this was refused', async (t) => {
  const { refusals, requests, senders, metrics, traces, logs } = await viewer.status()
  t.strictSame(refusals, [])
  t.strictSame(Object.keys(requests), ['200'])
  t.match(
    { metrics, traces, logs },
    { metrics: { refused: 0 }, traces: { refused: 0 }, logs: { refused: 0 } },
  )
  const sdks = new Set(senders.map(({ sdk }: Values) => String(sdk).replace(/ [\d.]+$/, '')))
  t.strictSame([...sdks].sort(), [
    'opentelemetry nodejs',
    ...(noPython === false ? ['opentelemetry python'] : []),
  ])
})

test('all of it is there to be seen', { skip: noPython || noBrowser, timeout: 120_000 }, async (t) => {
  const browser = await openBrowser(t)
  const see = async (path: string, ...texts: string[]) => {
    const { page, faults } = await openPage(browser, viewer.url, path)
    for (const text of texts) await page.getByText(text).first().waitFor()
    t.strictSame(faults, [], path)
    await page.context().close()
  }
  await see('/explorer', 'Shop.Looks', 'checkout.duration', 'shop.warehouse.temperature')
  const rate = 'sum:shop.orders{service:back-office} by {channel}.as_rate()'
  await see(`/explorer?span=15m&q=${encodeURIComponent(rate)}`, 'web_shop', 'phone')
  const spread = encodeURIComponent('histogram:checkout.duration{service:back-office}')
  await see(`/explorer?span=15m&kind=heatmap&q=${spread}`, '1,072 observations')
  await see('/traces?span=15m&service=back-office', 'import orders', 'back-office, shop-beside')
  await see('/traces?span=15m&status=5xx', 'GET /broken')
  const [{ traceId }] = (await viewer.get('/api/traces?name=import&limit=1&service=back-office')).json.traces
  await see(`/traces?trace=${traceId}`, 'GET /shelves/:shelf', 'check the sums', 'round 3 failed')
  await see('/logs?span=15m', 'a request failed', 'reconciling 0')
  await see('/status', 'opentelemetry python', 'shop-json', 'Nothing was refused.')
})
