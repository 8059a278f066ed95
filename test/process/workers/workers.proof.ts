import { writeFileSync } from 'node:fs'
import { join as joinPath } from 'node:path'
import { test } from 'tap'
import { temporaryFolder } from '../../support/harness.ts'
import { OtlpReceiver } from '../../support/otlp-receiver.ts'
import { startService } from '../../support/service.ts'
import { instancesOf, METRICS, pidsOf } from './instances.ts'
import { join, Ledger, visit } from './load.ts'

/** Points of one series that end in one second: Datadog would keep the last. */
function overwritten(receiver: OtlpReceiver): string[] {
  const seconds = receiver
    .metrics('process.uptime')
    .map(({ resource, time }) => `${resource['service.instance.id']} ${time / 1_000_000_000n}`)
  return seconds.filter((second, index) => seconds.indexOf(second) !== index)
}

test('SIGHUP replaces the workers one after the other: nobody is refused, and every request is counted once', async (t) => {
  const receiver = await OtlpReceiver.start(t)
  const service = await startService(t, {
    workers: 2,
    // Often, so that the last points of a worker and the first ones of the next come close to each other.
    env: { ...METRICS, OTEL_METRIC_EXPORT_INTERVAL: '500', OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url },
  })
  const before = pidsOf(service.lines)
  t.strictSame([...before.keys()].sort(), [1, 2])

  const ledger = new Ledger(service.url)
  const members = await Promise.all([1, 2, 3, 4].map((number) => join(ledger, number)))
  let isOver = false
  const visitors = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => visit(ledger, members, seed, () => isOver))
  service.kill('SIGHUP')
  await service.logged('restarted the workers')
  isOver = true
  await Promise.all(visitors)
  service.kill('SIGTERM')
  t.strictSame(await service.exited, [0, null])

  const after = pidsOf(service.lines)
  for (const [slot, pid] of before) t.not(after.get(slot), pid, `slot ${slot} has another process`)
  t.strictSame(ledger.unanswered, [])
  t.strictSame(
    Object.keys(ledger.statuses).filter((status) => Number(status) >= 429),
    [],
    'nothing fails',
  )
  t.ok(ledger.total > 100)
  const views = Object.entries(ledger.answered).map(([page, count]) => [`{"page":"${page}"}`, count])
  t.strictSame(receiver.totals('web.page_views'), Object.fromEntries(views))
  t.strictSame(receiver.totals('web.page_views_total'), { '{}': ledger.total })
  const [host] = String(instancesOf(receiver, 'process.uptime')[0]).split('/')
  t.strictSame(instancesOf(receiver, 'process.uptime'), [`${host}/1`, `${host}/2`])
  t.strictSame(instancesOf(receiver, 'rollcall.table.rows'), [`${host}/1`], 'one worker runs the checks')
  t.strictSame(overwritten(receiver), [])
  t.comment(`${ledger.total} requests while 2 workers were replaced, ${JSON.stringify(ledger.statuses)}`)
})

test('whoever replaces a worker bears its name and overwrites nothing, also where nothing can be written', async (t) => {
  const receiver = await OtlpReceiver.start(t)
  const file = joinPath(temporaryFolder(t), 'no-folder')
  writeFileSync(file, '')
  const service = await startService(t, {
    workers: 2,
    env: {
      ...METRICS,
      OTEL_METRIC_EXPORT_INTERVAL: '100',
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_RESOURCE_ATTRIBUTES: 'service.instance.id=blue',
      TELEMETRY_DIR: file,
    },
  })
  const ledger = new Ledger(service.url)
  let isOver = false
  const visitors = [1, 2, 3, 4].map(async () => {
    while (!isOver) await ledger.ask({ path: '/', page: 'home' })
  })
  for (const [slot, signal] of [
    [1, 'SIGKILL'],
    [2, 'SIGTERM'],
    [1, 'SIGTERM'],
  ] as const) {
    const from = service.lines.length
    const pid = pidsOf(service.lines).get(slot) as number
    process.kill(pid, signal)
    const isKill = signal === 'SIGKILL'
    t.match(await service.logged('worker ended', from), {
      slot,
      pid,
      signal: isKill ? signal : null,
      code: isKill ? null : 0,
    })
    t.match(await service.logged('worker started', from), { slot })
  }
  isOver = true
  await Promise.all(visitors)
  service.kill('SIGTERM')
  t.strictSame(await service.exited, [0, null])

  t.strictSame(instancesOf(receiver, 'process.uptime'), ['blue/1', 'blue/2'])
  t.strictSame(overwritten(receiver), [])
  // A killed worker takes along whom it was answering; nobody finds the door closed.
  t.strictSame(
    ledger.unanswered.filter((failure) => failure.startsWith('ECONNREFUSED')),
    [],
  )
  t.ok(ledger.total > 100)
  t.comment(`${ledger.total} requests answered, ${ledger.unanswered.length} cut by the kill`)
})
