import t from 'tap'
import { compare } from './comparison.ts'
import type { Report } from './drill.ts'
import { summary, table } from './table.ts'

function reportOf(stored: number): Report {
  const comparison = compare('views', new Map([['page:home', 1000]]), { 'page:home': stored })
  const isMet = comparison.difference === 0
  return {
    drill: 'test',
    proves: 'a table tells the truth',
    form: 'short',
    startedAt: '2026-01-01T00:00:00.000Z',
    seconds: 61,
    exportEveryMs: 1000,
    deeds: [{ what: 'kills', count: 10 }],
    comparisons: [comparison],
    goals: [{ what: 'difference 0', isMet }],
    notes: ['A note.'],
    requests: { sent: 1000, completed: 1000, notLetIn: 0, unknown: 0, unexpected: {}, p50Ms: 1, p99Ms: 2 },
    stored: {
      metrics: {
        received: 5,
        stored: 4,
        repeated: 1,
        overwritten: 0,
        series: { views: 1 },
        overwrittenPerMetric: {},
      },
      traces: { received: 0, distinct: 0 },
      logs: { received: 0 },
      requests: { 200: 5 },
      misbehaved: {},
      refused: [{ signal: 'metrics', metric: 'views', reason: 'older than an hour', status: 200, count: 2 }],
    },
    books: [{ signal: 'metrics', recorded: 5, restored: 0, resent: 1, deadLetters: 0, dropped: 0 }],
    memory: { heapBegin: 40e6, heapEnd: 41e6, rssBegin: 90e6, rssEnd: 91e6, heapSlope: -2e5 },
    warnings: {},
    startsToSend: 0,
    gaps: { 'service.instance.id:a': [[1_790_000_000, 1_790_000_001.5]] },
    isMet,
  }
}

t.test('where nothing was lost, 3/n stands beside each n', async (t) => {
  const text = table(reportOf(1000))
  t.match(text, /^ {2}kills +10 +≤ 0\.30$/m)
  t.match(text, /^ {2}views +1,000 +1,000 +0 +0 +1 +0 +≤ 0\.0030$/m)
  t.match(text, /^ {2}met +difference 0$/m)
  t.notMatch(text, 'nothing stored', 'a gap alone is no loss')
  t.match(text, '200 views older than an hour: 2')
  t.match(text, 'heap 40.0 MB at first, 41.0 MB at last (−0.20 MB a minute')
})

t.test('a difference is shown with its tag set, and nothing is bounded', async (t) => {
  const text = table(reportOf(999))
  t.match(text, /^ {2}views +1,000 +999 +1 +0 +1 +1$/m)
  t.match(text, /^ {4}views\{page:home\}: 1000 happened, 999 stored$/m)
  t.match(text, /^ {2}MISSED +difference 0$/m)
  t.match(text, /^ {2}nothing stored +of service.instance.id:a from 2026-09-21T14:13:20.000Z for 1\.5 s$/m)
  t.notMatch(text, '≤')
  t.notMatch(table({ ...reportOf(1000), isMet: false }), /kills.*≤/, 'nor where another goal was missed')
})

t.test('the summary has a line for each drill', async (t) => {
  t.equal(
    summary([reportOf(1000), reportOf(999)]),
    [
      '| drill | what was done | difference | 3/n of each | goals | took |',
      '| --- | --- | --- | --- | --- | --- |',
      '| test | 1,000 requests, 10 kills | 0 of 1,000 in 1 tag sets | ≤ 0.0030, ≤ 0.30 | met | 1 min 1 s |',
      '| test | 1,000 requests, 10 kills | 1 of 1,000 in 1 tag sets | – | MISSED | 1 min 1 s |',
    ].join('\n'),
  )
})
