import { fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { systemClock } from '../../packages/durable-otlp-exporter/src/clock.ts'
import { Counts, type ExportCounts } from '../../packages/durable-otlp-exporter/src/counts.ts'
import { Diagnostics } from '../../packages/durable-otlp-exporter/src/diagnostics.ts'
import type { OtlpRequest } from '../../packages/durable-otlp-exporter/src/request.ts'
import type { RequestFile } from '../../packages/durable-otlp-exporter/src/request-file.ts'
import { RequestQueue } from '../../packages/durable-otlp-exporter/src/request-queue.ts'
import { Spool } from '../../packages/durable-otlp-exporter/src/spool.ts'
import { readExport } from '../support/flat-telemetry.ts'
import { temporaryFolder } from '../support/harness.ts'
import { OtlpReceiver } from '../support/otlp-receiver.ts'
import { imbalance, openExporting, until } from './exporting.ts'

const ALL = ['metrics', 'traces', 'logs'] as const
/** Nothing listens there: the port is reserved for discarding (RFC 863), and no one runs that. */
const NOBODY = 'http://127.0.0.1:9'

function bodies(directory: string): string[] {
  if (!existsSync(directory)) return []
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.body') && !name.startsWith('dead-letters'),
  )
}

test('a shutdown while nobody listens, then a new start: everything is delivered with its own timestamps', async (t) => {
  const directory = temporaryFolder(t)
  const first = await openExporting(t, { directory, url: NOBODY, signals: ALL })
  first.view(17)
  first.telemetry.tracer.startSpan('left').end()
  first.telemetry.logs.emit({ body: 'left' })
  await first.telemetry.shutdown()
  const left = first.telemetry.counts()
  t.same(imbalance(left), {})
  t.equal(left.metrics.waiting, left.metrics.recorded)
  t.match(left, { traces: { waiting: 1 }, logs: { waiting: 1 } })
  t.match(first.diagnostics.at(-1), { message: /waits on disk/, details: { traces: 1, logs: 1 } })
  const content = bodies(directory).map((name) => readFileSync(join(directory, name), 'utf8'))

  const second = await openExporting(t, { directory, signals: ALL })
  await until(() => second.telemetry.counts().metrics.restored > 0 && bodies(directory).length === 0)
  await second.telemetry.shutdown()
  t.equal(second.arrived(), 17)
  t.match(second.receiver.spans(), [{ name: 'left' }])
  t.match(second.receiver.logs(), [{ body: 'left' }])
  for (const file of content) {
    const sent = file.slice(file.indexOf('\n') + 1)
    t.ok(
      second.receiver.requests.some(({ body }) => body.toString('utf8') === sent),
      'the bytes that were on disk',
    )
  }
  t.same(imbalance(second.telemetry.counts()), {})
  t.equal(second.telemetry.counts().metrics.restored, left.metrics.waiting)
})

test('a folder that cannot be written costs only what is counted', async (t) => {
  const file = join(temporaryFolder(t), 'a file')
  writeFileSync(file, '')
  const { telemetry, view, arrived, said } = await openExporting(t, { directory: file })
  view(3)
  await until(() => arrived() === 3)
  await telemetry.shutdown()
  t.same(said(), ['waiting telemetry cannot be kept on disk'])

  const alone = await openExporting(t, { directory: join(file, 'below'), url: NOBODY, signals: ALL })
  alone.view(3)
  alone.telemetry.tracer.startSpan('lost').end()
  await alone.telemetry.shutdown()
  const { metrics, traces } = alone.telemetry.counts()
  t.equal(metrics.dropped.unwritable, metrics.recorded)
  t.match(traces, { recorded: 1, waiting: 0, dropped: { unwritable: 1 } })
  t.same(imbalance(alone.telemetry.counts()), {})
  t.match(alone.said().at(-1), /not all sent/)
})

test('what a killed process had put on disk is adopted by another, and by one only', async (t) => {
  const directory = temporaryFolder(t)
  const script = join(import.meta.dirname, 'killed-process.ts')
  const child = fork(script, [directory, NOBODY, 'killed:1'], { stdio: 'inherit' })
  const exited = once(child, 'exit')
  t.teardown(() => child.kill('SIGKILL'))
  let counts: ExportCounts | undefined
  child.on('message', (message) => {
    counts = message as ExportCounts
  })
  await until(() => counts !== undefined && bodies(directory).length >= 5)
  const other = await openExporting(t, { directory, instanceId: 'other:1', signals: ALL })
  await until(() => other.telemetry.counts().metrics.acknowledged > 0)
  t.equal(other.telemetry.counts().metrics.restored, 0, 'a live process keeps what is its own')
  await other.telemetry.shutdown()

  child.kill('SIGKILL')
  await exited
  const heirs = await Promise.all(
    ['heir:1', 'heir:2'].map((instanceId) => openExporting(t, { directory, instanceId, signals: ALL })),
  )
  await until(() => bodies(directory).length === 0)
  await Promise.all(heirs.map(({ telemetry }) => telemetry.shutdown()))
  const of = (id: string) => (point: { resource: Record<string, unknown> }) =>
    point.resource['service.instance.id'] === id
  const received = heirs.flatMap(({ receiver }) =>
    receiver.metrics('web.page_views_total').filter(of('killed:1')),
  )
  t.equal(received.length, 1)
  t.match(received, [{ value: 42 }])
  t.equal(heirs.flatMap(({ receiver }) => receiver.spans().filter(of('killed:1'))).length, 1)
  t.equal(heirs.flatMap(({ receiver }) => receiver.logs().filter(of('killed:1'))).length, 1)
  for (const { telemetry } of heirs) t.same(imbalance(telemetry.counts()), {})
})

test('a new start within the same second and with the same name does not end an interval in it again', async (t) => {
  const directory = temporaryFolder(t)
  const receiver = await OtlpReceiver.start(t)
  for (let n = 0; n < 3; n++) {
    const { telemetry, view } = await openExporting(t, {
      directory,
      receiver,
      clock: systemClock,
      env: { OTEL_METRIC_EXPORT_INTERVAL: '3600000' },
    })
    view()
    await telemetry.shutdown()
  }
  t.equal(receiver.totals('web.page_views_total')['{}'], 3)
  const seconds = receiver.metrics('web.page_views_total').map(({ time }) => time / 1_000_000_000n)
  t.equal(new Set(seconds).size, 3)
})

test('spans and log records beyond what memory holds go to disk, and none is lost', async (t) => {
  const directory = temporaryFolder(t)
  const { receiver, telemetry } = await openExporting(t, {
    directory,
    signals: ['traces', 'logs'],
    env: {
      OTEL_BSP_MAX_QUEUE_SIZE: '400',
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '5',
      OTEL_BLRP_MAX_QUEUE_SIZE: '400',
      OTEL_BLRP_MAX_EXPORT_BATCH_SIZE: '5',
    },
  })
  receiver.answerEach(() => 503)
  telemetry.tracer.startSpan('span 0').end()
  telemetry.logs.emit({ body: 'record 0' })
  await until(() => receiver.requests.length >= 2)
  for (let n = 1; n < 200; n++) {
    telemetry.tracer.startSpan(`span ${n}`).end()
    telemetry.logs.emit({ body: `record ${n}` })
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  await until(() => bodies(directory).length > 20)
  receiver.answerEach(undefined)
  await until(() => telemetry.counts().traces.acknowledged + telemetry.counts().logs.acknowledged === 400)
  const names = (of: string) => Array.from({ length: 200 }, (_, n) => `${of} ${n}`).sort()
  t.same(
    receiver
      .spans()
      .map(({ name }) => name)
      .sort(),
    names('span'),
  )
  t.same(
    receiver
      .logs()
      .map(({ body }) => body)
      .sort(),
    names('record'),
  )
  t.same(imbalance(telemetry.counts()), {})
})

test('what goes beyond the bounds is dropped, counted by reason', async (t) => {
  const directory = temporaryFolder(t)
  const { receiver, telemetry } = await openExporting(t, {
    directory,
    spoolMaxBytes: 10_000,
    signals: ['traces'],
    env: { OTEL_BSP_MAX_QUEUE_SIZE: '20', OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '5' },
  })
  receiver.answerEach(() => 503)
  telemetry.tracer.startSpan('first').end()
  await until(() => receiver.requests.length > 0)
  // Faster than anything can be handed over …
  for (let n = 0; n < 30; n++) telemetry.tracer.startSpan(`burst ${n}`).end()
  t.equal(telemetry.counts().traces.dropped.buffer_full, 10)
  // … and more than the disk may hold.
  for (let n = 0; n < 200; n++) {
    telemetry.tracer.startSpan(`span ${n}`).end()
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  await until(() => telemetry.counts().traces.dropped.spool_full > 0)
  t.same(imbalance(telemetry.counts()), {})
  receiver.answerEach(undefined)
  await until(() => telemetry.counts().traces.waiting === 0)
  const { recorded, acknowledged, dropped } = telemetry.counts().traces
  t.equal(recorded, 231)
  t.equal(acknowledged, receiver.spans().length)
  t.equal(acknowledged + dropped.buffer_full + dropped.spool_full, 231)
})

test('metrics that waited longer than Datadog takes them become dead letters', async (t) => {
  const directory = temporaryFolder(t)
  const first = await openExporting(t, { directory, url: NOBODY })
  first.view(5)
  await first.telemetry.shutdown()
  const later = { now: () => Date.now() + 4_000_000 }
  const second = await openExporting(t, { directory, clock: later })
  await until(() => second.telemetry.counts().metrics.deadLetters > 0)
  await second.telemetry.shutdown()
  t.equal(second.arrived(), 0)
  t.match(second.said(), [/dead letters.*older/])

  const third = await openExporting(t, { directory, url: NOBODY })
  third.view(5)
  await third.telemetry.shutdown()
  const fourth = await openExporting(t, { directory, clock: later, metricsMaxAgeSeconds: 0 })
  await until(() => fourth.arrived() === 5)
  await fourth.telemetry.shutdown()
})

/** Page views in each body that was read. None ever changes, and reading all of them again would take longer than they come. */
const viewsOfBodies = new Map<string, number>()

/** Page views in the bodies on disk. */
function viewsOnDisk(directory: string): number {
  return bodies(directory).reduce((sum, name) => sum + viewsIn(join(directory, name)), 0)
}

function viewsIn(path: string): number {
  const known = viewsOfBodies.get(path)
  // What has been acknowledged since the folder was listed is gone.
  if (known !== undefined || !existsSync(path)) return known ?? 0
  const content = readFileSync(path)
  const { points } = readExport('metrics', 'json', content.subarray(content.indexOf('\n') + 1))
  const views = points.reduce((sum, { name, value = 0 }) => sum + (name === TOTAL ? value : 0), 0)
  viewsOfBodies.set(path, views)
  return views
}

const TOTAL = 'web.page_views_total'

test('during an outage each interval is on disk: a kill would cost the last one', async (t) => {
  const directory = temporaryFolder(t)
  const { receiver, telemetry, view, arrived } = await openExporting(t, {
    directory,
    // On this clock ten minutes, from which on intervals merge, are six seconds, which a busy machine needs.
    metricsMaxAgeSeconds: 0,
  })
  receiver.answerEach(() => 503)
  for (let n = 1; n <= 20; n++) {
    view()
    await until(() => viewsOnDisk(directory) === n)
  }
  t.ok(bodies(directory).length >= 20)
  receiver.answerEach(undefined)
  await until(() => arrived() === 20)
  t.equal(receiver.metrics(TOTAL).length, 20, 'each with its own second')
  await telemetry.shutdown()
  t.same(imbalance(telemetry.counts()), {})
})

test('in a long outage intervals merge again, so that what is sent at its end is not too old', async (t) => {
  const directory = temporaryFolder(t)
  let offset = 0
  const clock = { now: () => Date.now() + offset }
  const { receiver, telemetry, view, arrived } = await openExporting(t, { directory, clock })
  receiver.answerEach(() => 503)
  const next = () => {
    offset += 1000
    view()
  }
  for (let n = 1; n <= 5; n++) {
    next()
    await until(() => viewsOnDisk(directory) === n)
  }
  offset += 600_000
  const before = telemetry.counts().metrics.recorded
  for (let n = 0; n < 20; n++) {
    next()
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  t.equal(telemetry.counts().metrics.recorded, before)
  offset += 3_300_000
  await until(() => telemetry.counts().metrics.deadLetters === before)

  receiver.answerEach(undefined)
  await until(() => arrived() === 20)
  await telemetry.shutdown()
  t.equal(receiver.metrics(TOTAL).length, 1)
  t.same(imbalance(telemetry.counts()), {})
})

test('where the disk is full intervals merge, and nothing is lost', async (t) => {
  const { receiver, telemetry, view, arrived } = await openExporting(t, {
    directory: temporaryFolder(t),
    // One body of metrics.
    spoolMaxBytes: 40_960,
  })
  receiver.answerEach(() => 503)
  const levels = new Set<number>()
  let views = 0
  for (let turns = 0; turns < 20; turns += levels.size > 4 ? 1 : 0) {
    view()
    views += 1
    levels.add(telemetry.counts().metrics.waiting)
    await new Promise((resolve) => setTimeout(resolve, levels.size > 4 ? 20 : 0))
  }
  const { waiting } = telemetry.counts().metrics
  view()
  await new Promise((resolve) => setTimeout(resolve, 60))
  t.equal(telemetry.counts().metrics.waiting, waiting)
  receiver.answerEach(undefined)
  await until(() => arrived() === views + 1)
  await telemetry.shutdown()
  t.match(telemetry.counts().metrics, { deadLetters: 0, dropped: { spool_full: 0 } })
  t.same(imbalance(telemetry.counts()), {})
})

test('an interval that ends ahead of a clock that was set back is kept until Datadog takes it', async (t) => {
  const directory = temporaryFolder(t)
  const receiver = await OtlpReceiver.start(t)
  let offset = 0
  const clock = { now: () => Date.now() + offset }
  const first = await openExporting(t, { directory, receiver, clock })
  first.view(1)
  await until(() => first.arrived() === 1)
  offset = -1_200_000
  first.view(2)
  await first.telemetry.shutdown()
  t.equal(first.arrived(), 1)
  t.equal(bodies(directory).length, 1)

  const second = await openExporting(t, { directory, receiver, clock })
  await until(() => second.telemetry.counts().metrics.restored > 0)
  t.equal(second.arrived(), 1)
  offset = -500_000
  await until(() => second.arrived() === 3)
  await second.telemetry.shutdown()
  t.same(imbalance(second.telemetry.counts()), {})
})

test('the oldest dead letter makes room, and is counted', async (t) => {
  const directory = temporaryFolder(t)
  const { receiver, telemetry, view } = await openExporting(t, { directory, deadLettersMaxBytes: 60_000 })
  receiver.answerEach(() => 400)
  await until(() => {
    view()
    return telemetry.counts().metrics.dropped.dead_letters_full > 0
  })
  await telemetry.shutdown()
  const counts = telemetry.counts()
  t.same(imbalance(counts), {})
  const kept = readdirSync(join(directory, 'dead-letters')).reduce(
    (sum, name) => sum + Number(name.split('-')[2]),
    0,
  )
  t.equal(counts.metrics.deadLetters, kept)

  const next = await openExporting(t, { directory, receiver, deadLettersMaxBytes: 0 })
  next.view()
  await until(() => next.telemetry.counts().metrics.dropped.dead_letters_full > 0)
  await next.telemetry.shutdown()
  t.same(
    imbalance(next.telemetry.counts()),
    {},
    'the dead letters of an earlier process go with it, and are in the counts of that one',
  )
  t.same(readdirSync(join(directory, 'dead-letters')), [])
})

test('a file that another process took, or that is damaged, holds nothing up', async (t) => {
  const directory = temporaryFolder(t)
  const first = await openExporting(t, { directory, url: NOBODY, signals: ['logs'] })
  for (let n = 0; n < 3; n++) {
    first.telemetry.logs.emit({ body: `record ${n}` })
    await until(() => bodies(directory).length === n + 1)
  }
  await first.telemetry.shutdown()
  const [damaged] = bodies(directory).sort() as [string]
  writeFileSync(join(directory, damaged), readFileSync(join(directory, damaged)).subarray(0, -3))
  const second = await openExporting(t, { directory, signals: ['logs'] })
  await until(() => second.telemetry.counts().logs.acknowledged === 2)
  await second.telemetry.shutdown()
  t.match(second.telemetry.counts().logs, { restored: 3, acknowledged: 2, dropped: { unreadable: 1 } })
  t.same(imbalance(second.telemetry.counts()), {})
})

test('a file that cannot be read for now is passed by, and waits', async (t) => {
  const directory = temporaryFolder(t)
  const first = await openExporting(t, { directory, url: NOBODY, signals: ['logs'] })
  first.telemetry.logs.emit({ body: 'readable' })
  await first.telemetry.shutdown()
  const [name] = bodies(directory) as [string]
  const stuck = join(directory, name.replace(/(instance-[^/]+.)\d+/, '$11'))
  mkdirSync(stuck)
  const second = await openExporting(t, { directory, signals: ['logs'] })
  await until(() => second.telemetry.counts().logs.acknowledged === 1)
  t.match(second.telemetry.counts().logs, { restored: 2, acknowledged: 1, waiting: 1 })
  await second.telemetry.shutdown()
  t.same(second.said(), [
    'a file of waiting telemetry cannot be read',
    'telemetry that was not sent waits on disk for the next start',
  ])
  t.same(imbalance(second.telemetry.counts()), {})
  t.ok(existsSync(stuck))
})

test('a folder that is removed under a living process costs what was in it, counted, and no more', async (t) => {
  const directory = temporaryFolder(t)
  const { receiver, telemetry } = await openExporting(t, { directory, signals: ['logs'] })
  receiver.answerEach(() => 503)
  telemetry.logs.emit({ body: 'lost' })
  await until(() => bodies(directory).length === 1)
  rmSync(directory, { recursive: true })
  telemetry.logs.emit({ body: 'kept' })
  await until(() => bodies(directory).length === 1)
  const rival = await openExporting(t, { directory, signals: ['logs'], instanceId: 'rival:1' })
  await rival.telemetry.shutdown()
  t.equal(rival.telemetry.counts().logs.restored, 0, 'what is written anew is owned again')
  receiver.answerEach(undefined)
  await until(() => telemetry.counts().logs.acknowledged === 1)
  await telemetry.shutdown()
  t.match(telemetry.counts().logs, { recorded: 2, restored: 0, waiting: 0, dropped: { unreadable: 1 } })
  t.match(receiver.logs(), [{ body: 'kept' }])
  t.same(imbalance(telemetry.counts()), {})
})

test('what was acknowledged is off the disk when a shutdown is over', async (t) => {
  const directory = temporaryFolder(t)
  const first = await openExporting(t, {
    directory,
    url: NOBODY,
    signals: ['logs'],
    env: { OTEL_BLRP_MAX_EXPORT_BATCH_SIZE: '1' },
  })
  for (let n = 0; n < 60; n++) first.telemetry.logs.emit({ body: `record ${n}` })
  await first.telemetry.shutdown()
  t.equal(bodies(directory).length, 60)
  const second = await openExporting(t, { directory, signals: ['logs'] })
  await second.telemetry.shutdown()
  t.equal(second.telemetry.counts().logs.acknowledged, 60)
  t.same(bodies(directory), [])
})

test('small bodies count as the blocks that they fill: as many files as the bound has room for', async (t) => {
  const spool = await Spool.open({ directory: temporaryFolder(t), instanceId: 'a', maxBytes: 5 * 4096 }, 1)
  t.teardown(() => spool.release())
  const body: OtlpRequest = {
    signal: 'logs',
    protocol: 'http/json',
    compression: 'none',
    items: 1,
    time: 1,
    bytes: Buffer.from('{}'),
  }
  const files = []
  for (let n = 0; n < 5; n++) files.push(await spool.write(body))
  await t.rejects(spool.write(body), /holds 20480 bytes/)
  await spool.remove(files[0] as RequestFile)
  await spool.write(body)
})

test('hundreds of thousands of files that an earlier process left are taken up', async (t) => {
  const counts = new Counts()
  const queue = new RequestQueue({
    signal: 'logs',
    transport: { send: () => Promise.reject(new Error('nobody there')), close() {} },
    counts,
    countsOf: () => counts,
    diagnostics: new Diagnostics(),
    clock: systemClock,
    pace: { firstMs: 1000, longestMs: 1000 },
    waitingMax: 3,
    memoryMax: 3,
    maxAgeMs: 0,
    readPartialSuccess: () => ({ rejected: 0, message: '' }),
  })
  const files = Array.from(
    { length: 300_000 },
    (_, n): RequestFile => ({
      path: join('none', String(n)),
      signal: 'logs',
      items: 2,
      time: n,
      size: 1,
    }),
  )
  queue.open({ spool: undefined, deadLetters: undefined, isWanted: true }, files)
  t.equal(queue.waitingItems, 600_000)
  await queue.close()
})
