import { METRICS } from '../../src/telemetry/catalogue.ts'
import { PAGES } from '../../src/telemetry/pages.ts'
import { startTelemetry } from '../../src/telemetry/start.ts'
import { formatCount } from '../../tools/progress.ts'
import { seededRandom } from '../proof/client.ts'
import { type Drill, orderStatistic } from './drill.ts'

const FRACTIONS = [0.5, 0.95, 0.99]
const GOAL = 0.01
const VALUES_A_STEP = 500
const STEP_MS = 20

/** Seconds, as queries take them; each shape is drawn from numbers in (0, 1]. */
const SHAPES: Readonly<Record<string, (random: () => number) => number>> = {
  uniform: (random) => 0.0005 + random() / 10,
  // No query takes no time: without the shift a value in a million would be nanoseconds, 24 octaves below the rest.
  exponential: (random) => 2e-5 - Math.log(random()) / 200,
  'log-normal': (random) =>
    0.002 * Math.exp(Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random())),
  'two peaks': (random) => (random() < 0.94 ? 0.0004 + random() / 1e4 : 1.5 + random()),
  'from 10 µs to 10 s': (random) => 1e-5 * 10 ** (6 * random()),
}

export const percentiles: Drill = {
  name: 'percentiles',
  proves: 'percentiles at the stand-in are within 1 % of the exact order statistics',
  short: '50,000 values of each of five shapes',
  long: '1,000,000 values of each of five shapes',
  async run(stage, isLong) {
    const count = isLong ? 1_000_000 : 50_000
    const shapes = Object.entries(SHAPES).map(([name, draw], index) => ({
      name,
      draw,
      page: PAGES[index] as (typeof PAGES)[number],
      values: new Float64Array(count),
    }))
    await stage.startCollector()
    // The service's own telemetry, given values that are known one by one.
    const telemetry = startTelemetry({
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: stage.place.url,
        OTEL_TRACES_EXPORTER: 'none',
        OTEL_LOGS_EXPORTER: 'none',
        OTEL_METRIC_EXPORT_INTERVAL: String(stage.exportEveryMs),
      },
      serviceVersion: '0.0.0',
      hostName: 'drill',
      supportTag: 'rollcall',
      instanceId: 'percentiles',
    })
    stage.teardown(() => telemetry.shutdown())
    const recorders = shapes.map(({ page }) => telemetry.instruments.histogram(METRICS.queryTime, { page }))
    const random = seededRandom(20_261_122)
    const positive = () => 1 - random()
    stage.expect(this.name, count * shapes.length)
    // Over several intervals, so that percentiles are merged from several points.
    for (let done = 0; done < count; done += VALUES_A_STEP) {
      for (const [index, { draw, values }] of shapes.entries())
        for (let i = done; i < Math.min(count, done + VALUES_A_STEP); i++) {
          values[i] = draw(positive)
          recorders[index]?.record(values[i] as number)
        }
      stage.advance(VALUES_A_STEP * shapes.length)
      await stage.pause(STEP_MS)
    }
    await telemetry.shutdown()
    const { name: metric } = METRICS.queryTime
    const counts = () => stage.standIn.count(metric, ['page'])
    await stage.comes(
      async () => Object.values(await counts()).reduce((sum, one) => sum + one, 0) >= count * shapes.length,
    )
    const found = await Promise.all(FRACTIONS.map((p) => stage.standIn.percentile(metric, ['page'], p)))
    const points = await stage.standIn.points(metric, ['page'])
    const rows = shapes.flatMap(({ name, page, values }) => {
      values.sort()
      return FRACTIONS.map((p, index) => {
        const exact = orderStatistic(values, p) as number
        const { value, relativeError } = found[index]?.[`page:${page}`] ?? {
          value: Number.NaN,
          relativeError: Number.NaN,
        }
        return { name, p, exact, value, off: Math.abs(value - exact) / exact, relativeError }
      })
    })
    const stored = Object.values(await counts())
    return {
      deeds: [{ what: 'values recorded', count: count * shapes.length }],
      comparisons: [],
      lines: [
        ...rows.map(
          ({ name, p, exact, value, off, relativeError }) =>
            `${name.padEnd(18)}  p${String(p * 100).padEnd(2)}  exact ${seconds(exact)}  stored ${seconds(value)}  off by ${percent(off)}  (at most ${percent(relativeError)})`,
        ),
        `each merged from ${Math.min(...Object.values(points).map((each) => each.length))} points or more`,
      ],
      goals: [
        {
          what: `p50, p95 and p99 of every shape are within ${percent(GOAL)}`,
          isMet: rows.length > 0 && rows.every(({ off }) => off <= GOAL),
        },
        {
          what: `each shape has ${formatCount(count)} values at the stand-in`,
          isMet: stored.length === shapes.length && stored.every((one) => one === count),
        },
      ],
    }
  },
}

function seconds(value: number): string {
  return `${value.toPrecision(6)} s`.padStart(14)
}

function percent(part: number): string {
  return `${(part * 100).toFixed(2)} %`
}
