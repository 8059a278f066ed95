import { connect } from 'node:net'
import { mock } from 'node:test'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import type { Config } from '../../src/config.ts'
import { openApp } from '../support/harness.ts'
import type { LogLine } from '../support/service.ts'

/** An application whose timers wait for `tick`, and its log. */
async function openLogged(t: Parameters<typeof openApp>[0], logLevel: Config['logLevel'] = 'info') {
  mock.timers.enable({ apis: ['setInterval'] })
  t.teardown(() => mock.timers.reset())
  const lines: LogLine[] = []
  const logTo = { write: (line: string) => void lines.push(JSON.parse(line)) }
  return {
    ...(await openApp(t, { config: { logLevel, slowRequestMs: 600_000 }, logTo })),
    lines,
    tick: () => mock.timers.tick(10_000),
  }
}

/** What is no HTTP, over a connection of its own; the reply's body. */
async function sendGarbage(app: FastifyInstance): Promise<{ traceId: string }> {
  const { port } = app.server.address() as { port: number }
  const socket = connect(port, '127.0.0.1').setEncoding('utf8').end('garbage\r\n\r\n')
  let reply = ''
  for await (const chunk of socket) reply += chunk
  return JSON.parse(reply.slice(reply.indexOf('{')))
}

t.test('a flood of refused requests writes one line in ten seconds, and it counts them all', async (t) => {
  const { app, ask, lines, tick } = await openLogged(t)
  await app.listen()
  lines.length = 0
  const refuse = async (url: string, times: number) => {
    const replies = await Promise.all(Array.from({ length: times }, () => ask({ url })))
    return replies.map((reply) => reply.json().traceId)
  }
  const missing = await refuse('/nope', 1000)
  const [nobody] = await refuse('/v1/me', 1)
  await sendGarbage(app)
  const garbage = await sendGarbage(app)
  t.strictSame(lines, [])

  tick()
  t.match(lines, [
    {
      level: 'info',
      msg: 'requests refused',
      problems: { 'not-found': 1000, unauthenticated: 1, 'malformed-request': 2 },
      lastTraceIds: { unauthenticated: nobody, 'malformed-request': garbage.traceId },
    },
  ])
  const [line] = lines as unknown as [{ lastTraceIds: Record<string, string> }]
  t.ok(missing.includes(line.lastTraceIds['not-found']))
  t.notOk('trace_id' in line, 'it belongs to no request')

  tick()
  t.equal(lines.length, 1, 'silence is not told')

  await refuse('/nope', 3)
  await app.close()
  t.match(lines.slice(1), [{ msg: 'requests refused', problems: { 'not-found': 3 } }])
  t.equal(lines.length, 2, 'the last ones are told at the end')
})

t.test('problems on our side have a line each, up to ten of a type in ten seconds', async (t) => {
  const { db, ask, lines, tick } = await openLogged(t)
  await db.destroy()
  const fail = async (url: string, times: number) => {
    const replies = await Promise.all(Array.from({ length: times }, () => ask({ url })))
    return new Set(replies.map((reply) => reply.json().traceId))
  }
  const told = (message: string) => lines.filter(({ msg }) => msg === message)
  const unavailable = await fail('/readyz', 500)
  const headers = { authorization: `Bearer ${'A'.repeat(43)}` }
  const internal = (await ask({ url: '/v1/me', headers })).json().traceId
  t.equal(told('request refused').length, 10)
  for (const { trace_id, level, problem } of told('request refused')) {
    t.equal(level, 'warn')
    t.equal(problem, 'unavailable')
    t.ok(unavailable.has(trace_id))
  }
  t.match(told('request failed'), [{ level: 'error', trace_id: internal, err: { message: /closed/ } }])
  tick()
  t.match(told('requests refused'), [{ problems: { unavailable: 500, internal: 1 } }])
  await fail('/readyz', 3)
  t.equal(told('request refused').length, 13)
})

t.test('at the level debug every refused request has its line', async (t) => {
  const { ask, lines } = await openLogged(t, 'debug')
  const { traceId } = (await ask({ url: '/nope' })).json()
  t.match(
    lines.filter(({ msg }) => msg === 'request refused'),
    [{ level: 'debug', trace_id: traceId, problem: 'not-found', status: 404, detail: String }],
  )
})
