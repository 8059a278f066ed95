import { type Drill, exactnessGoals } from './drill.ts'
import { RATE } from './stage.ts'

/** Between two kills; the Collector takes about one second to start beside the load. */
const ALIVE_MS = 2000
const DEAD_MS = 700

export const collectorKilled: Drill = {
  name: 'collector-killed',
  proves: 'a Collector that is killed with SIGKILL under load loses nothing',
  short: '10 kills',
  long: '100 kills',
  async run(stage, isLong) {
    const kills = isLong ? 100 : 10
    await stage.startCollector()
    const service = await stage.startService()
    await stage.prepare(service)
    stage.expect(this.name, (kills * RATE * (ALIVE_MS + DEAD_MS + 1000)) / 1000)
    await stage.under(stage.load([service]), service, async () => {
      for (let kill = 0; kill < kills; kill++) {
        await stage.pause(stage.upTo(ALIVE_MS))
        await stage.endCollector('SIGKILL')
        await stage.pause(stage.upTo(DEAD_MS))
        await stage.startCollector()
      }
    })
    const comparisons = await stage.settle()
    return {
      deeds: [{ what: 'kills of the Collector', count: kills }],
      comparisons,
      goals: await exactnessGoals(stage, comparisons),
    }
  },
}
