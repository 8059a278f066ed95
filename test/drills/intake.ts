import type { Order } from '../support/intake/control.ts'
import { type Drill, exactnessGoals } from './drill.ts'
import { RATE } from './stage.ts'

const MISBEHAVIOURS: readonly Extract<Order, { do: 'misbehave' }>['answer'][] = [
  503,
  { status: 429, headers: { 'retry-after': '1' } },
  'no answer',
  'reset',
  'lost reply',
]

export const intake: Drill = {
  name: 'intake',
  proves: 'an intake that answers 503 or 429, hangs, resets or drops its reply makes no difference',
  short: '20 s of each',
  long: '10 min of each',
  async run(stage, isLong) {
    const forMs = isLong ? 600_000 : 20_000
    await stage.startCollector()
    const service = await stage.startService()
    await stage.prepare(service)
    stage.expect(this.name, (MISBEHAVIOURS.length * RATE * (forMs + 1500)) / 1000)
    await stage.under(stage.load([service]), service, async () => {
      for (const answer of MISBEHAVIOURS) {
        await stage.standIn.order({ do: 'misbehave', answer })
        await stage.pause(forMs)
        await stage.standIn.order({ do: 'behave' })
        // Its pauses grow to half a minute, and would outlast what comes next; its queue stays.
        await stage.endCollector('SIGTERM')
        await stage.startCollector()
      }
    })
    const comparisons = await stage.settle()
    const { misbehaved } = await stage.standIn.stored()
    return {
      deeds: Object.entries(misbehaved).map(([what, count]) => ({ what: `exports met with ${what}`, count })),
      comparisons,
      goals: [
        ...(await exactnessGoals(stage, comparisons)),
        {
          what: 'each misbehaviour was met with',
          isMet: Object.keys(misbehaved).length === MISBEHAVIOURS.length,
        },
      ],
    }
  },
}
