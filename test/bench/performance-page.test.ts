import { test } from 'tap'
import { EVERYTHING } from '../../bench/goals/comparison.ts'
import { charts, type Findings, performancePage } from '../../bench/performance-page.ts'
import { madeUpFindings, measured } from './findings.ts'

/** The cells of the goals by id: goal, measured, verdict, control. */
function goalsOf(findings: Findings): Map<string, string[]> {
  const rows = performancePage(findings).matchAll(/^\| (P\d+) \| .*? \| (.*) \|$/gm)
  return new Map(
    [...rows].map(([, id, cells]) => [
      id as string,
      (cells as string).split(' | ').map((cell) => cell.trim()),
    ]),
  )
}

test('every goal of a run that meets them is said to be met, beside its figure', async (t) => {
  const goals = goalsOf(madeUpFindings())
  t.same([...goals.keys()], ['P1', 'P2', 'P3', 'P4', 'P5', 'P6', 'P7', 'P8', 'P9', 'P10'])
  for (const [id, [, , verdict]] of goals) t.equal(verdict, 'met', id)
  t.same(goals.get('P1')?.slice(0, 2), ['≤ 1.000', '0.900 (0.900 to 0.900)'])
  t.match(goals.get('P6')?.[1], /^15\.000/)
  t.same(goals.get('P8')?.slice(0, 2), ['≤ 0.50 s; ≤ 120 MB', '0.40 s (0.39 s to 0.41 s); 110 MB'])
})

test('a figure on the wrong side of its limit is shown as missed', async (t) => {
  const found = madeUpFindings()
  const { own, seeded, started } = found
  const page = own.page.map((row) => (row.name === EVERYTHING ? measured(EVERYTHING, 90, 140) : row))
  const goals = goalsOf({
    ...found,
    voted: { ...found.voted, ratio: { ...found.voted.ratio, median: 1.301 } },
    own: { ...own, page },
    seeded: { ...seeded, command: { ...seeded.command, median: 299_999 } },
    started: { ...started, residentBytes: 121e6 },
  })
  const verdicts = [...goals].map(([id, [, , verdict]]) => [id, verdict])
  t.same(Object.fromEntries(verdicts), {
    P1: '**missed**',
    P2: '**missed**',
    P3: 'met',
    P4: 'met',
    P5: 'met',
    P6: 'met',
    P7: '**missed**',
    P8: '**missed**',
    P9: '**missed**',
    P10: 'met',
  })
})

test('one size of the full listing that is too slow is enough to miss its goal', async (t) => {
  const found = madeUpFindings()
  const [first, ...others] = found.listing?.sizes ?? []
  if (first === undefined || found.listing === undefined) return t.fail('no listing')
  const slow = { ...first, story: measured('story', 900, 990) }
  const goals = goalsOf({ ...found, listing: { ...found.listing, sizes: [...others, slow] } })
  t.equal(goals.get('P6')?.[2], '**missed**')
})

test('what was not measured is neither met nor missed, and the page says what to install', async (t) => {
  const page = performancePage({ ...madeUpFindings(), listing: undefined })
  t.match(page, /\| P6 .*\| ≥ 10\.000 \| not measured \| {2}\|/)
  t.match(page, /apt-get install .*python3-flask/)
})

test('the page tells how it was measured', async (t) => {
  const page = performancePage({ ...madeUpFindings(), quick: true, sliceSeconds: 0.7 })
  t.match(page, 'Measured on 2026-02-03 on a machine, with `--quick`.')
  t.match(page, 'in slices of 0.7 s')
  t.match(page, '| SQLite | 25.0 % | `execute` 20.0 % |')
})

test('each chart that the page shows is written, with every server of its table', async (t) => {
  const findings = madeUpFindings()
  const shown = [...performancePage(findings).matchAll(/!\[[^\]]+\]\(([^)]+)\)/g)].map(([, file]) => file)
  const written = charts(findings)
  t.same(
    written.map(({ file }) => file),
    shown,
  )
  const rowsOf = [findings.peers.page, findings.peers.trivial]
  for (const [index, { svg }] of written.entries())
    for (const { name } of rowsOf[index] ?? []) t.match(svg, `>${name}</text>`)
})
