import { type Command, flag, integer, runCommand, text, texts, type Values } from '../src/process/command.ts'
import {
  countCustomMetrics,
  type MetricCost,
  monthlyCost,
  readPercentiles,
  readPrice,
} from './custom-metrics.ts'
import { formatCount } from './progress.ts'
import { readServiceShape } from './service-shape.ts'

const OPTIONS = {
  instances: integer('N', [1, 100_000], 'processes that run at once, on all hosts; 1 if left out'),
  percentiles: texts(
    'METRIC',
    'a distribution whose percentiles are switched on in Datadog; repeat it for each, or give `all`',
  ),
  'price-per-100': text(
    'PRICE',
    "your contract's price of 100 custom metrics a month, such as 5.00; without it no cost is shown",
  ),
  included: integer(
    'N',
    [0, 1_000_000_000],
    'custom metrics that the contract includes, over all hosts; none if left out',
  ),
  json: flag('for programs'),
}

const series: Command<typeof OPTIONS> = {
  name: 'npm run series',
  summary: [
    'The most series that each metric can make, computed from the routes and the closed sets of attribute values, and',
    'the custom metrics that Datadog counts for them. Only events that happen make series, so there are far fewer.',
  ].join('\n'),
  options: OPTIONS,
  run,
}

await runCommand(series)

async function run(options: Values<typeof OPTIONS>): Promise<void> {
  const pricePer100 = readPrice(options['price-per-100'])
  const percentiles = readPercentiles(options.percentiles)
  const { instances = 1, included = 0 } = options
  const metrics = countCustomMetrics(await readServiceShape(), { instances, percentiles })
  const total = { series: sum(metrics, 'series') * instances, customMetrics: sum(metrics, 'customMetrics') }
  const bill =
    pricePer100 === undefined
      ? undefined
      : { pricePer100, included, aMonth: monthlyCost(total.customMetrics, included, pricePer100) }
  const report: Report = { instances, percentiles: [...percentiles], metrics, total, ...(bill && { bill }) }
  process.stdout.write(`${options.json ? JSON.stringify(report, undefined, 2) : inWords(report)}\n`)
}

interface Report {
  instances: number
  percentiles: readonly string[]
  metrics: readonly MetricCost[]
  total: { series: number; customMetrics: number }
  bill?: { pricePer100: number; included: number; aMonth: number }
}

function inWords({ instances, metrics, total, bill }: Report): string {
  const count = instances === 1 ? 'one instance' : `${formatCount(instances)} instances`
  const cost = bill && [
    `${money(bill.aMonth)} a month at ${money(bill.pricePer100)} for each 100 beyond ${formatCount(bill.included)}, if all of them are there in every hour.`,
  ]
  return [
    ...table(metrics),
    '',
    `At most ${formatCount(total.series)} series and ${formatCount(total.customMetrics)} custom metrics, with ${count}.`,
    'Datadog counts a distribution five times, with percentiles ten times, and anything else once.',
    ...(cost ?? []),
  ].join('\n')
}

function table(metrics: readonly MetricCost[]): string[] {
  const rows = metrics.map(({ metric, kind, series: count, customMetrics }) => [
    metric,
    kind,
    formatCount(count),
    formatCount(customMetrics),
  ])
  const all = [['metric', 'kind', 'series of one instance', 'custom metrics'], ...rows]
  const widths = [0, 1, 2, 3].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  return all.map((row) =>
    row
      .map((cell, column) =>
        column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  '),
  )
}

function sum(metrics: readonly MetricCost[], key: 'series' | 'customMetrics'): number {
  return metrics.reduce((total, metric) => total + metric[key], 0)
}

/** In the currency of the price. */
function money(amount: number): string {
  return amount.toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 })
}
