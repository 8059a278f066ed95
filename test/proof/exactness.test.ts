import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Test, test } from 'tap'
import { PASSWORD, temporaryFolder } from '../harness.ts'
import { OtlpReceiver } from '../otlp-receiver.ts'
import { type LogLine, startService } from '../service.ts'
import { type Ask, Client, inParallel, seededRandom } from './client.ts'

/** What one request of a kind must leave behind: the tags of its measurement, its page. */
interface Kind {
  ask: Ask
  aborts?: boolean
  page: string | undefined
  measured: Record<string, string | number>
  /** Share of the mixed load. */
  weight: number
}

const REQUESTS = 3000
const SAMPLING_RATIO = 0.5

/** Reads, so that a request of a kind costs the same statements whenever it comes, and refusals of every sort. */
function kinds(token: string, friendId: number, ownId: number): Record<string, Kind> {
  const authorization = `Bearer ${token}`
  const as = (page: string | undefined, route: string | undefined, status: number, method = 'GET') => ({
    page,
    measured: {
      'http.request.method': method,
      ...(route !== undefined && { 'http.route': route }),
      'http.response.status_code': status,
      page: page ?? 'none',
      'url.scheme': 'http',
    },
  })
  const get = (path: string, route: string, page: string | undefined, status = 200): Kind => ({
    ask: { path, headers: { authorization } },
    weight: 10,
    ...as(page, route, status),
  })
  const signUp = { name: 'Ada', email: 'ADA@example.com', password: PASSWORD }
  return {
    home: get('/', '/', 'home'),
    'home, HEAD': { ask: { method: 'HEAD', path: '/' }, weight: 4, ...as('home', '/', 200, 'HEAD') },
    community: get('/v1/community', '/v1/community', 'community'),
    'community by name': get('/v1/community?sort=name&limit=2', '/v1/community', 'community'),
    'community, HEAD': {
      ask: { method: 'HEAD', path: '/v1/community', headers: { authorization } },
      weight: 4,
      ...as('community', '/v1/community', 200, 'HEAD'),
    },
    'community, search': get('/v1/community?q=a', '/v1/community', 'community'),
    'community, wrong cursor': get('/v1/community?cursor=bnVsbA', '/v1/community', 'community', 400),
    'community, wrong limit': get('/v1/community?limit=0', '/v1/community', 'community', 422),
    'community, not logged in': {
      ask: { path: '/v1/community' },
      weight: 6,
      ...as('community', '/v1/community', 401),
    },
    'full listing': get('/v1/community/full', '/v1/community/full', 'community'),
    user: get(`/v1/users/${friendId}`, '/v1/users/:id', 'community'),
    'unknown user': get('/v1/users/999999', '/v1/users/:id', 'community', 404),
    friends: get('/v1/me/friends', '/v1/me/friends', 'friends'),
    'friend requests': get('/v1/me/friend-requests', '/v1/me/friend-requests', 'friends'),
    'mutual friends': get(`/v1/users/${friendId}/mutual-friends`, '/v1/users/:id/mutual-friends', 'friends'),
    'befriend again': {
      ask: { method: 'PUT', path: `/v1/me/friends/${friendId}`, headers: { authorization } },
      weight: 5,
      ...as('friends', '/v1/me/friends/:userId', 200, 'PUT'),
    },
    'befriend oneself': {
      ask: { method: 'PUT', path: `/v1/me/friends/${ownId}`, headers: { authorization } },
      weight: 3,
      ...as('friends', '/v1/me/friends/:userId', 422, 'PUT'),
    },
    me: get('/v1/me', '/v1/me', 'account'),
    'new name': {
      ask: { method: 'PATCH', path: '/v1/me', headers: { authorization }, body: { name: 'Ada' } },
      weight: 5,
      ...as('account', '/v1/me', 200, 'PATCH'),
    },
    'malformed JSON': {
      ask: {
        method: 'PATCH',
        path: '/v1/me',
        headers: { authorization, 'content-type': 'application/json' },
        body: '{',
      },
      weight: 4,
      ...as('account', '/v1/me', 400, 'PATCH'),
    },
    'sign-up, invalid': {
      ask: { method: 'POST', path: '/v1/users', body: { ...signUp, password: 'short' } },
      weight: 5,
      ...as('signup', '/v1/users', 422, 'POST'),
    },
    'sign-up, taken': {
      ask: { method: 'POST', path: '/v1/users', body: signUp },
      weight: 0.5,
      ...as('signup', '/v1/users', 409, 'POST'),
    },
    'wrong password': {
      ask: { method: 'POST', path: '/v1/sessions', body: { email: 'ada@example.com', password: 'wrong' } },
      weight: 0.5,
      ...as('login', '/v1/sessions', 401, 'POST'),
    },
    aborted: {
      ask: { method: 'POST', path: '/v1/users' },
      aborts: true,
      weight: 4,
      page: 'signup',
      measured: {
        'error.type': 'aborted',
        'http.request.method': 'POST',
        'http.route': '/v1/users',
        page: 'signup',
        'url.scheme': 'http',
      },
    },
    'aborted, logged in': {
      ask: { method: 'PATCH', path: '/v1/me', headers: { authorization } },
      aborts: true,
      weight: 4,
      page: 'account',
      measured: {
        'error.type': 'aborted',
        'http.request.method': 'PATCH',
        'http.route': '/v1/me',
        page: 'account',
        'url.scheme': 'http',
      },
    },
    health: { ask: { path: '/healthz' }, weight: 3, ...as(undefined, '/healthz', 200) },
    ready: { ask: { path: '/readyz' }, weight: 3, ...as(undefined, '/readyz', 200) },
    'unknown path': { ask: { path: '/nope/7?q=1' }, weight: 5, ...as(undefined, undefined, 404) },
    'unknown method': {
      ask: { method: 'PROPFIND', path: '/v1/me' },
      weight: 3,
      ...as(undefined, undefined, 405, '_OTHER'),
    },
    'method not allowed': {
      ask: { method: 'PUT', path: '/v1/community' },
      weight: 3,
      ...as(undefined, undefined, 405, 'PUT'),
    },
    'malformed path': { ask: { path: '/v1/users/%zz' }, weight: 3, ...as(undefined, undefined, 400) },
  }
}

test('what is received over OTLP is what was sent, tag set by tag set', async (t) => {
  const receiver = await OtlpReceiver.start(t)
  const folder = temporaryFolder(t)
  const ledgerFile = join(folder, 'ledger')
  const checksFile = join(folder, 'checks.json')
  // A check that queries in the background would blur which statements belong to which request.
  writeFileSync(checksFile, '{}')
  const service = await startService(t, {
    preload: pathToFileURL(join(import.meta.dirname, 'ledger.ts')).href,
    env: {
      LEDGER_FILE: ledgerFile,
      CHECKS_FILE: checksFile,
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_METRICS_EXPORTER: 'otlp',
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_METRIC_EXPORT_INTERVAL: '300',
      OTEL_METRIC_EXPORT_TIMEOUT: '300',
      OTEL_TRACES_SAMPLER: 'traceidratio',
      OTEL_TRACES_SAMPLER_ARG: String(SAMPLING_RATIO),
      OTEL_BSP_MAX_QUEUE_SIZE: '100000',
    },
  })
  const client = new Client(service.url)
  t.teardown(() => client.close())
  const executed = async () => ((await service.askPreload()) as { executed: number }).executed

  const expected = {
    views: new Map<string, number>(),
    requests: new Map<string, number>(),
    queries: new Map<string, number>(),
  }
  const add = (map: Map<string, number>, key: string, count: number) =>
    map.set(key, (map.get(key) ?? 0) + count)
  const problems: string[] = []

  const { token, friendId, ownId } = await prepare(client, async (page, work) => {
    const before = await executed()
    const answer = await work()
    add(expected.queries, page, (await executed()) - before)
    return answer
  })
  const all = Object.entries(kinds(token, friendId, ownId))

  async function send({ ask, aborts, page, measured }: Kind): Promise<void> {
    if (aborts) {
      await client.abort(ask)
    } else {
      const { status, body, headers } = await client.ask(ask)
      if (status !== measured['http.response.status_code'])
        t.fail(`${ask.method} ${ask.path}: ${status} ${body}`)
      if (headers['content-type'] === 'application/problem+json' && body !== '')
        problems.push(JSON.parse(body).traceId)
    }
    if (page !== undefined) add(expected.views, page, 1)
    add(expected.requests, JSON.stringify(sorted(measured)), 1)
  }

  // The ledger counts statements, not pages: what a request of each kind executes is measured alone, before the mix.
  const statementsOf = new Map<string, number>()
  for (const [name, kind] of all) {
    const before = await executed()
    for (let i = 0; i < 3; i++) await send(kind)
    const statements = ((await settled(executed)) - before) / 3
    t.ok(Number.isInteger(statements), `${name}: ${statements} statements`)
    statementsOf.set(name, statements)
    add(expected.queries, kind.page ?? 'none', 3 * statements)
  }

  const random = seededRandom(20_261_122)
  const mix = draw(all, REQUESTS, random)
  for (const [name, kind] of mix) add(expected.queries, kind.page ?? 'none', statementsOf.get(name) as number)
  await inParallel(mix, 16, ([, kind]) => send(kind))
  await settled(executed)

  service.kill('SIGTERM')
  t.strictSame(await service.exited, [0, null], 'it stops by itself')

  const prepared = PREPARATION
  for (const [page, count] of Object.entries(prepared.views)) add(expected.views, page, count)
  for (const [key, count] of prepared.requests) add(expected.requests, JSON.stringify(sorted(key)), count)

  t.strictSame(receiver.totals('web.page_views'), byPage(expected.views))
  t.strictSame(receiver.totals('web.page_views_total'), { '{}': sum(expected.views) })
  t.strictSame(receiver.totals('http.server.request.duration'), sortedEntries(expected.requests))

  const queries = receiver.totals('database.query.time')
  const ledger = Number(readFileSync(ledgerFile, 'utf8'))
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
  for (const page of ['home', 'signup', 'login', 'community', 'friends', 'account'])
    t.equal(queries[`{"page":"${page}"}`] ?? 0, expected.queries.get(page) ?? 0, `statements of ${page}`)

  t.ok(problems.length > 200)
  checkTraces(t, problems, service.lines, new Set(receiver.spans().map((span) => span.traceId)))
  t.comment(
    `${mix.length + 3 * all.length} requests, ${ledger} statements, ${problems.length} problems: difference 0`,
  )
})

/** Each trace id in one line of the log, and among the spans exactly where its random bits are above the threshold. */
function checkTraces(t: Test, problems: string[], lines: LogLine[], traced: Set<string>): void {
  const logged = new Map<string, number>()
  for (const { trace_id, problem } of lines)
    if (trace_id !== undefined && problem !== undefined) logged.set(trace_id, (logged.get(trace_id) ?? 0) + 1)
  t.equal(problems.filter((id) => logged.get(id) !== 1).length, 0, 'every problem has one line in the log')
  const threshold = Math.round((1 - SAMPLING_RATIO) * 2 ** 56)
  const wrong = problems.filter((id) => Number.parseInt(id.slice(18), 16) >= threshold !== traced.has(id))
  t.equal(wrong.length, 0, 'every sampled problem is in a trace, and no other')
}

/** What `prepare` does, as it must be counted. */
const PREPARATION = {
  views: { signup: 2, login: 2, friends: 2 },
  requests: [
    [measuredAs('POST', '/v1/users', 201, 'signup'), 2],
    [measuredAs('POST', '/v1/sessions', 201, 'login'), 2],
    [measuredAs('PUT', '/v1/me/friends/:userId', 201, 'friends'), 1],
    [measuredAs('PUT', '/v1/me/friends/:userId', 200, 'friends'), 1],
  ] as const,
}

function measuredAs(method: string, route: string, status: number, page: string) {
  return {
    'http.request.method': method,
    'http.route': route,
    'http.response.status_code': status,
    page,
    'url.scheme': 'http',
  }
}

/** Two members who are friends; `counted` books the statements of each step. */
async function prepare(client: Client, counted: <T>(page: string, work: () => Promise<T>) => Promise<T>) {
  const members = []
  for (const name of ['Ada', 'Grace']) {
    const credentials = { email: `${name.toLowerCase()}@example.com`, password: PASSWORD }
    const signUp = () => client.ask({ method: 'POST', path: '/v1/users', body: { name, ...credentials } })
    const logIn = () => client.ask({ method: 'POST', path: '/v1/sessions', body: credentials })
    const [account, session] = [await counted('signup', signUp), await counted('login', logIn)]
    members.push({
      id: JSON.parse(account.body).id as number,
      token: JSON.parse(session.body).token as string,
    })
  }
  const [ada, grace] = members as [(typeof members)[0], (typeof members)[0]]
  const befriend = (token: string, id: number) =>
    client.ask({ method: 'PUT', path: `/v1/me/friends/${id}`, headers: { authorization: `Bearer ${token}` } })
  await counted('friends', () => befriend(ada.token, grace.id))
  await counted('friends', () => befriend(grace.token, ada.id))
  return { token: ada.token, ownId: ada.id, friendId: grace.id }
}

/** The count once it has stopped moving: an aborted request may still be at work when its client has gone. */
async function settled(read: () => Promise<number>): Promise<number> {
  for (let last = await read(); ; ) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    const now = await read()
    if (now === last) return now
    last = now
  }
}

function draw(all: [string, Kind][], count: number, random: () => number): [string, Kind][] {
  const tickets = all.flatMap((kind) => Array<[string, Kind]>(Math.round(kind[1].weight * 2)).fill(kind))
  return Array.from({ length: count }, () => tickets[Math.floor(random() * tickets.length)] as [string, Kind])
}

function sorted(attributes: object): object {
  return Object.fromEntries(Object.entries(attributes).sort())
}

function sortedEntries(map: Map<string, number>): Record<string, number> {
  return Object.fromEntries([...map].sort())
}

function byPage(views: Map<string, number>): Record<string, number> {
  return Object.fromEntries([...views].map(([page, count]) => [JSON.stringify({ page }), count]))
}

function sum(map: Map<string, number>): number {
  return [...map.values()].reduce((total, count) => total + count, 0)
}
