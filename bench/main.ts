import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Command, CommandError, runCommand, type Values } from '../src/cli/command.ts'
import { compare } from './goals/comparison.ts'
import { fullListing } from './goals/full-listing.ts'
import { growth } from './goals/growth.ts'
import { profile } from './goals/profile.ts'
import { seeding } from './goals/seeding.ts'
import { starting } from './goals/starting.ts'
import { installPeers } from './install-peers.ts'
import { describeMachine } from './machine.ts'
import { charts, performancePage } from './performance-page.ts'
import { measureRecords, recordCases } from './record.ts'
import { Stage } from './stage.ts'

const DOCS = join(import.meta.dirname, '..', 'docs')

const OPTIONS = {
  quick: { kind: 'flag', meaning: 'fewer slices, a table of 100,000 instead of 10,000,000: five minutes' },
  print: { kind: 'flag', meaning: 'the page on the terminal instead of docs/performance.md with its charts' },
} as const

const bench: Command<typeof OPTIONS> = {
  name: 'npm run bench',
  summary: [
    'Measures what Rollcall costs beside its peers, each in short slices of one run in turn, as processor time for a',
    'request, and writes docs/performance.md. Needs Linux, whose scheduler tells the time to the nanosecond.',
  ].join('\n'),
  options: OPTIONS,
  run,
}

await runCommand(bench)

async function run({ quick, print }: Values<typeof OPTIONS>, signal: AbortSignal): Promise<void> {
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
    const effort = { rounds: quick ? 5 : 30, sliceSeconds: 0.7, say }
    const machine = describeMachine()
    const comparison = await compare(stage, effort)
    const profiled = await profile(stage, effort, quick ? 3 : 10)
    say('what a record costs')
    const records = await measureRecords(recordCases())
    const grown = await growth(stage, quick ? 100_000 : 10_000_000, effort)
    const listing = await fullListing(stage, { ...effort, rounds: quick ? 3 : 10 })
    const seeded = await seeding(stage, { say })
    const started = await starting(stage, { say }, quick ? 10 : 60)
    const findings = {
      machine,
      startedAt,
      quick,
      comparison,
      profiled,
      records,
      grown,
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
