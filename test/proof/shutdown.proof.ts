import { connect } from 'node:net'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { test } from 'tap'
import { PASSWORD, temporaryFolder } from '../support/harness.ts'
import { OtlpReceiver } from '../support/otlp-receiver.ts'
import { startService } from '../support/service.ts'
import { Client } from './client.ts'

const ROUNDS = 4
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

test('SIGTERM beside a request that never ends: it is cut, counted, and the last interval is exported', async (t) => {
  const receiver = await OtlpReceiver.start(t)
  const service = await startService(t, {
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_METRICS_EXPORTER: 'otlp',
      OTEL_METRIC_EXPORT_INTERVAL: '600000',
      SHUTDOWN_GRACE_MS: '3000',
    },
  })
  const { hostname, port } = new URL(service.url)
  const socket = connect(Number(port), hostname)
  t.teardown(() => socket.destroy())
  socket.on('error', () => {})
  const head =
    'POST /v1/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n'
  socket.write(`${head}Expect: 100-continue\r\n\r\n{`)
  await new Promise((resolve) => socket.once('data', resolve))
  t.equal((await fetch(service.url)).status, 200)
  service.kill('SIGTERM')
  t.strictSame(await service.exited, [0, null])
  t.strictSame(receiver.totals('web.page_views'), { '{"page":"home"}': 1, '{"page":"signup"}': 1 })
  t.equal(
    Object.values(receiver.totals('http.server.request.duration')).reduce((sum, count) => sum + count, 0),
    2,
  )
})

test('SIGTERM while a long reply is read slowly: it arrives to its last byte', async (t) => {
  const file = join(temporaryFolder(t), 'rollcall.db')
  const service = await startService(t, {
    env: { DATABASE_URL: `sqlite:${file}`, FULL_LISTING_MAX_ROWS: '100000' },
  })
  const client = new Client(service.url)
  t.teardown(() => client.close())
  const credentials = { email: 'ada@example.com', password: PASSWORD }
  await client.ask({ method: 'POST', path: '/v1/users', body: { name: 'Ada', ...credentials } })
  const { token } = JSON.parse(
    (await client.ask({ method: 'POST', path: '/v1/sessions', body: credentials })).body,
  )
  const database = new Sqlite(file)
  database.exec(`
    with recursive n(i) as (select 1 union all select i + 1 from n where i < 99999)
    insert into users (name, name_key, email, email_key, joined_at)
    select 'Somebody ' || i, 'somebody ' || i, i || '@example.org', i || '@example.org', 0 from n`)
  database.close()

  const { hostname, port } = new URL(service.url)
  const socket = connect(Number(port), hostname)
  t.teardown(() => socket.destroy())
  socket.write(`GET /v1/community/full HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`)
  await new Promise((resolve) => socket.once('readable', resolve))
  service.kill('SIGTERM')
  // More than what the kernel keeps between the two is still to be sent when the drain is over.
  await new Promise((resolve) => setTimeout(resolve, 600))
  const text = Buffer.concat(await socket.toArray()).toString()
  const [head, body] = text.split('\r\n\r\n', 2) as [string, string]
  t.equal(Buffer.byteLength(body), Number(/content-length: (\d+)/i.exec(head)?.[1]))
  t.equal(JSON.parse(body).data.length, 100_000)
  t.strictSame(await service.exited, [0, null])
})
