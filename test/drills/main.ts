import { flag, runCommand, UsageError } from '../../src/process/command.ts'
import { builtCollector, NoFittingGo } from '../../tools/collector-program.ts'
import { collectorAbsent } from './collector-absent.ts'
import { collectorKilled } from './collector-killed.ts'
import { type Drill, type Report, runDrill } from './drill.ts'
import { intake } from './intake.ts'
import { noInstanceId } from './no-instance-id.ts'
import { percentiles } from './percentiles.ts'
import { restarts } from './restarts.ts'
import { series } from './series.ts'
import { serviceKilled } from './service-killed.ts'
import { steady } from './steady.ts'
import { summary, table } from './table.ts'
import { workers } from './workers.ts'

const DRILLS: readonly Drill[] = [
  steady,
  collectorKilled,
  collectorAbsent,
  intake,
  workers,
  restarts,
  serviceKilled,
  percentiles,
  series,
  noInstanceId,
]

const OPTIONS = {
  long: flag('the long form, for releases: hours'),
  json: flag('each report as one line of JSON, for scripts'),
  optional: flag('where the Collector cannot be built, runs nothing and exits with 0'),
}

const [first = '--help', ...rest] = process.argv.slice(2)
const name = first.startsWith('-') ? undefined : first
const drill = DRILLS.find((each) => each.name === name)

await runCommand(
  {
    name: `npm run drill -- ${name ?? 'NAME'}`,
    summary: drill ? summaryOf(drill) : overview(),
    options: OPTIONS,
    async run({ long: isLong, json, optional }, signal) {
      const chosen = name === 'all' ? DRILLS : drill ? [drill] : undefined
      if (chosen === undefined) throw new UsageError(complaint())
      const program = await findCollector(optional, signal)
      if (program === undefined) return 0
      const reports: Report[] = []
      for (const each of chosen) {
        const report = await runDrill(each, { program, signal, isLong })
        reports.push(report)
        process.stdout.write(json ? `${JSON.stringify(report)}\n` : `${table(report)}\n`)
      }
      const missed = reports.filter(({ isMet }) => !isMet).map((report) => report.drill)
      if (!json && reports.length > 1)
        process.stdout.write(`${summary(reports)}\n\n${verdict(reports.length, missed)}\n`)
      return missed.length === 0 ? 0 : 1
    },
  },
  name === undefined ? [first, ...rest] : rest,
)

async function findCollector(isOptional: boolean, signal: AbortSignal): Promise<string | undefined> {
  try {
    return await builtCollector(signal)
  } catch (error) {
    if (!isOptional || !(error instanceof NoFittingGo)) throw error
    process.stdout.write(`All ${DRILLS.length} drills are skipped. ${error.message}\n`)
    return undefined
  }
}

function verdict(drills: number, missed: readonly string[]): string {
  return missed.length === 0
    ? `${drills} drills, all goals met.`
    : `${drills} drills, goals missed: ${missed.join(', ')}.`
}

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
