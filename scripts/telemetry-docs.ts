import { readFileSync, writeFileSync } from 'node:fs'
import { CommandError, flag, runCommand } from '../src/process/command.ts'
import { cataloguePage } from '../src/telemetry/catalogue-page.ts'
import { budgetChanges, budgetOf, type SeriesBudget } from '../tools/series-budget.ts'
import { readServiceShape } from '../tools/service-shape.ts'

const PAGE = new URL('../docs/telemetry.md', import.meta.url)
const BUDGET = new URL('../telemetry-budget.json', import.meta.url)

await runCommand({
  name: 'node scripts/telemetry-docs.ts',
  summary:
    'Writes docs/telemetry.md from the catalogue of metrics, and telemetry-budget.json from the catalogue and the routes.',
  options: { check: flag('write nothing; fail if a file is out of date') },
  async run({ check }) {
    const budget = budgetOf(await readServiceShape())
    if (check) {
      checkBudget(budget)
      checkPage()
      return
    }
    writeFileSync(BUDGET, `${JSON.stringify(budget, undefined, 2)}\n`)
    writeFileSync(PAGE, cataloguePage())
  },
})

function checkBudget(budget: SeriesBudget): void {
  const changes = budgetChanges(readBudget(), budget)
  if (changes.length > 0)
    throw new CommandError(
      [
        'telemetry-budget.json is not up to date; run npm run docs, and look at the diff: each series costs money.',
        ...changes,
      ].join('\n'),
    )
}

/** An unreadable file, as after a merge, counts as out of date. */
function readBudget(): SeriesBudget {
  try {
    return JSON.parse(readOrEmpty(BUDGET))
  } catch {
    return { total: 0, metrics: {} }
  }
}

function checkPage(): void {
  if (readOrEmpty(PAGE) !== cataloguePage())
    throw new CommandError('docs/telemetry.md is out of date; run npm run docs.')
}

function readOrEmpty(file: URL): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
