import { request } from 'node:http'
import { test } from 'tap'
import { OtlpReceiver } from '../otlp-receiver.ts'
import { type LogLine, startService } from '../service.ts'

const METRICS_ENV = {
  OTEL_METRICS_EXPORTER: 'otlp',
  // Often, so that a point of a worker and one of its replacement come close to each other.
  OTEL_METRIC_EXPORT_INTERVAL: '500',
}

/** What a client that opens a connection for each request got to see. */
interface Ledger {
  answered: number
  failed: string[]
}

/** Asks for the home page, on a connection of its own each time, until `isOver`. */
async function visit(url: string, ledger: Ledger, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    await new Promise<void>((resolve) => {
      request(url, { agent: false }, (reply) => {
        reply.resume().on('error', ({ message }) => ledger.failed.push(message))
        reply.once('close', resolve)
        reply.once('end', () => {
          if (reply.statusCode === 200) ledger.answered += 1
          else ledger.failed.push(`status ${reply.statusCode}`)
        })
      })
        .on('error', (error: NodeJS.ErrnoException) => {
          ledger.failed.push(`${error.code} ${error.syscall}`)
          resolve()
        })
        .end()
    })
  }
}

/** Slot and second of each interval that was exported, more than once where two points of a series share it. */
function secondsOf(receiver: OtlpReceiver): string[] {
  return receiver
    .metrics('web.page_views_total')
    .map(({ resource, time }) => `${resource['service.instance.id']} ${time / 1_000_000_000n}`)
}

const pidsOf = (lines: readonly LogLine[]) =>
  new Map(lines.filter(({ msg }) => msg === 'worker started').map(({ slot, pid }) => [slot, Number(pid)]))

test('workers are replaced one after the other, nobody is refused, and every request is counted once', async (t) => {
  const receiver = await OtlpReceiver.start(t)
  const service = await startService(t, {
    workers: 3,
    env: { ...METRICS_ENV, OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url },
  })
  const before = pidsOf(service.lines)
  t.strictSame([...before.keys()].sort(), [1, 2, 3])

  const ledger: Ledger = { answered: 0, failed: [] }
  let isOver = false
  const visitors = Array.from({ length: 8 }, () => visit(service.url, ledger, () => isOver))
  service.kill('SIGHUP')
  await service.logged('restarted the workers')
  isOver = true
  await Promise.all(visitors)
  service.kill('SIGTERM')
  t.strictSame(await service.exited, [0, null])

  const after = pidsOf(service.lines)
  for (const [slot, pid] of before) t.not(after.get(slot), pid, `slot ${slot} has another process`)
  t.strictSame(ledger.failed, [])
  t.ok(ledger.answered > 100)
  t.strictSame(receiver.totals('web.page_views'), { '{"page":"home"}': ledger.answered })
  t.strictSame(receiver.totals('web.page_views_total'), { '{}': ledger.answered })
  const instances = new Set(
    receiver.metrics('web.page_views_total').map(({ resource }) => resource['service.instance.id']),
  )
  const [host] = String([...instances][0]).split('/')
  t.strictSame(
    [...instances].sort(),
    [1, 2, 3].map((slot) => `${host}/${slot}`),
  )
  const seconds = secondsOf(receiver)
  t.equal(new Set(seconds).size, seconds.length, 'no second has two points')
  t.comment(`${ledger.answered} requests answered while 3 workers were replaced, 0 failed`)
})
