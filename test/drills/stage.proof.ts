import t from 'tap'
import { Stage } from './stage.ts'

t.test('what never arrives is told as a difference, and not waited for for ever', async (t) => {
  const stage = await Stage.open({ program: 'no Collector', signal: new AbortController().signal })
  t.teardown(() => stage.close())
  t.equal(await stage.comes(() => false, 100), false)
  t.equal(await stage.comes(() => true), true)

  await stage.prepare(await stage.startService())
  const comparisons = await stage.settle(100)
  t.ok(stage.startsToSend > 0, 'it was started again to send what waited')
  t.strictSame(
    comparisons.map(({ stored, difference, happened }) => stored === 0 && difference === happened),
    comparisons.map(() => true),
  )
})
