import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SETTINGS } from '../src/config.ts'

/** Writes the README's table of settings; with `--check` only says whether it is the one that config.ts makes. */

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

const before = readFileSync(README, 'utf8')
if (!MARKED.test(before))
  throw new Error('README.md has no place for the settings; put the two comments back.')
const after = before.replace(MARKED, (_, start, end) => `${start}${settingsTable()}${end}`)
if (!process.argv.includes('--check')) writeFileSync(README, after)
else if (after !== before) {
  process.stderr.write('The settings in README.md are stale; run npm run docs.\n')
  process.exitCode = 1
}
