import { type Drill, exactnessGoals, orderStatistic } from './drill.ts'
import { RATE, type Stage, type Weighing } from './stage.ts'

const BESIDE_MS = 15_000
const WINDOW_MS = 5000
/** What a heap may differ by after a garbage collection: compiled code and caches that fill up. */
const FLAT_BYTES = 6_000_000

export const collectorAbsent: Drill = {
  name: 'collector-absent',
  proves: 'without a Collector nothing is lost, memory stays flat, and requests do not notice',
  short: '60 s',
  // An hour is what Datadog takes: the first intervals of a longer absence would be too old.
  long: '58 min',
  exportEveryMs: 2000,
  async run(stage, isLong) {
    const absentMs = isLong ? 58 * 60_000 : 60_000
    await stage.startCollector()
    const service = await stage.startService()
    await stage.prepare(service)
    stage.expect(this.name, ((2 * BESIDE_MS + absentMs) * RATE) / 1000)
    const beside: number[] = []
    const absent: number[] = []
    let during: readonly Weighing[] = []
    await stage.under(stage.load([service]), service, async () => {
      // What is compiled and cached in the first seconds is no answer of the service.
      await stage.pause(WINDOW_MS)
      beside.push(...(await windows(stage, BESIDE_MS)))
      await stage.endCollector('SIGKILL')
      const before = stage.weighings.length
      absent.push(...(await windows(stage, absentMs)))
      await stage.weigh(service)
      during = stage.weighings.slice(before)
      await stage.startCollector()
      beside.push(...(await windows(stage, BESIDE_MS)))
    })
    const comparisons = await stage.settle()
    const growth = (during.at(-1)?.heapUsed ?? Number.NaN) - (during[0]?.heapUsed ?? Number.NaN)
    return {
      deeds: [{ what: 'seconds without a Collector', count: absentMs / 1000 }],
      comparisons,
      lines: [
        `p99 in windows of ${WINDOW_MS / 1000} s, beside:  ${told(beside)}`,
        `p99 in windows of ${WINDOW_MS / 1000} s, without: ${told(absent)}`,
        `the median without is ${median(absent) <= Math.max(...beside) ? '' : 'NOT '}within the range of those beside`,
        `heap after garbage collections while absent: ${during.map(({ heapUsed }) => (heapUsed / 1e6).toFixed(1)).join(', ')} MB`,
      ],
      notes: ['Times are of this machine at that hour: they are told, and no goal.'],
      goals: [
        ...(await exactnessGoals(stage, comparisons)),
        {
          what: `the heap grows by less than ${FLAT_BYTES / 1e6} MB while absent`,
          isMet: during.length > 1 && growth < FLAT_BYTES,
        },
      ],
    }
  },
}

/** The 99th percentile of each window of the load. */
async function windows(stage: Stage, durationMs: number): Promise<number[]> {
  const found: number[] = []
  for (let passed = 0; passed < durationMs; passed += WINDOW_MS) {
    const first = stage.ledger.latencies.length
    await stage.pause(WINDOW_MS)
    found.push(
      orderStatistic(
        stage.ledger.latencies.slice(first).sort((one, other) => one - other),
        0.99,
      ) ?? 0,
    )
  }
  return found
}

function median(values: readonly number[]): number {
  return (
    orderStatistic(
      values.toSorted((one, other) => one - other),
      0.5,
    ) ?? Number.NaN
  )
}

function told(values: readonly number[]): string {
  return `median ${median(values).toFixed(0)} ms, from ${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)} ms (${values.length})`
}
