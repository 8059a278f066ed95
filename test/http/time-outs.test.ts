import { connect } from 'node:net'
import { test } from 'tap'
import { startService } from '../support/service.ts'

/** What comes back for bytes that are sent in pieces; the connection stays open until the server ends it. */
async function sendBytes(url: string, ...pieces: string[]): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.setEncoding('utf8')
  let answer = ''
  // Whatever was answered before a reset counts.
  socket.on('error', () => {})
  socket.on('data', (chunk) => {
    answer += chunk
  })
  for (const piece of pieces) socket.write(piece)
  await new Promise((resolve) => socket.once('close', resolve))
  return answer
}

function problemOf(answer: string): { status: number; type: string; traceId: string } {
  const [head, body] = answer.split('\r\n\r\n', 2) as [string, string]
  if (!/content-type: application\/problem\+json/i.test(head)) throw new Error(`no problem: ${answer}`)
  return JSON.parse(body)
}

test('slow, oversized and unparsable requests are answered in the one shape, and logged', async (t) => {
  const service = await startService(t, {
    env: { REQUEST_TIMEOUT_MS: '300', HEADERS_TIMEOUT_MS: '200', LOG_LEVEL: 'debug' },
  })
  const head = 'Host: rollcall\r\nContent-Type: application/json\r\n'
  const cases: Array<[string, number, string, string[]]> = [
    ['header fields that never end', 408, '/problems/request-timeout', ['GET / HTTP/1.1\r\nHost: x\r\n']],
    [
      'a body that never ends',
      408,
      '/problems/request-timeout',
      [`POST /v1/users HTTP/1.1\r\n${head}Content-Length: 100\r\n\r\n{`],
    ],
    [
      'too many header fields',
      431,
      '/problems/headers-too-large',
      [`GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`],
    ],
    ['no HTTP', 400, '/problems/malformed-request', ['HELLO\r\n\r\n']],
    ['an unknown method', 400, '/problems/malformed-request', ['FROB / HTTP/1.1\r\nHost: x\r\n\r\n']],
    [
      'two lengths',
      400,
      '/problems/malformed-request',
      [`POST /v1/users HTTP/1.1\r\n${head}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`],
    ],
    [
      'a length and chunks',
      400,
      '/problems/malformed-request',
      [`POST /v1/users HTTP/1.1\r\n${head}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ],
    [
      'a body of 1 MB',
      413,
      '/problems/body-too-large',
      [`POST /v1/users HTTP/1.1\r\n${head}Content-Length: 1000000\r\n\r\n{`],
    ],
    [
      'chunks without end',
      413,
      '/problems/body-too-large',
      [
        `POST /v1/users HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\n5000\r\n${'x'.repeat(0x5000)}\r\n`,
      ],
    ],
  ]
  const traceIds: string[] = []
  for (const [name, status, type, pieces] of cases) {
    const problem = problemOf(await sendBytes(service.url, ...pieces))
    t.match(problem, { status, type, traceId: /^[0-9a-f]{32}$/ }, name)
    traceIds.push(problem.traceId)
  }
  service.kill('SIGTERM')
  await service.exited
  for (const [index, id] of traceIds.entries())
    t.equal(
      service.lines.filter((line) => line.trace_id === id && line.problem !== undefined).length,
      1,
      String(cases[index]?.[0]),
    )
})

test('a connection without a request is closed in the end', async (t) => {
  const service = await startService(t, { env: { REQUEST_TIMEOUT_MS: '300', HEADERS_TIMEOUT_MS: '200' } })
  t.equal(problemOf(await sendBytes(service.url)).status, 408)
})

test('what Node would refuse by itself is refused in the one shape', async (t) => {
  const service = await startService(t)
  const cases: Array<[string, number, string]> = [
    ['GET / HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'no Host'],
    ['CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n', 405, 'a tunnel'],
  ]
  for (const [bytes, status, name] of cases)
    t.equal(problemOf(await sendBytes(service.url, bytes)).status, status, name)
  const expecting = 'GET / HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\nConnection: close\r\n\r\n'
  t.match(await sendBytes(service.url, expecting), /^HTTP\/1\.1 200 OK/, 'an expectation may be ignored')
  const whole = 'GET http://evil.example/nope?a=b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
  t.match(problemOf(await sendBytes(service.url, whole)), { status: 404, instance: '/nope' })
  const pipelined = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nRUBBISH\r\n\r\n'
  t.match(await sendBytes(service.url, pipelined), /^HTTP\/1\.1 200 OK/, 'rubbish behind a good request')
})
