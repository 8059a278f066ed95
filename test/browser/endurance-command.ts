import { type Command, flag, integer, runCommand, type Values } from '../../src/process/command.ts'
import { formatMs } from '../../tools/loading/format.ts'
import { formatCount, Progress } from '../../tools/progress.ts'
import { noBrowser } from './browser.ts'
import { complaints, type EnduranceReport, endure } from './endurance.ts'

const OPTIONS = {
  seconds: integer('S', [10, 86_400], 'how long; 600 if left out'),
  rate: integer('R', [1, 100_000], 'requests a second; 1,000 if left out'),
  services: integer('N', [1, 16], 'processes that serve; 1 if left out'),
  memory: integer('MIB', [16, 16_384], 'of the viewer; 256 if left out'),
  json: flag('the report as JSON'),
}

const command: Command<typeof OPTIONS> = {
  name: 'npm run endurance',
  summary: [
    'Proves that the viewer stays within its memory and its pages stay quick while a service with every request traced',
    'sends to it: the real service, the load of npm run load, the viewer, and a browser that looks at all dashboards.',
    'It exits with 1 where something was lost, refused or beyond its bound; how quick it was is for a person to judge.',
  ].join('\n'),
  options: OPTIONS,
  run,
}

await runCommand(command)

async function run(given: Values<typeof OPTIONS>, signal: AbortSignal): Promise<number> {
  if (noBrowser) {
    process.stderr.write(`Not run: ${noBrowser}.\n`)
    return 1
  }
  const ends: (() => unknown)[] = []
  const seconds = given.seconds ?? 600
  const progress = new Progress('endurance, seconds', seconds, process.stderr, { lineMs: 30_000 })
  let passed = 0
  try {
    const report = await endure(
      { teardown: (end) => ends.push(end) },
      {
        seconds,
        rate: given.rate ?? 1000,
        services: given.services ?? 1,
        memoryMib: given.memory ?? 256,
        signal,
        onSecond(second) {
          progress.advance(second - passed)
          passed = second
        },
      },
    )
    progress.end()
    const missed = complaints(report)
    process.stdout.write(
      given.json
        ? `${JSON.stringify({ ...report, missed }, null, 2)}\n`
        : `${table(report)}\n${verdict(missed)}\n`,
    )
    return missed.length === 0 ? 0 : 1
  } finally {
    for (const end of ends.reverse()) await end()
  }
}

/** A heading, and below it names with what is to be said of them. */
function section(heading: string, rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length))
  return [heading, ...rows.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`), ''].join('\n')
}

function table({ seconds, load, memory, viewer, page }: EnduranceReport): string {
  const mib = (value: number) => `${value.toFixed(0)} MiB`
  const ms = (value: number) => `${formatMs(value)} ms`
  const listed = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts)
      .map(([name, count]) => `${formatCount(count)} × ${name}`)
      .join(', ') || 'none'
  const { loopDelayMs } = viewer
  return [
    `${formatCount(load.requests)} requests in ${formatCount(seconds)} s: ${load.sentPerSecond.toFixed(0)} a second, ${formatCount(load.wantedPerSecond)} wanted.\n`,
    section('load', [
      ['answered in', `p50 ${ms(load.p50Ms)}, p99 ${ms(load.p99Ms)}`],
      ['sent late by', `p99 ${ms(load.lateP99Ms)}`],
      ['errors', listed(load.errors)],
    ]),
    section('memory of the viewer', [
      ['kept', `${mib(memory.heldMaxMib)} at most, of ${mib(memory.budgetMib)}`],
      [
        'process',
        `${mib(memory.rssMaxMib)} at most, of ${mib(memory.rssBoundMib)}; ${mib(memory.rssEndMib)} at the end`,
      ],
      ['heap', `${mib(memory.heapMaxMib)} at most`],
    ]),
    section('what the viewer received', [
      [
        'spans',
        `${formatCount(viewer.spansReceived)}, of which ${formatCount(viewer.evictedSpans)} made room for newer ones`,
      ],
      [
        'points',
        `${formatCount(viewer.pointsReceived)}, of which ${formatCount(viewer.evictedPoints)} made room for newer ones`,
      ],
      ['exports', listed(viewer.requests)],
      ['refused, overwritten', `${viewer.refused}, ${viewer.overwritten}`],
      ['not sent to it', listed(viewer.notSent)],
      ['page views', `${formatCount(viewer.pageViews)}; the load sent ${formatCount(load.sentViews)}`],
      [
        'its event loop was late by',
        `p50 ${ms(loopDelayMs.p50)}, p99 ${ms(loopDelayMs.p99)}, max ${ms(loopDelayMs.max)}`,
      ],
    ]),
    section('the page', [
      ['queries', formatCount(page.queries)],
      ['answered in', `p50 ${ms(page.queryP50Ms)}, p95 ${ms(page.queryP95Ms)}, max ${ms(page.queryMaxMs)}`],
      ['long tasks', `${formatCount(page.longTasks)}, the longest ${ms(page.longestTaskMs)}`],
      ['key to frame', `p50 ${ms(page.keyP50Ms)}, max ${ms(page.keyMaxMs)}`],
    ]),
  ].join('\n')
}

function verdict(missed: readonly string[]): string {
  return missed.length === 0
    ? 'Nothing was lost, refused or beyond its bound.'
    : missed.map((complaint) => `MISSED: ${complaint}.`).join('\n')
}
