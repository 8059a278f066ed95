import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'tap'
import { temporaryFolder } from '../support/harness.ts'
import { startService } from '../support/service.ts'
import type { ViewerClient } from './viewer-client.ts'
import { startViewer } from './viewer-process.ts'

const ADMIN_EMAIL = 'ada@example.com'
const FOLDER = join(import.meta.dirname, '..', '..', 'datadog', 'dashboards')

interface Query {
  name: string
  /** Of metrics. */
  query?: string
  /** Of spans and log lines. */
  search?: { query: string }
}

interface WidgetRequest {
  query?: Query
  queries?: Query[]
  formulas?: { formula: string }[]
}

interface Dashboard {
  template_variables: { name: string; prefix: string; defaults: string[] }[]
  widgets: { definition: { title: string; requests?: WidgetRequest[] } }[]
}

const names = readdirSync(FOLDER)
  .sort()
  .map((file) => file.replace(/\.json$/, ''))

function read(name: string): Dashboard {
  return JSON.parse(readFileSync(join(FOLDER, `${name}.json`), 'utf8'))
}

/** Which queries have no data in the test below, and what they wait for. */
const WAITING: [pattern: RegExp, need: string][] = [
  [/^\w+:(system|httpcheck|container)\./, 'the Collector with collector/host.yaml'],
  [/^\w+:traces\.span\.metrics\./, 'the Collector, which makes them of spans'],
  [/^count:http\.server\.request\.duration\{.*error\.type:\*/, 'a request that fails'],
  [/status:error/, 'a request that fails'],
]

test('every widget shows what a real service sent', async (t) => {
  const { client } = await startViewer(t)
  const service = await startVisitedService(t, client)
  service.kill('SIGTERM')
  t.strictSame(await service.exited, [0, null])

  const met = new Set<string>()
  for (const name of names) {
    const { widgets, template_variables: given } = read(name)
    const variables = Object.fromEntries(
      given.map(({ name, prefix, defaults }) => [name, { prefix, values: defaults }]),
    )
    for (const { definition } of widgets)
      for (const request of definition.requests ?? []) {
        const { query, queries = [], formulas = [] } = request
        const asked = [...queries, ...(query ? [query] : [])]
        const answered = await answeredFormulas(client, {
          ...request,
          variables,
          ...(queries.length > 0 && {
            formulas: [...queries.map(({ name }) => ({ formula: name })), ...formulas],
          }),
        })
        const needs = asked.map((query) => WAITING.find(([pattern]) => pattern.test(textOf(query)))?.[1])
        for (const need of needs) if (need !== undefined) met.add(need)
        for (const [index, query] of asked.entries())
          t.equal(
            answered.has(index),
            needs[index] === undefined,
            `${name}, ${definition.title}: ${textOf(query)}`,
          )
        for (const index of formulas.keys())
          t.ok(
            answered.has(queries.length + index) || needs.some((need) => need !== undefined),
            `${name}, ${definition.title}: formula ${index}`,
          )
      }
  }
  t.strictSame(
    [...met].sort(),
    [...new Set(WAITING.map(([, need]) => need))].sort(),
    'nothing is waited for in vain',
  )
})

function textOf({ query, search }: Query): string {
  return query ?? search?.query ?? ''
}

/** The formulas of a request that have a value to draw; a distribution is one. */
async function answeredFormulas(client: ViewerClient, request: object): Promise<Set<number>> {
  const { status, json } = await client.query({ ...request, seconds: 300, interval: 10 })
  if (status !== 200) throw new Error(JSON.stringify(json))
  if (json.format === 'distribution') return new Set(json.totals.length > 0 ? [0] : [])
  const lines: { formula: number; value?: unknown; values?: unknown[] }[] = json.values ?? json.series
  return new Set(
    lines
      .filter(({ value, values = [value] }) => values.some((each) => typeof each === 'number'))
      .map(({ formula }) => formula),
  )
}

/** One that somebody has visited on every page, checks and slow requests included. */
async function startVisitedService(t: Parameters<typeof startService>[0], client: ViewerClient) {
  const checks = join(temporaryFolder(t), 'checks.json')
  const everySecond = { everySeconds: 1 }
  writeFileSync(
    checks,
    JSON.stringify({ 'test.support.random': everySecond, 'rollcall.table.rows': everySecond }),
  )
  const service = await startService(t, {
    env: {
      ADMIN_EMAIL,
      OTEL_METRICS_EXPORTER: 'otlp',
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_LOGS_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_ENDPOINT: client.url,
      OTEL_METRIC_EXPORT_INTERVAL: '250',
      OTEL_BSP_SCHEDULE_DELAY: '100',
      OTEL_BLRP_SCHEDULE_DELAY: '100',
      OTEL_TRACES_SAMPLER_ARG: '1',
      SLOW_REQUEST_MS: '1',
      CHECKS_FILE: checks,
    },
  })
  const ask = async (path: string, options: RequestInit = {}) => {
    const response = await fetch(service.url + path, options)
    return response.json() as Promise<Record<string, unknown>>
  }
  const headers: Record<string, string> = { 'content-type': 'application/json' }
  const send = (method: 'POST' | 'PUT', path: string, body: object) =>
    ask(path, { method, headers, body: JSON.stringify(body) })
  const account = { email: ADMIN_EMAIL, password: 'correct horse battery staple' }
  await send('POST', '/v1/users', { name: 'Ada', ...account })
  const { token } = await send('POST', '/v1/sessions', account)
  headers.authorization = `Bearer ${token}`
  const poll = await send('POST', '/v1/admin/polls', { question: 'Shown?', choices: ['Yes', 'No'] })
  const [choice] = poll.choices as [{ id: number }]
  await send('PUT', `/v1/polls/${poll.id}/vote`, { choiceId: choice.id })
  // Nobody listens there, and the address is not public: a request all the same.
  const feeds = await send('PUT', '/v1/me/feeds', { urls: ['http://127.0.0.1:9/feed.xml'] })
  const [{ id: feedId }] = feeds.data as [{ id: number }]
  const paths = [
    ...['/', '/v1/community', '/v1/community/full', '/v1/me/friends', '/v1/me'],
    ...['/v1/polls', `/v1/polls/${poll.id}/results`, `/v1/me/feeds/${feedId}/items`],
    ...['/v1/toolkit', '/v1/me/videos', '/v1/me/playlist', '/v1/me/location'],
  ]
  // Until the check has counted the new member.
  const timePerRow = {
    q: 'p95:database.query.time{page:community} / max:rollcall.table.rows{table:users}',
  }
  do {
    for (const path of paths) await ask(path, { headers })
    await delay(50)
  } while ((await answeredFormulas(client, timePerRow)).size === 0)
  return service
}
