import { test } from 'tap'
import { ratioOf } from '../../bench/measure/slices.ts'
import { quantile, spreadOf } from '../../bench/measure/statistics.ts'
import { measured } from './findings.ts'

test('a quantile lies between two values by line, whatever their order', async (t) => {
  const values = [40, 10, 30, 20]
  t.same(
    [0, 0.25, 0.5, 0.75, 1].map((part) => quantile(values, part)),
    [10, 17.5, 25, 32.5, 40],
  )
  t.same(values, [40, 10, 30, 20], 'the values stay as they were')
  t.equal(quantile([7], 0.25), 7)
})

test('numbers are sorted as numbers', async (t) => {
  t.same(spreadOf([9, 100, 11]), { median: 11, low: 10, high: 55.5, count: 3 })
})

test('a ratio is the median of the quotients within a round, not the quotient of the medians', async (t) => {
  const one = measured('one', 10, 40, 90)
  const other = measured('other', 10, 10, 100)
  t.same(ratioOf(one, other), { median: 1, low: 0.95, high: 2.5, count: 3 })
})

test('a round in which one of both was left out is in no ratio', async (t) => {
  const one = measured('one', 10, 40, undefined, 90)
  const other = measured('other', 10, undefined, 1, 30)
  t.same(ratioOf(one, other), { median: 2, low: 1.5, high: 2.5, count: 2 })
})

test('where no round was quiet for both, the medians are compared', async (t) => {
  const ratio = ratioOf(measured('one', 30, undefined), measured('other', undefined, 10))
  t.same(ratio, { median: 3, low: 3, high: 3, count: 1 })
})

test('requests a second are compared the other way round', async (t) => {
  const ratio = ratioOf(measured('one', 10, 10), measured('other', 40, 50), 'requestsASecond')
  t.match(ratio, { median: 4.5, count: 2 })
})
