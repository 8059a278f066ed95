import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { CARDINALITY_LIMIT } from '../../packages/durable-otlp-exporter/src/pipeline.ts'
import type { ServiceShape } from '../../src/telemetry/metric-definition.ts'
import { countCustomMetrics, monthlyCost, readPercentiles, readPrice } from '../../tools/custom-metrics.ts'
import { readServiceShape } from '../../tools/service-shape.ts'
import { runScript } from '../tools/run-command.ts'

interface Budget {
  /** Series of one instance, of all metrics together. */
  total: number
  metrics: Record<string, number>
}

const FILE = 'telemetry-budget.json'

/** What the routes of a service can make beyond a budget, one sentence each; also what the budget says nothing of. */
function overBudget(shape: ServiceShape, budget: Budget): string[] {
  const costs = countCustomMetrics(shape, { instances: 1, percentiles: new Set() })
  const total = costs.reduce((sum, { series }) => sum + series, 0)
  const names = new Set(costs.map(({ metric }) => metric))
  const grown = costs
    .filter(({ metric, series }) => !(series <= (budget.metrics[metric] ?? 0)))
    .map(({ metric, series }) => {
      const before = budget.metrics[metric]
      return before === undefined
        ? `${metric} can make ${series} series and has no budget; give it one in ${FILE}.`
        : `${metric} can make ${series} series, ${series - before} beyond its budget; make fewer, or raise it in ${FILE}.`
    })
  return [
    ...grown,
    ...(total <= budget.total
      ? []
      : [`All metrics can make ${total} series, ${total - budget.total} beyond the total in ${FILE}.`]),
    ...Object.keys(budget.metrics)
      .filter((metric) => !names.has(metric))
      .map((metric) => `${FILE} names ${metric}, which does not exist; take it out.`),
  ]
}

const budget: Budget = JSON.parse(readFileSync(new URL(`../../${FILE}`, import.meta.url), 'utf8'))

test('the series that the routes can make are within the budget', async (t) => {
  const shape = await readServiceShape()
  t.strictSame(overBudget(shape, budget), [])
  t.ok(shape.routes.length > 50)
  t.ok(
    shape.routes.every(({ statuses }) => statuses.length > 0),
    'every route says what it may answer with',
  )
  const [most] = Object.values(budget.metrics).sort((a, b) => b - a)
  t.ok((most as number) < CARDINALITY_LIMIT, 'the SDK folds no series together')

  const statuses = [200, 400, 404, 429, 500, 503]
  const route = (url: string) => ({ method: 'GET', url, page: 'community', statuses })
  const larger = { routes: [...shape.routes, ...['/a', '/b', '/c'].map(route)] }
  t.strictSame(overBudget(larger, budget), [
    'http.server.request.duration can make 5024 series, 24 beyond its budget; make fewer, or raise it in telemetry-budget.json.',
  ])
  const { 'web.page_views': _, ...fewer } = budget.metrics
  t.strictSame(overBudget(shape, { total: 8000, metrics: { ...fewer, 'web.views': 3 } }), [
    'web.page_views can make 6 series and has no budget; give it one in telemetry-budget.json.',
    'All metrics can make 8650 series, 650 beyond the total in telemetry-budget.json.',
    'telemetry-budget.json names web.views, which does not exist; take it out.',
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
  t.strictSame(counted(1), [1, 6 * 5])
  t.strictSame(counted(8, 'database.query.time'), [8, 6 * 10 * 8])
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
  t.match(plain.stdout, /^web\.page_views +counter +6 +6$/m)
  t.match(plain.stdout, /^http\.server\.request\.duration +histogram +4,862 +24,310$/m)
  t.match(plain.stdout, /\nAt most 8,650 series and [\d,]+ custom metrics, with one instance\.\n/)
  t.notMatch(plain.stdout, /a month/)
  const report = JSON.parse(json.stdout)
  t.equal(report.total.series, 4 * 8650)
  t.match(
    report.metrics.find(({ metric }: { metric: string }) => metric === 'database.query.time'),
    { series: 6, customMetrics: 6 * 10 * 4 },
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
