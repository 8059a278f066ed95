import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SETTINGS as VIEWER_SETTINGS } from '@rollcall/viewer/settings'
import { SETTINGS } from '../src/config.ts'
import { CommandError, flag, runCommand } from '../src/process/command.ts'

type Every<Settings> = Settings[keyof Settings]
type AnySetting = Every<typeof SETTINGS> | Every<typeof VIEWER_SETTINGS>

const DOCS = join(import.meta.dirname, '..', 'docs')
const MARKED = /(<!-- settings: .*? -->\n).*?(<!-- \/settings -->)/s

await runCommand({
  name: 'node scripts/settings-docs.ts',
  summary:
    "Writes docs/settings.md from src/config.ts, and the viewer's options in docs/viewer.md from its package.",
  options: { check: flag('write nothing; fail if a page is out of date') },
  async run({ check: onlyCheck }) {
    write('settings.md', settingsPage, onlyCheck)
    write('viewer.md', withViewerOptions, onlyCheck)
  },
})

function settingsPage(): string {
  const settings: AnySetting[] = [...Object.values(SETTINGS), ...Object.values(VIEWER_SETTINGS)]
  const rows = settings.map((setting) => [
    variable(setting),
    byDefault(setting),
    setting.meaning,
    allowed(setting),
  ])
  return `# Settings

<!-- Generated from src/config.ts and packages/viewer/src/settings.ts by \`npm run docs\`; change them there. -->

Variables of the environment, read once at the start. An empty variable counts as unset. A value out of bounds stops the start with a sentence that gives the bounds. The variables of OpenTelemetry, \`OTEL_*\`, are in [telemetry.md](telemetry.md); those of the Collector stand at the top of \`otel-collector.yaml\`.

${table(['variable', 'default', 'meaning', 'allowed'], rows)}`
}

/** The viewer's options that have a setting. */
function withViewerOptions(page: string): string {
  const rows = Object.entries(VIEWER_SETTINGS).map(([option, setting]) => [
    `\`--${option}\``,
    variable(setting),
    byDefault(setting),
    setting.meaning,
    allowed(setting),
  ])
  if (!MARKED.test(page))
    throw new CommandError('docs/viewer.md has no place for the settings; put the two comments back.')
  const generated = table(['option', 'variable', 'default', 'meaning', 'allowed'], rows)
  return page.replace(MARKED, (_, start, end) => `${start}${generated}${end}`)
}

function variable({ env }: AnySetting): string {
  return `\`${env}\``
}

function byDefault({ default: value }: AnySetting): string {
  return value === '' ? '' : `\`${value}\``
}

function allowed({ allowed: { range }, ...setting }: AnySetting): string {
  return 'unit' in setting && setting.unit !== undefined ? `${range} ${setting.unit}` : range
}

function table(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`
  return [line(heading), `|${'---|'.repeat(heading.length)}\n`, ...rows.map(line)].join('')
}

function write(name: string, make: (before: string) => string, onlyCheck: boolean): void {
  const path = join(DOCS, name)
  const before = readOrEmpty(path)
  const after = make(before)
  if (!onlyCheck) writeFileSync(path, after)
  else if (after !== before) throw new CommandError(`docs/${name} is out of date; run npm run docs.`)
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
