import { test } from 'tap'
import { OtlpReceiver } from '../otlp-receiver.ts'
import { startService } from '../service.ts'
import { Client } from './client.ts'

const ROUNDS = 5
const CONNECTIONS = 16

test('SIGTERM under load: whoever was let in is answered, the last interval is exported, the exit is clean', async (t) => {
  let answeredInAll = 0
  for (let round = 0; round < ROUNDS; round++) {
    const receiver = await OtlpReceiver.start(t)
    const service = await startService(t, {
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
        OTEL_METRICS_EXPORTER: 'otlp',
        // Longer than the test: only the flush of the shutdown can bring the numbers.
        OTEL_METRIC_EXPORT_INTERVAL: '600000',
      },
    })
    const client = new Client(service.url, CONNECTIONS)
    const sent = { answered: 0, closing: 0, unanswered: [] as string[] }
    const visitors = Array.from({ length: CONNECTIONS }, () => visit(client, sent))
    while (sent.answered < 300 + 100 * round) await new Promise((resolve) => setTimeout(resolve, 5))
    service.kill('SIGTERM')
    t.strictSame(await service.exited, [0, null], 'exit code 0, within its grace')
    await Promise.all(visitors)
    client.close()

    t.strictSame(sent.unanswered, [])
    t.ok(sent.closing > 0, 'connections were told to close')
    t.strictSame(receiver.totals('web.page_views'), { '{"page":"home"}': sent.answered })
    t.strictSame(receiver.totals('web.page_views_total'), { '{}': sent.answered })
    answeredInAll += sent.answered
  }
  t.comment(`${ROUNDS} shutdowns, ${answeredInAll} requests answered, 0 unanswered`)
})

/** Asks one request after the other until nobody listens any more. */
async function visit(
  client: Client,
  sent: { answered: number; closing: number; unanswered: string[] },
): Promise<void> {
  for (;;) {
    try {
      const { status, headers } = await client.ask({ path: '/' })
      if (status === 200) sent.answered += 1
      else sent.unanswered.push(`status ${status}`)
      if (headers.connection === 'close') sent.closing += 1
    } catch (error) {
      const { code, syscall } = error as NodeJS.ErrnoException
      // Refused at the door: this request was never let in.
      if (code === 'ECONNREFUSED') return
      // A connection that waited in the backlog when listening ended was not accepted either, but cannot be told
      // from one that was cut; it is a failure unless it happened while connecting.
      if (syscall === 'connect') return
      sent.unanswered.push(`${code} ${syscall}`)
      return
    }
  }
}
