import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { PAGES } from '../../src/telemetry/pages.ts'
import { readServiceShape } from '../../tools/service-shape.ts'
import { beyondComputed } from '../contract/emitted.ts'
import { temporaryFolder } from '../support/harness.ts'
import { OtlpReceiver } from '../support/otlp-receiver.ts'
import { type LogLine, startService } from '../support/service.ts'
import { Client, inParallel, seededRandom } from './client.ts'
import { DriverLedger } from './driver-ledger.ts'
import {
  ADMIN_EMAIL,
  draw,
  isViewed,
  type Kind,
  measured,
  peopleKinds,
  prepareMembers,
  steadyKinds,
} from './kinds.ts'
import { pollKinds, pollPageKinds, preparePolls } from './poll-kinds.ts'

const REQUESTS = 3000
const SAMPLING_RATIO = 0.5

test('what is received over OTLP is what was sent, tag set by tag set', async (t) => {
  const receiver = await OtlpReceiver.start(t)
  const driver = new DriverLedger(t)
  const checksFile = join(temporaryFolder(t), 'checks.json')
  // A check that queries in the background would blur which statements belong to which request.
  writeFileSync(checksFile, '{}')
  const service = await startService(t, {
    preload: driver.preload,
    env: {
      ...driver.env,
      CHECKS_FILE: checksFile,
      ADMIN_EMAIL,
      // At the default the log only counts refusals.
      LOG_LEVEL: 'debug',
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_METRICS_EXPORTER: 'otlp',
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_METRIC_EXPORT_INTERVAL: '300',
      // A receiver that a busy machine makes late would be sent the same bytes again, and what arrives is summed here.
      OTEL_METRIC_EXPORT_TIMEOUT: '60000',
      OTEL_TRACES_SAMPLER: 'traceidratio',
      OTEL_TRACES_SAMPLER_ARG: String(SAMPLING_RATIO),
      OTEL_BSP_MAX_QUEUE_SIZE: '100000',
    },
  })
  const client = new Client(service.url)
  t.teardown(() => client.close())

  const expected = {
    views: new Map<string, number>(),
    requests: new Map<string, number>(),
    queries: new Map<string, number>(),
  }
  const add = (map: Map<string, number>, key: string, count: number) =>
    map.set(key, (map.get(key) ?? 0) + count)
  const problems: string[] = []

  function counted(kind: Kind, status: number | undefined): void {
    const outcome = status === undefined ? { cutOff: 'aborted' } : { status }
    if (kind.page !== undefined && isViewed(kind, outcome)) add(expected.views, kind.page, 1)
    add(expected.requests, JSON.stringify(measured(kind, outcome)), 1)
  }

  let statementsBefore = driver.total()
  const done = (kind: Kind, status: number) => {
    counted(kind, status)
    const statements = driver.total()
    add(expected.queries, kind.page ?? 'none', statements - statementsBefore)
    statementsBefore = statements
  }
  const members = await prepareMembers(client, ['Ada', 'Grace'], done)
  const polls = await preparePolls(client, members, done)
  const kinds = {
    ...steadyKinds(members),
    ...peopleKinds(members),
    ...pollKinds(members, polls),
    ...pollPageKinds(members, polls),
  }
  const all = Object.entries(kinds)

  async function send(kind: Kind): Promise<void> {
    const { ask, aborts, statuses } = kind
    if (aborts) {
      await client.abort(ask)
      counted(kind, undefined)
      return
    }
    const { status, body, headers } = await client.ask(ask)
    if (!statuses.includes(status)) t.fail(`${ask.method} ${ask.path}: ${status} ${body}`)
    if (headers['content-type'] === 'application/problem+json' && body !== '')
      problems.push(JSON.parse(body).traceId)
    counted(kind, status)
  }

  // What a request of each kind executes is measured alone, before the mix.
  const statementsOf = new Map<string, number>()
  for (const [name, kind] of all) {
    const before = driver.total()
    for (let i = 0; i < 3; i++) await send(kind)
    const statements = ((await settled(() => driver.total())) - before) / 3
    t.ok(Number.isInteger(statements), `${name}: ${statements} statements`)
    statementsOf.set(name, statements)
    add(expected.queries, kind.page ?? 'none', 3 * statements)
  }

  const random = seededRandom(20_261_122)
  const mix = draw(kinds, REQUESTS, random)
  for (const [name, kind] of mix) add(expected.queries, kind.page ?? 'none', statementsOf.get(name) as number)
  await inParallel(mix, 16, ([, kind]) => send(kind))
  await settled(() => driver.total())

  service.kill('SIGTERM')
  t.strictSame(await service.exited, [0, null], 'it stops by itself')

  t.strictSame(receiver.totals('web.page_views'), byPage(expected.views))
  t.strictSame(receiver.totals('web.page_views_total'), { '{}': sum(expected.views) })
  t.strictSame(receiver.totals('http.server.request.duration'), sortedEntries(expected.requests))

  const queries = receiver.totals('database.query.time')
  const ledger = driver.total()
  t.equal(
    Object.values(queries).reduce((total, count) => total + count, 0),
    ledger,
    'every statement of the driver is one measurement',
  )
  const operations = receiver.totals('db.client.operation.duration')
  t.equal(
    Object.values(operations).reduce((total, count) => total + count, 0),
    ledger,
  )
  t.strictSame(
    queries,
    byPage(driver.byPage()),
    'page by page, as the driver was asked under the page that the client named',
  )
  for (const page of PAGES)
    t.equal(queries[`{"page":"${page}"}`] ?? 0, expected.queries.get(page) ?? 0, `statements of ${page}`)

  t.strictSame(beyondComputed(receiver.metrics(), await readServiceShape()), [])
  t.ok(problems.length > 200)
  checkTraces(t, problems, service.lines, new Set(receiver.spans().map((span) => span.traceId)))
  t.comment(
    `${mix.length + 3 * all.length} requests, ${ledger} statements, ${problems.length} problems: difference 0`,
  )
})

/** Each trace id in one line of the log, which tells every refusal at the level debug, and among the spans exactly where its random bits are above the threshold. */
function checkTraces(t: Test, problems: string[], lines: LogLine[], traced: Set<string>): void {
  const logged = new Map<string, number>()
  for (const { trace_id, problem } of lines)
    if (trace_id !== undefined && problem !== undefined) logged.set(trace_id, (logged.get(trace_id) ?? 0) + 1)
  t.equal(problems.filter((id) => logged.get(id) !== 1).length, 0, 'every problem has one line in the log')
  const threshold = Math.round((1 - SAMPLING_RATIO) * 2 ** 56)
  const wrong = problems.filter((id) => Number.parseInt(id.slice(18), 16) >= threshold !== traced.has(id))
  t.equal(wrong.length, 0, 'every sampled problem is in a trace, and no other')
}

/** The count once it has stopped moving: an aborted request may still be at work when its client has gone. */
async function settled(read: () => number): Promise<number> {
  for (let last = read(); ; ) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    const now = read()
    if (now === last) return now
    last = now
  }
}

function sortedEntries(map: Map<string, number>): Record<string, number> {
  return Object.fromEntries([...map].sort())
}

function byPage(counts: Map<string, number>): Record<string, number> {
  return Object.fromEntries([...counts].map(([page, count]) => [JSON.stringify({ page }), count]))
}

function sum(map: Map<string, number>): number {
  return [...map.values()].reduce((total, count) => total + count, 0)
}
