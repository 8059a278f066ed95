import { test } from 'tap'
import { readServiceShape } from '../../tools/service-shape.ts'
import { beyondComputed } from '../contract/emitted.ts'
import { OtlpReceiver } from '../support/otlp-receiver.ts'
import { startService } from '../support/service.ts'
import { Client, inParallel, seededRandom } from './client.ts'
import { honestRequests, hostileRequests } from './hostile.ts'

const HOSTILE_REQUESTS = 10_000

test('10,000 hostile paths, methods and header fields add no series', async (t) => {
  const receiver = await OtlpReceiver.start(t)
  const service = await startService(t, {
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_METRICS_EXPORTER: 'otlp',
      OTEL_METRIC_EXPORT_INTERVAL: '200',
      OTEL_METRIC_EXPORT_TIMEOUT: '200',
    },
  })
  const client = new Client(service.url)
  t.teardown(() => client.close())

  const honest = honestRequests()
  await inParallel(honest, 16, async (ask) => void (await client.ask(ask)))
  await nextExports(receiver)
  const honestSeries = seriesOf(receiver)
  t.ok(honestSeries.size > 50, `${honestSeries.size} series before`)

  const hostile = hostileRequests(HOSTILE_REQUESTS, seededRandom(7))
  let answered = 0
  let refusedByParser = 0
  await inParallel(hostile, 16, async (ask) => {
    try {
      const { status } = await client.ask(ask)
      if (status >= 500) t.fail(`${ask.method} ${ask.path}: ${status}`)
      answered += 1
    } catch {
      refusedByParser += 1
    }
  })
  service.kill('SIGTERM')
  t.strictSame(await service.exited, [0, null])

  const added = [...seriesOf(receiver)].filter((series) => !honestSeries.has(series))
  t.strictSame(added, [])
  t.strictSame(beyondComputed(receiver.metrics(), await readServiceShape()), [])
  t.ok(answered > HOSTILE_REQUESTS * 0.9, `${answered} answered, ${refusedByParser} refused by the parser`)
  const counted = Object.values(receiver.totals('http.server.request.duration')).reduce(
    (sum, count) => sum + count,
    0,
  )
  t.ok(counted >= honest.length + answered, 'all of them were measured')
  t.comment(
    `${answered} hostile requests, ${honestSeries.size} series, 0 new; none in n bounds the rate at ${3 / answered}`,
  )
})

/** Metric and tags, of what requests cause; the runtime's own metrics come and go with garbage collections. */
function seriesOf(receiver: OtlpReceiver): Set<string> {
  return new Set(
    receiver
      .metrics()
      .filter(({ name }) => /^(web|http|database|db)\./.test(name))
      .map(({ name, attributes }) => `${name} ${JSON.stringify(Object.entries(attributes).sort())}`),
  )
}

/** Two more: the first may have been collected before the last request ended. */
async function nextExports(receiver: OtlpReceiver): Promise<void> {
  const before = receiver.requests.length
  while (receiver.requests.length < before + 2) await new Promise((resolve) => setTimeout(resolve, 20))
}
