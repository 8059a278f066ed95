import { test } from 'tap'
import { NoTurnError, Turns } from '../src/turns.ts'

/** Takes turns, and notes who has got one or was refused. */
function taker(turns: Turns) {
  const events: string[] = []
  return {
    events,
    async take(name: string): Promise<void> {
      try {
        await turns.take()
        events.push(name)
      } catch (error) {
        events.push(`${name}: ${(error as Error).message}`)
        if (!(error instanceof NoTurnError)) events.push('as it was closed')
      }
    },
  }
}

test('turns are given in the order of asking, and nobody overtakes who waits', async (t) => {
  const turns = new Turns({ atOnce: 2 })
  const { events, take } = taker(turns)
  t.ok(turns.tryTake())
  t.equal(turns.take(), undefined, 'the second is free, too')
  t.notOk(turns.tryTake())
  const taken = [take('a'), take('b'), take('c')]
  t.equal(turns.waiting, 3)
  turns.give()
  t.notOk(turns.tryTake(), 'what was given back is handed to the first')
  turns.give()
  turns.give()
  await Promise.all(taken)
  t.strictSame(events, ['a', 'b', 'c'])
  turns.give()
  turns.give()
  t.ok(turns.tryTake() && turns.tryTake(), 'all are free again')
})

test('one more than may wait is refused at once, and who waits too long leaves the queue', async (t) => {
  const turns = new Turns({ atOnce: 1, queueMax: 2, queueMaxMs: 1 })
  const { events, take } = taker(turns)
  t.ok(turns.tryTake())
  const taken = [take('a'), take('b'), take('c')]
  await taken[2]
  t.strictSame(events, ['c: The queue is full.'])
  await Promise.all(taken)
  t.strictSame(events.slice(1), ['a: It took too long.', 'b: It took too long.'])
  t.equal(turns.waiting, 0)
  turns.give()
  t.ok(turns.tryTake(), 'a turn is not given to somebody who has left')
})

test('a turn that came in time is not taken away by the time-out', async (t) => {
  const turns = new Turns({ atOnce: 1, queueMaxMs: 1 })
  t.ok(turns.tryTake())
  const turn = turns.take()
  turns.give()
  await turn
  await new Promise((resolve) => setTimeout(resolve, 5))
  t.notOk(turns.tryTake())
  turns.give()
  t.ok(turns.tryTake())
})

test('when they are closed, those who wait and those who come later are refused', async (t) => {
  const turns = new Turns({ atOnce: 1 })
  const { events, take } = taker(turns)
  t.ok(turns.tryTake())
  const taken = [take('a'), take('b')]
  turns.close(new Error('closed'))
  turns.give()
  t.notOk(turns.tryTake())
  await Promise.all([...taken, take('c')])
  t.strictSame(
    events.filter((event) => event !== 'as it was closed'),
    ['a: closed', 'b: closed', 'c: closed'],
  )
  t.equal(events.length, 6)
})
