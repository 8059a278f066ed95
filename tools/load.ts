import {
  type Command,
  CommandError,
  flag,
  integer,
  required,
  runCommand,
  text,
  type Values,
} from '../src/process/command.ts'
import { applyLoad } from './loading/apply-load.ts'
import { HttpClient } from './loading/http-client.ts'
import { LiveLine } from './loading/live-line.ts'
import { hasGuise, LOAD_PAGES, type Mix, PAGE_NAMES, pollsOf, readMix } from './loading/pages.ts'
import { jsonReport, type LoadResult, textReport } from './loading/report.ts'
import { PageResult } from './loading/results.ts'
import { resolveTarget } from './loading/target.ts'
import { findPolls, logInVisitors, STRANGER, type Visitors } from './loading/visitors.ts'
import { formatCount } from './progress.ts'

const DEFAULT_URL = 'http://127.0.0.1:3000'
const DEFAULT_VISITORS = 3
const DEFAULT_MAX_IN_FLIGHT = 1000
const DEFAULT_TIMEOUT_SECONDS = 10

const OPTIONS = {
  rate: required(integer('R', [1, 100_000], 'requests a second, independent of the answers')),
  duration: required(integer('S', [1, 604_800], 'seconds')),
  mix: text('PAGE=WEIGHT,…', 'only these pages, such as community=5,friends=2'),
  url: text('URL', `address of the service; ${DEFAULT_URL} if left out`),
  password: text(
    'TEXT',
    'password of the seeded accounts, to visit as them; without it, visitors sign up and are deleted at the end',
  ),
  visitors: integer(
    'N',
    [1, 10_000],
    `visitors who log in; ${DEFAULT_VISITORS} if left out, fewer under the service's limits`,
  ),
  timeout: integer(
    'S',
    [1, 3600],
    `longest wait for an answer, in seconds; ${DEFAULT_TIMEOUT_SECONDS} if left out`,
  ),
  'max-in-flight': integer(
    'N',
    [1, 60_000],
    `most unanswered requests; further ones are not sent and count as errors; ${formatCount(DEFAULT_MAX_IN_FLIGHT)} if left out`,
  ),
  json: flag('the report as JSON'),
  'allow-remote': flag('allows a service on another machine, whose owner agreed'),
}

const load: Command<typeof OPTIONS> = {
  name: 'npm run load',
  summary: [
    'Visits pages at a fixed rate and reports their latencies. Each request is sent when it is due, without waiting for',
    'earlier ones, and its latency counts from then: a stall shows in every request that meets it. Ctrl-C ends it with',
    'the report so far. It exits with 1 if any request failed or could not be sent.',
    '',
    'Pages, with their usual weights:',
    ...PAGE_NAMES.map((name) => `  ${name}=${LOAD_PAGES[name].weight}`.padEnd(20) + LOAD_PAGES[name].meaning),
  ].join('\n'),
  options: OPTIONS,
  run,
}

await runCommand(load)

async function run(options: Values<typeof OPTIONS>, signal: AbortSignal): Promise<void> {
  const wanted = readMix(options.mix)
  const target = await resolveTarget(options.url ?? DEFAULT_URL, { allowRemote: options['allow-remote'] })
  const client = new HttpClient(target, 1000 * (options.timeout ?? DEFAULT_TIMEOUT_SECONDS))
  const visitors = await bringVisitors(client, wanted, options, signal)
  const result = await visit(client, visitors, wanted, options, target.url, signal).finally(() =>
    sayGoodbye(visitors),
  )
  client.close()
  process.stdout.write(options.json ? jsonReport(result) : textReport(result))
  const { requests, errorCount } = result.total
  if (errorCount > 0)
    throw new CommandError(
      `${formatCount(errorCount)} of ${formatCount(requests)} requests failed or could not be sent; the report says how.`,
    )
}

async function bringVisitors(
  client: HttpClient,
  mix: Mix,
  { visitors: wanted = DEFAULT_VISITORS, password }: Values<typeof OPTIONS>,
  signal: AbortSignal,
): Promise<Visitors> {
  const withBrowser = hasGuise(mix, 'browser')
  if (!withBrowser && !hasGuise(mix, 'program')) return STRANGER
  const brought = await logInVisitors(client, { wanted, password, withBrowser }, signal)
  const count = brought.visitors.length
  if (count < wanted && !signal.aborted)
    process.stderr.write(
      `The service let in ${formatCount(count)} of ${formatCount(wanted)} visitors; they do all the visits.\n`,
    )
  return brought
}

/** Tells the visitors of the polls; without any, the usual mix goes without the pages that need them. */
async function showPolls(
  client: HttpClient,
  { visitors }: Visitors,
  mix: Mix,
  isChosen: boolean,
): Promise<Mix> {
  const [first] = visitors
  const names = [...mix.keys()].filter((name) => pollsOf(name) !== undefined)
  if (first === undefined || names.length === 0) return mix
  const polls = await findPolls(client, first)
  for (const visitor of visitors) visitor.polls = polls
  const missing = names.filter((name) => polls[pollsOf(name) as keyof typeof polls].length === 0)
  if (missing.length === 0) return mix
  const advice = `${missing.join(', ')} need polls that are not there; npm run seed -- --users N --polls P makes some.`
  if (isChosen) throw new CommandError(`The pages ${advice}`)
  process.stderr.write(`Left out of the mix: ${advice}\n`)
  return new Map([...mix].filter(([name]) => !missing.includes(name)))
}

async function sayGoodbye({ leave, isSignedUp }: Visitors): Promise<void> {
  const left = await leave()
  if (left > 0)
    process.stderr.write(
      `The service did not let ${formatCount(left)} visitors leave: their ${isSignedUp ? 'accounts (visitor-…@load.example) are' : 'sessions are'} still there.\n`,
    )
}

async function visit(
  client: HttpClient,
  brought: Visitors,
  wanted: Mix,
  options: Values<typeof OPTIONS>,
  url: string,
  signal: AbortSignal,
): Promise<LoadResult> {
  const { visitors, isSignedUp } = brought
  const mix = await showPolls(client, brought, wanted, options.mix !== undefined)
  const pace = { ratePerSecond: options.rate, durationSeconds: options.duration }
  const maxInFlight = options['max-in-flight'] ?? DEFAULT_MAX_IN_FLIGHT
  const live = new LiveLine(pace)
  try {
    const applied = await applyLoad(client, visitors, { ...pace, mix, maxInFlight }, signal, live)
    const total = new PageResult()
    for (const page of applied.pages.values()) total.add(page)
    return {
      url,
      ...pace,
      ...applied,
      total,
      maxInFlight,
      visitors: { count: visitors.length, isSignedUp },
      wasInterrupted: signal.aborted,
    }
  } finally {
    live.end()
  }
}
