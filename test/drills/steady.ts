import { type Drill, exactnessGoals } from './drill.ts'

export const steady: Drill = {
  name: 'steady',
  proves: 'what arrives on an ordinary day, with the default interval, is what happened',
  short: '20,000 requests',
  long: '1,000,000 requests',
  exportEveryMs: 10_000,
  async run(stage, isLong) {
    const requests = isLong ? 1_000_000 : 20_000
    await stage.startCollector()
    const service = await stage.startService()
    await stage.prepare(service)
    stage.expect('steady', requests)
    await stage.under(stage.load([service]), service, () => stage.until(() => stage.ledger.sent >= requests))
    const comparisons = await stage.settle()
    const active = await stage.standIn.points('http.server.active_requests', ['http.request.method'])
    const left = Object.values(active).map((points) => points.at(-1)?.[1])
    return {
      deeds: [],
      comparisons,
      goals: [
        ...(await exactnessGoals(stage, comparisons)),
        {
          what: 'at the end no request of any method is active',
          isMet: left.length > 0 && left.every((value) => value === 0),
        },
      ],
    }
  },
}
