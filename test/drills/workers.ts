import { type Drill, exactnessGoals } from './drill.ts'
import { RATE } from './stage.ts'

const WORKERS = 8
const SERVED_MS = 4000

export const workers: Drill = {
  name: 'workers',
  proves: 'of eight workers any may be ended with SIGTERM and replaced under load',
  short: '4 restarts',
  long: '100 restarts',
  async run(stage, isLong) {
    const restarts = isLong ? 100 : 4
    await stage.startCollector()
    const service = await stage.startService({ workers: WORKERS })
    await stage.prepare(service)
    stage.expect(this.name, (restarts * RATE * (SERVED_MS + 1500)) / 1000)
    let replaced = 0
    await stage.under(stage.load([service]), undefined, async () => {
      for (let restart = 0; restart < restarts; restart++) {
        await stage.pause(stage.upTo(SERVED_MS))
        const slot = 1 + (restart % WORKERS)
        const pid = stage.workers.get(slot)
        if (pid === undefined) throw new Error(`there is no worker ${slot}`)
        process.kill(pid, 'SIGTERM')
        if (await stage.comes(() => stage.workers.get(slot) !== pid)) replaced += 1
      }
      await stage.pause(stage.upTo(SERVED_MS))
    })
    const comparisons = await stage.settle()
    const instances = Object.keys(await stage.standIn.sum('web.page_views_total', ['service.instance.id']))
    return {
      deeds: [{ what: 'SIGTERM of a worker', count: replaced }],
      comparisons,
      lines: [
        `${instances.length} instances at the stand-in: ${instances
          .map((each) => each.split('/').at(-1))
          .sort()
          .join(', ')}`,
      ],
      goals: [
        ...(await exactnessGoals(stage, comparisons)),
        { what: 'every worker that ended is replaced', isMet: replaced === restarts },
        { what: 'replacements bear the names of those before', isMet: instances.length === WORKERS },
      ],
    }
  },
}
