import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, createServer as createTcpServer, type Server } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { test } from 'tap'
import { startViewerBeside } from '../../packages/viewer/src/beside.ts'
import { findListener } from '../../packages/viewer/src/find-listener.ts'
import { PASSWORD, temporaryFolder } from '../support/harness.ts'
import { OtlpReceiver } from '../support/otlp-receiver.ts'
import { startService } from '../support/service.ts'
import { startCommand } from '../tools/run-command.ts'
import { exponential, lastMinute, metricsJson, openViewer, sum, ViewerClient } from './viewer-client.ts'
import { startViewer } from './viewer-process.ts'

const MIB = 1024 * 1024
const IN_A_BUCKET = 2 ** 40

test('overfilled from all sides it lets go of the oldest, says so, and stays within its memory', async (t) => {
  const { client, child, exited } = await startViewer(
    t,
    ['--memory', '16', '--minutes', '30'],
    ['--max-old-space-size=96'],
  )
  const second = lastMinute()
  let taken = 0
  const flood = async (path: string, body: object) => {
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(client.url + path, { method: 'POST', headers, body: JSON.stringify(body) })
    taken += response.status === 200 ? 1 : 0
    return response.json() as Promise<{
      partialSuccess?: { rejectedDataPoints?: string; errorMessage: string }
    }>
  }

  // Distributions with large counts in many buckets: 13 MB, where 8 MiB are for metrics.
  const bucketCounts = new Array(800).fill(IN_A_BUCKET)
  const wide = { count: 800 * IN_A_BUCKET, sum: 1, scale: 5, positive: { offset: -400, bucketCounts } }
  for (let minute = 20; minute > 0; minute -= 1)
    await flood(
      '/v1/metrics',
      metricsJson(
        [
          exponential(
            'wide',
            Array.from({ length: 90 }, (_, index) => ({
              ...wide,
              second: second - minute * 60 + (index % 60),
              attributes: { index: index % 9 },
            })),
          ),
        ],
        {},
      ),
    )
  const { metrics: full } = await client.status()
  t.ok(
    full.evicted > 0 && full.kept > 100 && full.kept + full.evicted === full.stored,
    `${full.evicted} of ${full.stored} points went`,
  )
  t.ok(full.bytes <= full.bytesMax && full.fullSince !== null)
  t.ok(full.oldest > (second - 20 * 60) * 1000 && full.newest === (second - 1) * 1000, 'the oldest went')
  const [newest] = await client.values('count:wide{*}', { from: (second - 60) * 1000, to: second * 1000 })
  t.equal(newest?.value, 90 * 800 * IN_A_BUCKET, 'the last minute is whole')

  // Series without end.
  let refused = 0
  for (let request = 0; request < 3; request += 1) {
    const points = Array.from({ length: 3000 }, (_, index) => ({
      second,
      asInt: '1',
      attributes: { id: `${request}-${index}-${'x'.repeat(100)}` },
    }))
    const { partialSuccess } = await flood('/v1/metrics', metricsJson([sum('many', points)], {}))
    refused += Number(partialSuccess?.rejectedDataPoints ?? 0)
  }
  // Spans and records: 9 MB of each, where 6 and 2 MiB are for them.
  const text = { key: 'text', value: { stringValue: 'y'.repeat(6000) } }
  for (let request = 0; request < 6; request += 1) {
    const time = String(BigInt(second + request) * 1_000_000_000n)
    const ids = Array.from({ length: 250 }, (_, index) => (request * 250 + index + 1).toString(16))
    const spans = ids.map((id) => ({
      traceId: id.padStart(32, '0'),
      spanId: id.padStart(16, '0'),
      name: id,
      startTimeUnixNano: time,
      endTimeUnixNano: time,
      attributes: [text],
    }))
    await flood('/v1/traces', { resourceSpans: [{ scopeSpans: [{ spans }] }] })
    await flood('/v1/logs', {
      resourceLogs: [
        {
          scopeLogs: [
            {
              logRecords: ids.map((id) => ({
                timeUnixNano: time,
                body: { stringValue: id },
                attributes: [text],
              })),
            },
          ],
        },
      ],
    })
  }
  t.equal(taken, 35, 'every request was answered with 200')

  const { metrics, traces, logs, memory, refusals } = await client.status()
  t.equal(
    metrics.received,
    metrics.stored + metrics.repeated + metrics.overwritten + metrics.added + metrics.bases + metrics.refused,
  )
  t.equal(metrics.refused, refused)
  t.match(refusals, [
    { signal: 'metrics', reason: /^no room in memory for another series$/, count: refused, example: 'many' },
  ])
  t.ok(metrics.series + refused === 9009 && metrics.series > 1000, `${metrics.series} series are kept`)
  for (const signal of [metrics, traces, logs])
    t.ok(signal.bytes <= signal.bytesMax && signal.evicted > 0, `${signal.bytes} of ${signal.bytesMax}`)
  t.ok(memory.usedBytes <= 16 * MIB)
  t.match(
    (await client.get('/api/traces?limit=1')).json.traces,
    [{ name: (1500).toString(16) }],
    'the newest is here',
  )
  t.match((await client.get('/api/logs?limit=1')).json.logs, [{ body: (1500).toString(16) }])
  t.equal((await client.get(`/api/traces/${'1'.padStart(32, '0')}`)).status, 404, 'and the oldest is not')

  // What is small and becomes large is refused before it is there.
  const bomb = gzipSync(Buffer.alloc(40 * MIB, ' '))
  const good = gzipSync(
    JSON.stringify(metricsJson([exponential('wide', [{ ...wide, second, attributes: { index: 0 } }])], {})),
  )
  const compressed = { 'content-type': 'application/json', 'content-encoding': 'gzip' }
  const statuses = await Promise.all(
    [bomb, good, bomb].map(async (body) => (await client.post('/v1/metrics', body, compressed)).status),
  )
  t.strictSame(statuses, [413, 200, 413])
  t.equal(child.exitCode, null)

  child.kill('SIGTERM')
  t.strictSame(await exited, [143, null], 'it ends at once when it is told to')
})

test('bodies of the largest size, many at once, do not make the process larger than it says', async (t) => {
  const { client } = await startViewer(t, ['--memory', '16'])
  const timeUnixNano = `${Date.now()}000000`
  const logRecords = new Array(100_000).fill({ timeUnixNano, body: { stringValue: 'x'.repeat(90) } })
  const body = Buffer.from(JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords }] }] }))
  t.ok(body.length > 14 * MIB && body.length < 16 * MIB, `${body.length} bytes`)
  let most = 0
  const send = async () => {
    for (let taken = 0; taken < 2; ) {
      const { status } = await client.post('/v1/logs', body, { 'content-type': 'application/json' })
      if (status === 200) taken += 1
      else t.equal(status, 503, 'who waited too long is told to send again')
      most = Math.max(most, (await client.status()).memory.rssBytes)
    }
  }
  await Promise.all(Array.from({ length: 8 }, send))
  const { memory, logs } = await client.status()
  t.ok(memory.usedBytes <= 16 * MIB && logs.received === 1_600_000, `${memory.usedBytes} bytes are kept`)
  t.ok(most < memory.rssMaxBytes, `${most / MIB} of ${memory.rssMaxBytes / MIB} MiB`)
})

test('who waits too long behind others that do not come to an end is told to send again', async (t) => {
  const { client } = await startViewer(t)
  const { port } = new URL(client.url)
  const head = 'POST /v1/logs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n'
  for (let index = 0; index < 4; index += 1) {
    const socket = connect(Number(port), '127.0.0.1')
    t.teardown(() => socket.destroy())
    socket.on('error', () => {})
    await once(socket, 'connect')
    socket.write(`${head}content-length: 1000\r\n\r\n{`)
  }
  const { status, headers, json } = await client.post('/v1/logs', { resourceLogs: [] })
  t.equal(status, 503)
  t.equal(headers.get('retry-after'), '5')
  t.match(json, { message: 'Too many requests at once; send it again.' })
  t.match((await client.status()).requests, { 503: 1 })
})

test('what the service did is what the viewer shows', async (t) => {
  const { client } = await startViewer(t, [])
  const service = await startService(t, {
    env: {
      OTEL_METRICS_EXPORTER: 'otlp',
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_LOGS_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_ENDPOINT: client.url,
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
      OTEL_METRIC_EXPORT_INTERVAL: '1000',
      OTEL_TRACES_SAMPLER_ARG: '1',
      SLOW_REQUEST_MS: '1',
    },
  })
  const ask = async (path: string, times: number) => {
    for (let index = 0; index < times; index += 1) await (await fetch(service.url + path)).arrayBuffer()
  }
  await ask('/', 40)
  await ask('/v1/community', 25)
  const signUp = { name: 'Ada', email: 'ada@example.com', password: 'correct horse battery staple' }
  await fetch(`${service.url}/v1/users`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(signUp),
  })
  await ask('/nowhere', 5)
  service.kill('SIGTERM')
  t.strictSame(await service.exited, [0, null])

  const window = { seconds: 600 }
  const byTag = async (q: string) =>
    Object.fromEntries(
      (await client.values(q, window)).map(({ tags, value }) => [Object.values(tags).join(' '), value]),
    )
  t.strictSame(await byTag('sum:web.page_views{*} by {page}'), { home: 40, community: 25, signup: 1 })
  t.strictSame(await byTag('sum:web.page_views_total{*}'), { '': 66 })
  t.strictSame(
    await byTag('count:http.server.request.duration{*} by {http.route,http.response.status_code}'),
    {
      '/ 200': 40,
      '/v1/community 401': 25,
      '/v1/users 201': 1,
      'N/A 404': 5,
    },
  )
  const [signedUp] = (await client.get('/api/traces?name=POST')).json.traces
  t.match(signedUp, { name: 'POST /v1/users', route: '/v1/users', httpStatus: 201, service: 'rollcall' })
  const { json } = await client.get(`/api/traces/${signedUp.traceId}`)
  t.match(json.spans[0], { kind: 'server', depth: 0 })
  t.ok(
    json.spans.length > 1 &&
      json.spans
        .slice(1)
        .every(({ depth, kind }: { depth: number; kind: string }) => depth === 1 && kind === 'client'),
  )
  t.match(json.logs, [{ level: 'warn', service: 'rollcall', traceId: signedUp.traceId, hasTrace: true }])
  const { metrics, traces, senders, refusals } = await client.status()
  t.match(metrics, { overwritten: 0, refused: 0 })
  t.equal(traces.traces, 71, 'every request has its trace')
  t.strictSame(refusals, [])
  t.match(senders, [{ service: 'rollcall', sdk: /^opentelemetry nodejs / }])
})

test('a port that is taken and a setting that is wrong are said in a sentence', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  t.teardown(() => other.close())
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  const run = (args: string[], env = {}) => startCommand('viewer', args, env).ended
  const [taken, variable] = await Promise.all([
    run(['--port', String(port)]),
    run([], { VIEWER_MINUTES: 'many' }),
  ])
  t.match(taken, {
    code: 1,
    stderr: `Port ${port} on 127.0.0.1 is taken; end the program there, or give --port (or VIEWER_PORT) another one (0 takes a free one).\n`,
  })
  t.match(variable, {
    code: 1,
    stderr: 'VIEWER_MINUTES is "many"; set it to a whole number from 1 to 1440.\n',
  })
})

test('a service without a receiver brings a viewer up beside itself, which ends after the last export', async (t) => {
  const env = {
    OTEL_METRICS_EXPORTER: 'otlp',
    OTEL_TRACES_EXPORTER: 'otlp',
    OTEL_LOGS_EXPORTER: 'otlp',
    VIEWER_PORT: '0',
  }
  const telemetry = temporaryFolder(t)
  const service = await startService(t, {
    env: { ...env, TELEMETRY_DIR: telemetry, OTEL_BSP_SCHEDULE_DELAY: '100' },
  })
  const printed = () => /Viewer +(http:.*)/.exec(service.errors())?.[1]
  while (printed() === undefined) await delay(5)
  const client = new ViewerClient(printed() as string)
  const isGone = async (client: ViewerClient) => {
    while (
      await client.get('/api/status').then(
        () => true,
        () => false,
      )
    )
      await delay(20)
    return true
  }
  for (let index = 0; index < 10; index += 1) await (await fetch(`${service.url}/`)).arrayBuffer()
  while ((await client.status()).traces.traces < 10) await delay(50)
  t.pass('all traces are sampled')
  service.kill('SIGTERM')
  t.strictSame(await service.exited, [0, null])
  t.ok(await isGone(client))
  t.strictSame(
    service.lines.filter(({ msg }) => /not (all )?sent/.test(msg)),
    [],
    'the last export arrived',
  )

  // Killed, with no time to say anything.
  const program = `import { startViewerBeside } from ${JSON.stringify(new URL('../../packages/viewer/src/beside.ts', import.meta.url))}
    setInterval(() => {}, 1000)
    console.log((await startViewerBeside({ VIEWER_PORT: '0' })).url)`
  const killed = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH, VIEWER_PORT: '0' },
  })
  const [address] = await once(killed.stdout, 'data')
  const orphan = new ViewerClient(String(address).trim())
  t.match(await orphan.status(), { name: 'rollcall viewer' })
  killed.kill('SIGKILL')
  t.ok(await isGone(orphan), 'it does not outlive whoever started it')
})

for (const workers of [1, 2])
  test(`a page links to its trace in the viewer beside, with WORKERS=${workers}`, async (t) => {
    const env = { OTEL_TRACES_EXPORTER: 'otlp', VIEWER_PORT: '0', OTEL_BSP_SCHEDULE_DELAY: '100' }
    const service = await startService(t, { env, workers })
    const form = new URLSearchParams({ name: 'Ada', email: 'ada@example.com', password: PASSWORD })
    const signedUp = await fetch(`${service.url}/app/sign-up`, {
      method: 'POST',
      headers: { 'sec-fetch-site': 'same-origin' },
      body: form,
      redirect: 'manual',
    })
    const cookie = signedUp.headers
      .getSetCookie()
      .map((field) => field.split(';', 1)[0])
      .join('; ')
    const page = await (await fetch(`${service.url}/app`, { headers: { cookie } })).text()
    const link = /<footer.+ <a href="([^"]+)">/.exec(page)?.[1]
    const [, viewer, traceId] = /^(http:.+)\/traces\?trace&#61;([0-9a-f]{32})$/.exec(link ?? '') ?? []
    const client = new ViewerClient(viewer as string)
    const find = () => client.get(`/api/traces/${traceId}`)
    let found = await find()
    while (found.status !== 200) {
      await delay(20)
      found = await find()
    }
    t.match(found.json, { trace: { name: 'GET /app' } })
  })

test('a viewer that fails is started again at its place; one that is ended, or fails again at once, is not', async (t) => {
  const program = `import { startViewerBeside } from ${JSON.stringify(new URL('../../packages/viewer/src/beside.ts', import.meta.url))}
    setInterval(() => {}, 1000)
    console.log((await startViewerBeside({ VIEWER_PORT: '0' })).url)`
  const openBeside = async () => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH },
    })
    t.teardown(() => child.kill('SIGKILL'))
    let said = ''
    child.stderr.on('data', (chunk) => {
      said += chunk
    })
    const [address] = await once(child.stdout, 'data')
    const client = new ViewerClient(String(address).trim())
    const status = () => client.status().catch(() => undefined)
    return {
      status,
      async saying(pattern: RegExp) {
        while (!pattern.test(said)) await delay(20)
        return said
      },
      pid: async () => {
        for (;;) {
          const { pid } = (await status()) ?? {}
          if (pid !== undefined) return Number(pid)
          await delay(20)
        }
      },
    }
  }
  const failing = await openBeside()
  const first = await failing.pid()
  process.kill(first, 'SIGKILL')
  await failing.saying(/The viewer failed \(SIGKILL\) and is started again; it begins empty\.\n/)
  const second = await failing.pid()
  t.not(second, first)
  process.kill(second, 'SIGKILL')
  await failing.saying(/The viewer failed \(SIGKILL\)\. Telemetry waits on disk until "npm run viewer"/)
  t.equal(await failing.status(), undefined)

  const ending = await openBeside()
  process.kill(await ending.pid(), 'SIGTERM')
  t.notMatch(await ending.saying(/The viewer has ended\./), 'again')
})

test('a service that finds a viewer sends all traces to it, and often; a Collector gets one in ten', async (t) => {
  const viewer = await openViewer(t)
  const collector = await OtlpReceiver.start(t)
  const start = (url: string) =>
    startService(t, {
      env: {
        OTEL_METRICS_EXPORTER: 'otlp',
        OTEL_TRACES_EXPORTER: 'otlp',
        OTEL_BSP_SCHEDULE_DELAY: '100',
        VIEWER_PORT: new URL(url).port,
      },
    })
  const [beside, before] = [await start(viewer.url), await start(collector.url)]
  const printed = async ({ errors }: typeof beside, line: RegExp) => {
    while (!line.test(errors())) await delay(5)
    return errors()
  }
  t.match(await printed(beside, /Visitors/), `Viewer     ${viewer.url} (it was there already)\n`)
  t.match(
    await printed(before, /Telemetry/),
    `Telemetry  ${collector.url}/v1/metrics (a receiver was there already)\n`,
  )
  for (const { url } of [beside, before])
    for (let index = 0; index < 100; index += 1) await (await fetch(`${url}/`)).arrayBuffer()
  while ((await viewer.status()).traces.traces < 100) await delay(20)
  before.kill('SIGTERM')
  await before.exited
  const sampled = collector.spans().length
  t.ok(sampled < 60, `${sampled} of 100 are sampled for the Collector`)
})

test('no viewer is started where telemetry goes elsewhere', async (t) => {
  const free = { VIEWER_PORT: '0' }
  t.equal(
    await startViewerBeside({ ...free, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }),
    undefined,
  )
  t.equal(
    await startViewerBeside({ ...free, OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: 'http://collector:4318/v1/logs' }),
    undefined,
  )
  t.equal(await startViewerBeside({ ...free, OTEL_SDK_DISABLED: 'TRUE' }), undefined)
  const elsewhere = {
    OTEL_METRICS_EXPORTER: 'console',
    OTEL_TRACES_EXPORTER: 'none',
    OTEL_LOGS_EXPORTER: 'none',
  }
  t.equal(await startViewerBeside({ ...free, ...elsewhere }), undefined)
})

test('what listens at the port is told apart', async (t) => {
  const listen = async (server: Server) => {
    server.listen(0, '127.0.0.1')
    t.teardown(() => server.close())
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  }
  const page = (status: number, contentType: string, body = '{}') =>
    listen(
      createServer((_, response) => {
        response.writeHead(status, { 'content-type': contentType }).end(body)
      }),
    )
  const kindAt = async (port: number) => (await findListener('127.0.0.1', port))?.kind
  const { port } = new URL((await openViewer(t)).url)
  t.equal(await kindAt(Number(port)), 'viewer')
  t.equal(await kindAt(Number(new URL((await OtlpReceiver.start(t)).url).port)), 'receiver')
  t.equal(await kindAt(await page(503, 'text/plain')), 'receiver', 'a Collector may be full')
  t.equal(await kindAt(await page(404, 'application/json')), 'other')
  t.equal(await kindAt(await page(200, 'text/html')), 'other', 'a server of pages answers everything')
  t.equal(await kindAt(await page(200, 'application/json', 'null')), 'receiver')
  t.equal(
    await kindAt(await listen(createTcpServer((socket) => socket.on('error', () => {}).end('-ERR no\r\n')))),
    'other',
  )
  t.equal(await kindAt(0), undefined)
  const closed = createServer()
  const free = await listen(closed)
  closed.close()
  await once(closed, 'close')
  t.equal(await kindAt(free), undefined)
})

test('where something else has the port, the viewer takes another one, and it is said', async (t) => {
  const taken = createServer((_, response) => response.writeHead(404).end()).listen(0, '127.0.0.1')
  t.teardown(() => taken.close())
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  const service = await startService(t, {
    env: { OTEL_METRICS_EXPORTER: 'otlp', VIEWER_PORT: String(port) },
  })
  while (!service.errors().includes('Visitors')) await delay(5)
  t.match(
    service.errors(),
    `  Port ${port} on 127.0.0.1 is taken by a program that takes no telemetry: the viewer gets another one.\n`,
  )
  const client = new ViewerClient(/Viewer +(http:\S+)\n/.exec(service.errors())?.[1] as string)
  while ((await client.status()).metrics.stored === 0) await delay(50)
  t.pass('and is sent to')
})
