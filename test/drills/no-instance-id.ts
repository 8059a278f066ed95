import type { Drill } from './drill.ts'

/** As otel-collector.yaml, without the instance's name on the points. */
const OVERLAY = `
processors:
  transform:
    metric_statements:
      - context: datapoint
        statements:
          - set(datapoint.attributes["support"], resource.attributes["support"]) where resource.attributes["support"] != nil
`

const SERVICES = 2
/** Long enough that a resend would have come; what is overwritten never will. */
const QUIET_MS = 6000

export const noInstanceId: Drill = {
  name: 'no-instance-id',
  proves: 'without the instance on the points two processes overwrite each other, and a drill sees it',
  short: '2,500 requests',
  long: '2,500 requests',
  async run(stage) {
    const requests = 2500
    await stage.startCollector(OVERLAY)
    const names = Array.from({ length: SERVICES }, (_, index) => `service-${index}`)
    const [first, ...others] = await Promise.all(names.map((name) => stage.startService({ name })))
    if (first === undefined) throw new Error('there is no service')
    await stage.prepare(first)
    stage.expect(this.name, requests)
    await stage.under(stage.load([first, ...others]), first, () =>
      stage.until(() => stage.ledger.sent >= requests),
    )
    const comparisons = await stage.settle(QUIET_MS)
    const { overwritten } = (await stage.standIn.stored()).metrics
    return {
      deeds: [{ what: 'processes that share a series', count: SERVICES }],
      comparisons,
      notes: ['Here a difference is the goal: the same comparison, with one line of the configuration gone.'],
      goals: [
        {
          what: 'every metric shows a difference',
          isMet: comparisons.length > 0 && comparisons.every(({ difference }) => difference > 0),
        },
        { what: 'the stand-in saw points over others', isMet: overwritten > 0 },
      ],
    }
  },
}
