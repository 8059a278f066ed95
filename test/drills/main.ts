import { builtCollector } from '../../src/cli/collector-program.ts'
import { runCommand, UsageError } from '../../src/cli/command.ts'
import { collectorAbsent } from './collector-absent.ts'
import { collectorKilled } from './collector-killed.ts'
import { type Drill, runDrill } from './drill.ts'
import { intake } from './intake.ts'
import { noInstanceId } from './no-instance-id.ts'
import { percentiles } from './percentiles.ts'
import { restarts } from './restarts.ts'
import { series } from './series.ts'
import { serviceKilled } from './service-killed.ts'
import { steady } from './steady.ts'
import { table } from './table.ts'

const DRILLS: readonly Drill[] = [
  steady,
  collectorKilled,
  collectorAbsent,
  intake,
  restarts,
  serviceKilled,
  percentiles,
  series,
  noInstanceId,
]

const OPTIONS = {
  long: { kind: 'flag', meaning: 'the long form, for releases: hours' },
  json: { kind: 'flag', meaning: 'the report as one JSON object a line, for scripts' },
} as const

const [first = '--help', ...rest] = process.argv.slice(2)
const name = first.startsWith('-') ? undefined : first
const drill = DRILLS.find((each) => each.name === name)

await runCommand(
  {
    name: `npm run drill -- ${name ?? 'NAME'}`,
    summary: drill ? summaryOf(drill) : overview(),
    options: OPTIONS,
    async run({ long: isLong, json }, signal) {
      const chosen = name === 'all' ? DRILLS : drill ? [drill] : undefined
      if (chosen === undefined) throw new UsageError(complaint())
      const program = await builtCollector(signal)
      const missed: string[] = []
      for (const each of chosen) {
        const report = await runDrill(each, { program, signal, isLong })
        process.stdout.write(json ? `${JSON.stringify(report)}\n` : `${table(report)}\n`)
        if (!report.isMet) missed.push(each.name)
      }
      if (!json && chosen.length > 1)
        process.stdout.write(
          missed.length === 0
            ? `All ${chosen.length} drills met their goals.\n`
            : `Missed: ${missed.join(', ')}.\n`,
        )
      return missed.length === 0 ? 0 : 1
    },
  },
  name === undefined ? [first, ...rest] : rest,
)

function complaint(): string {
  const names = [...DRILLS.map((each) => each.name), 'all'].join(', ')
  return `${name === undefined ? 'The name of a drill is missing' : `There is no drill "${name}"`}; give one of ${names}.`
}

function summaryOf({ proves, short, long }: Drill): string {
  return [`Proves that ${proves}.`, `Short: ${short}. Long: ${long}.`].join('\n')
}

function overview(): string {
  const width = Math.max(...DRILLS.map((each) => each.name.length))
  return [
    'Runs a drill with the real service, the real Collector and a strict stand-in for the intake, and prints one table.',
    'It exits with 1 where the goal is missed. The drills, and `all`:',
    '',
    ...DRILLS.map(
      (each) => `  ${each.name.padEnd(width)}  ${each.proves} (${each.short}; long: ${each.long})`,
    ),
  ].join('\n')
}
