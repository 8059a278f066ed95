import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { SETTINGS } from '../src/config.ts'

const HELP = `Writes the table of settings in README.md from src/config.ts.

  node scripts/settings-docs.ts [--check]

  --check   write nothing; fail when the table is not what would be written
  --help    show this
`

const README = join(import.meta.dirname, '..', 'README.md')
const MARKED = /(<!-- settings: .*? -->\n).*?(<!-- \/settings -->)/s

function settingsTable(): string {
  const rows = Object.values(SETTINGS).map((setting) => {
    const bounds =
      setting.kind === 'integer'
        ? `${setting.min} to ${setting.max} ${setting.unit}`
        : setting.kind === 'choice'
          ? setting.choices.join(', ')
          : setting.expects
    return `| \`${setting.env}\` | ${setting.default === '' ? '' : `\`${setting.default}\``} | ${setting.meaning} | ${bounds} |`
  })
  return ['| variable | default | meaning | allowed |', '|---|---|---|---|', ...rows, ''].join('\n')
}

try {
  const { values } = parseArgs({ options: { check: { type: 'boolean' }, help: { type: 'boolean' } } })
  if (values.help) process.stdout.write(HELP)
  else write(values.check === true)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

function write(onlyCheck: boolean): void {
  const before = readFileSync(README, 'utf8')
  if (!MARKED.test(before))
    throw new Error('README.md has no place for the settings; put the two comments back.')
  const after = before.replace(MARKED, (_, start, end) => `${start}${settingsTable()}${end}`)
  if (!onlyCheck) writeFileSync(README, after)
  else if (after !== before) throw new Error('The settings in README.md are stale; run npm run docs.')
}
