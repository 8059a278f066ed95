import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { METRICS } from '../../src/telemetry/catalogue.ts'
import { CARDINALITY_LIMIT } from '../../src/telemetry/sdk-limits.ts'
import { countCustomMetrics, monthlyCost, readPercentiles, readPrice } from '../../tools/custom-metrics.ts'
import { budgetChanges, budgetOf, type SeriesBudget } from '../../tools/series-budget.ts'
import { readServiceShape } from '../../tools/service-shape.ts'
import { runScript } from '../tools/run-command.ts'

const FILE = new URL('../../telemetry-budget.json', import.meta.url)
const QUERY_PAGES = METRICS.queryTime.attributes.page.values?.length ?? 0
const budget: SeriesBudget = JSON.parse(readFileSync(FILE, 'utf8'))

test('telemetry-budget.json has the series that the routes can make', async (t) => {
  const shape = await readServiceShape()
  t.strictSame(budgetChanges(budget, budgetOf(shape)), [], 'run npm run docs, and look at the diff')
  t.ok(
    shape.routes.every(({ statuses }) => statuses.length > 0),
    'every route says what it may answer with',
  )
  t.ok(Math.max(...Object.values(budget.metrics)) < CARDINALITY_LIMIT, 'the SDK folds no series together')
})

test('what has changed is said of each metric, with how much', async (t) => {
  const shape = await readServiceShape()
  const now = budgetOf(shape)
  const { 'web.page_views': views, 'http.server.request.duration': requests } = now.metrics as Record<
    string,
    number
  >

  const route = { method: 'GET', url: '/a', page: 'community', statuses: [200, 400, 404, 429, 500, 503] }
  const larger = budgetOf({ routes: [...shape.routes, route] })
  const more = 2 * (6 * 4 + 3)
  // A route adds to the metrics of spans as well.
  const said = (changes: string[]) => changes.filter((change) => !change.startsWith('traces.span.metrics.'))
  t.strictSame(said(budgetChanges(now, larger)), [
    `http.server.request.duration can make ${requests! + more} series, ${more} more than the budget has.`,
    `All metrics together can make ${larger.total} series, ${larger.total - now.total} more than the budget has.`,
  ])
  t.strictSame(said(budgetChanges(larger, now)), [
    `http.server.request.duration can make ${requests} series, ${more} fewer than the budget has.`,
    `All metrics together can make ${now.total} series, ${larger.total - now.total} fewer than the budget has.`,
  ])
  const { 'web.page_views': _, ...fewer } = now.metrics
  t.strictSame(budgetChanges({ ...now, metrics: { ...fewer, 'web.views': 3 } }, now), [
    `web.page_views can make ${views} series, and the budget does not name it.`,
    'The budget names web.views, which does not exist.',
  ])
})

test('Datadog counts a distribution five times, with percentiles ten times, and each instance', async (t) => {
  const shape = { routes: [{ method: 'GET', url: '/', page: 'home', statuses: [200] }] }
  const counted = (instances: number, ...percentiles: string[]) => {
    const costs = countCustomMetrics(shape, { instances, percentiles: new Set(percentiles) })
    return ['web.page_views', 'database.query.time'].map(
      (name) => costs.find(({ metric }) => metric === name)?.customMetrics,
    )
  }
  t.strictSame(counted(1), [1, QUERY_PAGES * 5])
  t.strictSame(counted(8, 'database.query.time'), [8, QUERY_PAGES * 10 * 8])
  t.equal(monthlyCost(1001, 0, 5), 55, 'by the hundred')
  t.equal(monthlyCost(1001, 1000, 5), 5)
  t.equal(monthlyCost(1000, 2000, 5), 0)
})

test('npm run series prints what it counts, and a cost only for a price', async (t) => {
  const priced = ['--price-per-100', '5.00', '--included', '1000']
  const [plain, json, wrong] = await Promise.all([
    runScript('series', []),
    runScript('series', ['--json', '--instances', '4', '--percentiles', 'database.query.time', ...priced]),
    runScript('series', ['--price-per-100=-1']),
  ])
  t.match(plain, { code: 0, stderr: '' })
  const { 'web.page_views': views, 'http.server.request.duration': requests = 0 } = budget.metrics
  const row = (...cells: (string | number | undefined)[]) =>
    new RegExp(`^${cells.map((cell) => cell?.toLocaleString('en').replaceAll('.', '\\.')).join(' +')}$`, 'm')
  t.match(plain.stdout, row('web.page_views', 'counter', views, views))
  t.match(plain.stdout, row('http.server.request.duration', 'histogram', requests, requests * 5))
  t.match(plain.stdout, `\nAt most ${budget.total.toLocaleString('en')} series and `)
  t.match(plain.stdout, / custom metrics, with one instance\.\n/)
  t.notMatch(plain.stdout, /a month/)
  const report = JSON.parse(json.stdout)
  t.equal(report.total.series, 4 * budget.total)
  t.match(
    report.metrics.find(({ metric }: { metric: string }) => metric === 'database.query.time'),
    { series: QUERY_PAGES, customMetrics: QUERY_PAGES * 10 * 4 },
  )
  t.strictSame(report.bill, {
    pricePer100: 5,
    included: 1000,
    aMonth: Math.ceil((report.total.customMetrics - 1000) / 100) * 5,
  })
  t.match(wrong, {
    code: 2,
    stdout: '',
    stderr: '--price-per-100 is "-1"; give an amount of money such as 5.00, without a currency.\n',
  })
  for (const price of ['', 'NaN', '1e3', '5,00', '$5', 'Infinity', '0x5', '1234567', ' 5'])
    t.throws(() => readPrice(price), { name: 'UsageError' }, price)
  t.equal(readPrice('0.05'), 0.05)
  t.throws(() => readPercentiles(['web.page_views']), {
    message: /give all, or one of database\.query\.time, /,
  })
  t.ok(readPercentiles(['all']).has('http.server.request.duration'))
})
