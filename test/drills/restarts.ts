import { type Drill, exactnessGoals } from './drill.ts'
import { RATE } from './stage.ts'

const LOAD_MS = 2500

export const restarts: Drill = {
  name: 'restarts',
  proves: 'what a service cannot send before it ends is sent when it starts again',
  short: '5 restarts',
  long: '100 restarts',
  async run(stage, isLong) {
    const rounds = isLong ? 100 : 5
    await stage.startCollector()
    let service = await stage.startService()
    await stage.prepare(service)
    stage.expect(this.name, (rounds * RATE * 8000) / 1000)
    for (let round = 0; round < rounds; round++) {
      await stage.under(stage.load([service]), undefined, async () => {
        await stage.pause(stage.upTo(LOAD_MS))
        await stage.endCollector('SIGKILL')
        await stage.pause(stage.upTo(LOAD_MS))
        // Under load: whoever was let in is answered, and nobody takes the last numbers.
        await stage.stopService(service)
        // Half of the time somebody listens again before the next start.
        if (round % 2 === 0) await stage.startCollector()
        service = await stage.startService()
        await stage.pause(stage.upTo(LOAD_MS))
      })
      if (round % 2 === 1) await stage.startCollector()
    }
    const comparisons = await stage.settle()
    return {
      deeds: [{ what: 'SIGTERM while nobody listened', count: rounds }],
      comparisons,
      goals: await exactnessGoals(stage, comparisons),
    }
  },
}
