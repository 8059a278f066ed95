import { writeFileSync } from 'node:fs'
import { METHODS as PARSED_METHODS } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import Sqlite from 'better-sqlite3'
import type { Test } from 'tap'
import { until } from '../durable-otlp-exporter/exporting.ts'
import { type Answer, type Ask, Client } from '../proof/client.ts'
import { PASSWORD, temporaryFolder } from '../support/harness.ts'
import { exampleOf, type Operation, operationsOf } from '../support/operations.ts'
import type { OtlpReceiver, Answer as ReceiverAnswer } from '../support/otlp-receiver.ts'
import { type LogLine, startService } from '../support/service.ts'
import { openFeedHosts } from './feed-hosts.ts'

/** Long enough for one request that waits to be cut, and for the last export. */
const SHUTDOWN_GRACE_MS = 4500

interface WholeServiceOptions {
  receiver: OtlpReceiver
  /** What an earlier process of this instance left is here. */
  telemetryDir: string
  instanceId: string
}

/** A real service that does everything it can once: each page, each way to fail; all of it has left when this returns. */
export async function runWholeService(
  t: Test,
  { receiver, telemetryDir, instanceId }: WholeServiceOptions,
): Promise<void> {
  const folder = temporaryFolder(t)
  const file = join(folder, 'rollcall.db')
  const checks = join(folder, 'checks.json')
  writeFileSync(checks, '{"test.support.random":{"everySeconds":1},"rollcall.table.rows":{"everySeconds":1}}')
  const service = await startService(t, {
    preload: pathToFileURL(join(import.meta.dirname, 'collect-garbage.ts')).href,
    env: {
      DATABASE_URL: `sqlite:${file}`,
      DATABASE_BUSY_TIMEOUT_MS: '60000',
      CHECKS_FILE: checks,
      INSTANCE_ID: instanceId,
      TELEMETRY_DIR: telemetryDir,
      TRUST_PROXY: '127.0.0.1',
      SLOW_REQUEST_MS: '1',
      REQUEST_TIMEOUT_MS: '500',
      FEED_ADDRESSES_ALLOWED: '127.0.0.1',
      FEED_TIMEOUT_MS: '500',
      PENDING_REQUESTS_MAX: '1',
      ADMIN_EMAIL: 'ada@example.com',
      SIGNUP_LIMIT_PER_MINUTE: '1000',
      LOGIN_LIMIT_PER_MINUTE: '1000',
      SHUTDOWN_GRACE_MS: String(SHUTDOWN_GRACE_MS),
      SHUTDOWN_DRAIN_MS: '0',
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_METRICS_EXPORTER: 'otlp',
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_LOGS_EXPORTER: 'otlp',
      OTEL_METRIC_EXPORT_INTERVAL: '500',
      OTEL_TRACES_SAMPLER: 'always_on',
      OTEL_BSP_SCHEDULE_DELAY: '100',
    },
  })
  refuseOnce(receiver)
  const client = new Client(service.url)
  t.teardown(() => client.close())
  const raw = new Sqlite(file, { timeout: 5000 })
  t.teardown(() => raw.close())

  await useEveryPage(client, await openFeedHosts(t))
  await useEveryOperation(client, raw)
  await useAsBrowser(client, raw)
  await failEveryWay(client, raw, service)
  service.kill('SIGWINCH')
  await breakResponseOff(client, raw, () => service.kill('SIGTERM'))
  t.strictSame(await service.exited, [0, null], 'it stops by itself')
}

/** One export of spans for good, and one of metrics for now. */
function refuseOnce(receiver: OtlpReceiver): void {
  const answers: Record<string, ReceiverAnswer[]> = {
    '/v1/traces': [{ status: 400, body: { code: 3, message: 'not these' } }],
    '/v1/metrics': [200, 503],
  }
  receiver.answerEach(({ path }) => answers[path]?.shift())
}

interface Person {
  id: number
  ask(method: string, path: string, body?: object, headers?: Record<string, string>): Promise<Answer>
}

async function useEveryPage(client: Client, feeds: readonly string[]): Promise<void> {
  const [ada, grace, alan] = [
    await arrive(client, 'Ada'),
    await arrive(client, 'Grace'),
    await arrive(client, 'Alan'),
  ]
  for (const path of ['/', '/healthz', '/readyz', '/openapi.json', '/docs', '/docs/', '/docs/static/nothing'])
    await client.ask({ path })

  for (const path of ['', '?sort=name', '?q=a', '/full']) await ada.ask('GET', `/v1/community${path}`)
  for (const path of ['/v1', '/app']) await ada.ask('GET', `${path}/users/${grace.id}`)

  await ada.ask('PUT', `/v1/me/friends/${grace.id}`)
  await grace.ask('PUT', `/v1/me/friends/${ada.id}`)
  await ada.ask('PUT', `/v1/me/friends/${alan.id}`)
  for (const path of [
    'friends',
    'friend-requests?direction=incoming',
    'friend-requests?direction=outgoing',
    'blocks',
  ])
    await ada.ask('GET', `/v1/me/${path}`)
  await ada.ask('GET', `/v1/users/${grace.id}/mutual-friends`)
  await ada.ask('DELETE', `/v1/me/friends/${alan.id}`)
  await ada.ask('PUT', `/v1/me/blocks/${alan.id}`)
  await ada.ask('DELETE', `/v1/me/blocks/${alan.id}`)

  await useToolkit(ada)
  await readNews(ada, feeds)
  await usePolls(ada)
  // A tag has a form that an example does not have.
  await ada.ask('POST', '/v1/admin/events', { title: 'Deployed', tags: ['version:2'] })

  await ada.ask('GET', '/v1/me')
  await ada.ask('PATCH', '/v1/me', { name: 'Ada Lovelace' })
  const mail = { email: 'lovelace@example.com', currentPassword: PASSWORD }
  await ada.ask('PATCH', '/v1/me', mail)
  await ada.ask('GET', '/v1/sessions')
  await alan.ask('PUT', '/v1/me/password', { currentPassword: PASSWORD, newPassword: `${PASSWORD}!` })
  await grace.ask('DELETE', '/v1/sessions/current')
}

/** What needs an address, a row of before, or a header field. */
async function useToolkit(member: Person): Promise<void> {
  const url = 'https://media.example/a.mp4'
  const added = await member.ask('POST', '/v1/me/videos', { title: 'A', url })
  const path = `/v1/me/videos/${JSON.parse(added.body).id}`
  await member.ask('PATCH', path, { position: 1 })
  await member.ask('DELETE', path)
  await member.ask('PUT', '/v1/me/playlist', { entries: [{ title: 'A', url }] }, { 'if-match': '*' })
}

/** A few feeds at a time, because a list is short; the last of each is the first of the next. */
async function readNews(member: Person, feeds: readonly string[]): Promise<void> {
  for (let start = 0; start < feeds.length - 1; start += 9) {
    const urls = feeds.slice(start, start + 10).reverse()
    const { data } = JSON.parse((await member.ask('PUT', '/v1/me/feeds', { urls })).body)
    await Promise.all(data.map(({ id }: { id: number }) => member.ask('GET', `/v1/me/feeds/${id}/items`)))
  }
}

/** What needs a poll, choices of its own, or a vote of before. */
async function usePolls(administrator: Person): Promise<void> {
  const choices = ['Tea', 'Coffee', 'Water']
  const created = await administrator.ask('POST', '/v1/admin/polls', { question: 'Which?', choices })
  const poll = JSON.parse(created.body)
  const edit = (change: object) => administrator.ask('PATCH', `/v1/admin/polls/${poll.id}`, change)
  await edit({ choices: ['Green tea', 'Coffee'] })
  await edit({ choices: ['Green tea', 'Coffee', 'Juice'] })
  for (const { id: choiceId } of poll.choices.slice(0, 2))
    await administrator.ask('PUT', `/v1/polls/${poll.id}/vote`, { choiceId })
  await administrator.ask('PUT', `/v1/polls/${poll.id}/vote`, { choiceId: 1_000_000 })
  for (const path of ['', '/results']) await administrator.ask('GET', `/app/polls/${poll.id}${path}`)
}

/** Every operation once, so that a new one need not be told of here unless it does more after another. */
async function useEveryOperation(client: Client, raw: Sqlite.Database): Promise<void> {
  const operations = operationsOf(JSON.parse((await client.ask({ path: '/openapi.json' })).body))
  const use = ({ method, pathWith, body }: Operation, visitor: Person) => {
    raw.exec('update users set is_administrator = 1 where is_administrator = 0')
    return visitor.ask(
      method,
      pathWith(() => '1'),
      body && (exampleOf(body) as object),
    )
  }
  const visitor = await arrive(client, 'Visitor')
  const [deleting, others] = [true, false].map((deletes) =>
    operations.filter(({ method }) => (method === 'DELETE') === deletes),
  ) as [Operation[], Operation[]]
  for (const operation of others) {
    // A session's use is written down once an hour.
    raw.exec('update sessions set last_used_at = 0')
    await use(operation, visitor)
  }
  // Some end the session, one the account.
  for (const [index, operation] of deleting.entries())
    await use(operation, await arrive(client, `Visitor${index}`))
}

/** What only a browser with a cookie brings about: a sign-up that logs in, and a start page that knows the member. */
async function useAsBrowser(client: Client, raw: Sqlite.Database): Promise<void> {
  const signedUp = await client.ask({
    method: 'POST',
    path: '/app/sign-up',
    headers: { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin' },
    body: new URLSearchParams({ name: 'Browser', ...credentialsOf('Browser') }).toString(),
  })
  const cookie = String(signedUp.headers['set-cookie']?.[0]?.split(';', 1)[0])
  raw.exec('update sessions set last_used_at = 0')
  await client.ask({ path: '/app', headers: { cookie } })
}

async function arrive(client: Client, name: string): Promise<Person> {
  const credentials = credentialsOf(name)
  const created = await client.ask({ method: 'POST', path: '/v1/users', body: { name, ...credentials } })
  const session = await client.ask({ method: 'POST', path: '/v1/sessions', body: credentials })
  const headers = { authorization: `Bearer ${JSON.parse(session.body).token}` }
  return {
    id: JSON.parse(created.body).id,
    ask: (method, path, body, more) =>
      client.ask({ method, path, headers: { ...headers, ...more }, ...(body && { body }) }),
  }
}

function credentialsOf(name: string) {
  return { email: `${name.toLowerCase()}@example.com`, password: PASSWORD }
}

async function failEveryWay(
  client: Client,
  raw: Sqlite.Database,
  { url, lines }: { url: string; lines: readonly LogLine[] },
): Promise<void> {
  const eve = await arrive(client, 'Eve')
  for (const method of PARSED_METHODS.filter((name) => name !== 'CONNECT'))
    await client.ask({ method, path: '/nope' })
  await client.ask({ path: '/', headers: { 'x-forwarded-proto': 'https', 'user-agent': 'contract' } })
  await client.ask({ method: 'POST', path: '/v1/users', body: { ...credentialsOf('Eve'), name: 'Eve' } })
  await eve.ask('PUT', '/v1/me/friends/1')
  await eve.ask('PUT', '/v1/me/friends/3')
  await eve.ask('PATCH', '/v1/me', { email: 'lovelace@example.com', currentPassword: PASSWORD })
  await client.abort({ path: '/v1/users' })
  await Promise.all([
    talk(url, 'GET / HTTP/1.0\r\n\r\n'),
    talk(url, 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n'),
    talk(url, 'GET / HTTP/1.1\r\nHost: rollcall\r\nConnection: close\r\n\r\n'),
    // Half a request: it runs into its time-out.
    talk(
      url,
      'POST /v1/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
    ),
  ])

  // What a statement can fail with, without a disk that fails.
  const logIn: Ask = { method: 'POST', path: '/v1/sessions', body: credentialsOf('Eve') }
  for (const failure of [
    `select json('{')`,
    'select zeroblob(2000000000)',
    `insert into kysely_migration_lock (rowid, id) values ('x', 'x')`,
  ]) {
    raw.exec(`create trigger failure before insert on sessions begin ${failure}; end`)
    await client.ask(logIn)
    raw.exec('drop trigger failure')
  }
  raw.exec(`create trigger failure before insert on feed_subscriptions begin select json('{'); end`)
  await eve.ask('PUT', '/v1/me/feeds', { urls: ['https://example.com/'] })
  raw.exec('drop trigger failure')
  raw.exec('alter table table_rows rename to elsewhere')
  await client.ask({ path: '/readyz' })
  await until(() => lines.some(({ msg }) => msg === 'check failed'))
  raw.exec('alter table elsewhere rename to table_rows')
  await eve.ask('DELETE', '/v1/me', { currentPassword: PASSWORD })
}

/** What was written is answered, or not, until the connection is closed. */
function talk(url: string, text: string): Promise<void> {
  const { hostname, port } = new URL(url)
  const { promise, resolve } = Promise.withResolvers<void>()
  const socket = connect(Number(port), hostname, () => socket.write(text))
  socket
    .on('error', () => {})
    .on('close', () => resolve())
    .resume()
  return promise
}

/** A request that waits for another process's lock is cut when the service stops. */
async function breakResponseOff(client: Client, raw: Sqlite.Database, stop: () => void): Promise<void> {
  const late = await arrive(client, 'Late')
  raw.exec('begin immediate')
  const answer = late.ask('PATCH', '/v1/me', { name: 'Never' }).then(
    () => 'answered',
    () => 'cut',
  )
  await new Promise((resolve) => setTimeout(resolve, 100))
  stop()
  await answer
  raw.exec('rollback')
}
