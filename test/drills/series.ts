import { formatCount } from '../../tools/progress.ts'
import { inParallel, seededRandom } from '../proof/client.ts'
import { honestRequests, hostileRequests } from '../proof/hostile.ts'
import type { Drill } from './drill.ts'
import type { Stage } from './stage.ts'

const AT_ONCE = 16
/** What the Collector makes of spans comes with its next flush. */
const FLUSH_MS = 12_000

export const series: Drill = {
  name: 'series',
  proves: 'no path, method or header field that a client thinks up adds a series, at our cost, to the bill',
  short: '10,000 hostile requests',
  long: '1,000,000 hostile requests',
  async run(stage, isLong) {
    const requests = isLong ? 1_000_000 : 10_000
    await stage.startCollector()
    // Every trace, so that what is made of spans is put to the test too.
    const service = await stage.startService({ env: { OTEL_TRACES_SAMPLER_ARG: '1' } })
    const client = stage.client(service)
    let [answered, refused, failed] = [0, 0, 0]
    const honest = honestRequests()
    await inParallel(honest, AT_ONCE, async (ask) => void (await client.ask(ask)))
    const measured = async () =>
      Object.values(await stage.standIn.count(REQUESTS, [])).reduce((one, other) => one + other, 0)
    await stage.comes(async () => (await measured()) >= honest.length)
    await stage.pause(FLUSH_MS)
    const before = await seriesOf(stage)

    stage.expect(this.name, requests)
    await inParallel(hostileRequests(requests, seededRandom(7)), AT_ONCE, async (ask) => {
      stage.signal.throwIfAborted()
      try {
        const { status } = await client.ask(ask)
        answered += 1
        if (status >= 500) failed += 1
      } catch {
        refused += 1
      }
      stage.advance(1)
    })
    await stage.stopService(service)
    const areMeasured = await stage.comes(async () => (await measured()) >= honest.length + answered)
    await stage.pause(FLUSH_MS)
    const after = await seriesOf(stage)
    const grown = Object.entries(after).filter(([metric, count]) => count > (before[metric] ?? 0))
    return {
      deeds: [{ what: 'hostile requests answered', count: answered }],
      comparisons: [],
      lines: [
        `${formatCount(total(before))} series of ${Object.keys(before).length} metrics after ${formatCount(honest.length)} honest requests, ${formatCount(total(after))} after the hostile ones`,
        `${formatCount(refused)} requests were cut off instead of being answered`,
        ...grown.map(([metric, count]) => `${metric}: ${before[metric] ?? 0} series before, ${count} after`),
      ],
      goals: [
        { what: '0 new series', isMet: total(before) > 0 && grown.length === 0 },
        { what: 'no hostile request is answered with 5xx', isMet: failed === 0 },
        { what: 'nine in ten are answered', isMet: answered > requests * 0.9 },
        { what: 'every answered request was measured', isMet: areMeasured },
      ],
    }
  },
}

const REQUESTS = 'http.server.request.duration'

/** Of what requests cause; the runtime's own metrics come and go with garbage collections. */
async function seriesOf(stage: Stage): Promise<Record<string, number>> {
  const { metrics } = await stage.standIn.stored()
  return Object.fromEntries(
    Object.entries(metrics.series).filter(([name]) => /^(web|http|database|db|traces)\./.test(name)),
  )
}

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}
