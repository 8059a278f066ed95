import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { deflateSync, gzipSync } from 'node:zlib'
import {
  JsonLogsSerializer,
  JsonMetricsSerializer,
  JsonTraceSerializer,
  ProtobufLogsSerializer,
  ProtobufMetricsSerializer,
  ProtobufTraceSerializer,
} from '@opentelemetry/otlp-transformer'
import t, { type Test } from 'tap'
import { exportResponse, failureResponse } from '../../packages/otlp/src/export-response.ts'
import { DEFAULT_LIMITS } from '../../packages/otlp/src/limits.ts'
import { OtlpError } from '../../packages/otlp/src/otlp-error.ts'
import { encodingOf, readRequestBody } from '../../packages/otlp/src/request-body.ts'

const LIMITS = { ...DEFAULT_LIMITS, maxBodyBytes: 1000, maxDecodedBytes: 2000 }

/** A server that answers with the size of the decoded body, or with the status and message of the refusal. */
async function listen(t: Test): Promise<number> {
  const server = createServer(async (request, response) => {
    try {
      encodingOf(request.headers)
      const { sent, decoded } = await readRequestBody(request, request.headers, LIMITS)
      response.end(`${sent.length} ${decoded.length}`)
    } catch (error) {
      const { status, message } = error as OtlpError
      response.writeHead(error instanceof OtlpError ? status : 500, { connection: 'close' }).end(message)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

t.test('bodies are read, decompressed and held to their limits', async (t) => {
  const port = await listen(t)
  async function post(body: Buffer<ArrayBuffer>, headers: Record<string, string> = {}) {
    const response = await fetch(`http://127.0.0.1:${port}`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-protobuf', ...headers },
      body,
    })
    return [response.status, await response.text()] as const
  }
  const body = Buffer.alloc(900, 'abc')
  const gzip = { 'content-encoding': 'gzip' }
  t.same(await post(body), [200, '900 900'])
  t.same(await post(body, { 'content-type': 'application/json; charset=utf-8' }), [200, '900 900'])
  t.match(await post(gzipSync(body), gzip), [200, / 900$/])
  t.match(await post(deflateSync(body), { 'content-encoding': 'deflate' }), [200, / 900$/])
  t.match(await post(Buffer.alloc(1001)), [413, /larger than 1000 bytes/])
  t.match(await post(gzipSync(Buffer.alloc(1_000_000))), [413, /1000 bytes/])
  t.match(await post(gzipSync(Buffer.alloc(500_000)), gzip), [413, /2000 bytes after decompression/])
  t.match(await post(body, gzip), [400, /cannot be decompressed/])
  t.match(await post(gzipSync(body).subarray(0, 20), gzip), [400, /cannot be decompressed/])
  t.match(await post(body, { 'content-encoding': 'br' }), [415, /gzip, deflate or none/])
  t.match(await post(body, { 'content-type': 'text/plain' }), [
    415,
    /application\/x-protobuf or application\/json/,
  ])
})

t.test('a body of unknown length is refused as soon as it is too long', async (t) => {
  const port = await listen(t)
  const socket = connect(port, '127.0.0.1')
  const reply = new Promise<string>((resolve) => socket.setEncoding('utf8').once('data', resolve))
  socket.on('error', () => {})
  socket.write(
    'POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n',
  )
  // The last chunk never comes.
  socket.write(`400\r\n${'x'.repeat(1024)}\r\n`)
  t.match(await reply, /^HTTP\/1\.1 413 /)
  socket.destroy()
})

t.test('replies are understood by the exporters', async (t) => {
  const rejected = { rejected: 300, message: 'too old – délai' }
  const { body: metrics } = exportResponse('metrics', 'protobuf', rejected)
  t.same(ProtobufMetricsSerializer.deserializeResponse(metrics), {
    partialSuccess: { rejectedDataPoints: 300, errorMessage: rejected.message },
  })
  const { body: spans } = exportResponse('traces', 'protobuf', rejected)
  t.match(ProtobufTraceSerializer.deserializeResponse(spans), { partialSuccess: { rejectedSpans: 300 } })
  const { body: logs } = exportResponse('logs', 'protobuf', rejected)
  t.match(ProtobufLogsSerializer.deserializeResponse(logs), { partialSuccess: { rejectedLogRecords: 300 } })
  const fromJson = [
    JsonMetricsSerializer.deserializeResponse(exportResponse('metrics', 'json', rejected).body),
    JsonTraceSerializer.deserializeResponse(exportResponse('traces', 'json', rejected).body),
    JsonLogsSerializer.deserializeResponse(exportResponse('logs', 'json', rejected).body),
  ]
  t.match(fromJson, [
    { partialSuccess: { rejectedDataPoints: '300', errorMessage: rejected.message } },
    { partialSuccess: { rejectedSpans: '300' } },
    { partialSuccess: { rejectedLogRecords: '300' } },
  ])
  t.same(exportResponse('logs', 'protobuf'), { contentType: 'application/x-protobuf', body: Buffer.alloc(0) })
  t.same(exportResponse('logs', 'json').body.toString(), '{}')
  t.same(failureResponse('json', 'no').body.toString(), '{"message":"no"}')
  t.same(failureResponse('protobuf', 'no').body, Buffer.from([0x12, 2, 0x6e, 0x6f]))
})
