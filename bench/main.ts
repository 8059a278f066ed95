import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Command, CommandError, flag, runCommand, text, type Values } from '../src/process/command.ts'
import { compareOwn, comparePeers } from './goals/comparison.ts'
import { fullListing } from './goals/full-listing.ts'
import { growth } from './goals/growth.ts'
import { htmlPage } from './goals/html-page.ts'
import { profile } from './goals/profile.ts'
import { results } from './goals/results.ts'
import { seeding } from './goals/seeding.ts'
import { starting } from './goals/starting.ts'
import { compareVersions } from './goals/versions.ts'
import { installPeers } from './install-peers.ts'
import { describeMachine } from './machine.ts'
import { charts, performancePage } from './performance-page.ts'
import { measureRecords, recordCases } from './record.ts'
import { Stage } from './stage.ts'

const DOCS = join(import.meta.dirname, '..', 'docs')

/** Both efforts measure the same things. */
const EFFORTS = {
  full: {
    compared: { rounds: 20, sliceSeconds: 1.5, warmUpSeconds: 5 },
    besidePeers: { rounds: 10, sliceSeconds: 1.5, warmUpSeconds: 3 },
    listed: { rounds: 10, sliceSeconds: 1.5, warmUpSeconds: 3 },
    largeTable: 10_000_000,
    manyVotes: 1_000_000,
    profileSeconds: 10,
    loadSeconds: 60,
  },
  quick: {
    compared: { rounds: 5, sliceSeconds: 0.7, warmUpSeconds: 2 },
    besidePeers: { rounds: 3, sliceSeconds: 0.7, warmUpSeconds: 2 },
    listed: { rounds: 3, sliceSeconds: 0.7, warmUpSeconds: 2 },
    largeTable: 100_000,
    manyVotes: 100_000,
    profileSeconds: 3,
    loadSeconds: 10,
  },
} as const

const OPTIONS = {
  quick: flag(
    'fewer and shorter slices, tables of 100,000 rows instead of 10,000,000: five minutes instead of 30',
  ),
  before: text('DIR', 'compares only with another checkout of Rollcall, installed in DIR, on the terminal'),
  print: flag('prints the page instead of writing docs/performance.md with its charts'),
}

const bench: Command<typeof OPTIONS> = {
  name: 'npm run bench',
  summary: [
    'Measures the cost of Rollcall beside its peers, as processor time for a request, in short slices that take turns in',
    'one run, and writes docs/performance.md. Needs Linux, whose scheduler counts time in nanoseconds.',
  ].join('\n'),
  options: OPTIONS,
  run,
}

await runCommand(bench)

async function run({ quick, before, print }: Values<typeof OPTIONS>, signal: AbortSignal): Promise<void> {
  if (process.platform !== 'linux')
    throw new CommandError('The benchmarks read the scheduler of Linux; run them there.')
  installPeers()
  const say = (progress: string) => {
    signal.throwIfAborted()
    process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${progress}` : `${progress}\n`)
  }
  const startedAt = new Date()
  const stage = await Stage.open()
  try {
    const { compared, besidePeers, listed, largeTable, manyVotes, profileSeconds, loadSeconds } =
      EFFORTS[quick ? 'quick' : 'full']
    if (before !== undefined) {
      process.stdout.write(await compareVersions(stage, resolve(before), { ...compared, say }))
      return
    }
    const machine = describeMachine()
    const own = await stage.act(() => compareOwn(stage, { ...compared, say }))
    const peers = await stage.act(() => comparePeers(stage, { ...besidePeers, say }))
    const profiled = await stage.act(() => profile(stage, { say }, profileSeconds))
    say('cost of a record')
    const records = await measureRecords(recordCases())
    const grown = await stage.act(() => growth(stage, largeTable, { ...compared, say }))
    const voted = await stage.act(() => results(stage, manyVotes, { ...compared, say }))
    const forPeople = await stage.act(() => htmlPage(stage, { ...compared, say }))
    const listing = await stage.act(() => fullListing(stage, { ...listed, say }))
    const seeded = await seeding(stage, { say })
    const started = await stage.act(() => starting(stage, { say }, loadSeconds))
    const findings = {
      machine,
      startedAt,
      quick,
      sliceSeconds: compared.sliceSeconds,
      own,
      peers,
      profiled,
      records,
      grown,
      voted,
      forPeople,
      listing,
      seeded,
      started,
    }
    const page = performancePage(findings)
    if (process.stderr.isTTY) process.stderr.write('\n')
    if (print) process.stdout.write(page)
    else {
      writeFileSync(join(DOCS, 'performance.md'), page)
      for (const { file, svg } of charts(findings)) writeFileSync(join(DOCS, file), svg)
    }
  } finally {
    await stage.close()
  }
}
