import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { cataloguePage } from '../src/telemetry/catalogue-page.ts'

const HELP = `Writes docs/telemetry.md from the catalogue of metrics.

  node scripts/telemetry-docs.ts [--check]

  --check   write nothing; fail when the page is not what would be written
  --help    show this`

const FILE = new URL('../docs/telemetry.md', import.meta.url)

try {
  const { values } = parseArgs({ options: { check: { type: 'boolean' }, help: { type: 'boolean' } } })
  if (values.help) process.stdout.write(`${HELP}\n`)
  else if (values.check) check()
  else writeFileSync(FILE, cataloguePage())
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

function check(): void {
  if (readOrEmpty() !== cataloguePage())
    throw new Error(
      'docs/telemetry.md is stale; run node scripts/telemetry-docs.ts and commit what it writes.',
    )
}

function readOrEmpty(): string {
  try {
    return readFileSync(FILE, 'utf8')
  } catch {
    return ''
  }
}
