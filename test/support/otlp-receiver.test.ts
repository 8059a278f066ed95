import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { JsonTraceSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer'
import { type Test, test } from 'tap'
import { collectSpans } from '../otlp/sdk-data.ts'
import { OtlpReceiver } from './otlp-receiver.ts'

const JSON_TYPE = { 'content-type': 'application/json' }
const PROTOBUF_TYPE = { 'content-type': 'application/x-protobuf' }
const SPANS = collectSpans(3)
const TEXT = Buffer.from(JsonTraceSerializer.serializeRequest(SPANS) as Uint8Array)
const BYTES = Buffer.from(ProtobufTraceSerializer.serializeRequest(SPANS) as Uint8Array)

function post(receiver: OtlpReceiver, headers: Record<string, string>, body: Buffer) {
  return fetch(`${receiver.url}/v1/traces`, { method: 'POST', headers, body: body as Buffer<ArrayBuffer> })
}

test('it reads JSON and protobuf, compressed or not, and keeps the same', async (t) => {
  const receiver = await OtlpReceiver.start(t, { foreign: ['traces'] })
  const gzip = { 'content-encoding': 'gzip' }
  for (const [type, body] of [
    [JSON_TYPE, TEXT],
    [PROTOBUF_TYPE, BYTES],
  ] as const) {
    t.equal((await post(receiver, type, body)).status, 200)
    t.equal((await post(receiver, { ...type, ...gzip }, gzipSync(body))).status, 200)
  }
  const spans = receiver.spans()
  t.equal(spans.length, 12)
  for (let at = 3; at < 12; at += 3) t.same(spans.slice(at, at + 3), spans.slice(0, 3))
  t.match(spans[2], { name: 'root', traceId: SPANS[0]?.spanContext().traceId, parentSpanId: undefined })
})

test('it answers as it is told', async (t) => {
  const receiver = await OtlpReceiver.start(t, { foreign: ['traces'] })
  const kept = () => receiver.spans().length
  const send = (signal?: AbortSignal) =>
    fetch(`${receiver.url}/v1/traces`, {
      method: 'POST',
      headers: JSON_TYPE,
      body: TEXT as Buffer<ArrayBuffer>,
      ...(signal && { signal }),
    })
  const isReset = { cause: { code: /ECONNRESET|UND_ERR_SOCKET/ } }

  receiver.answerWith(503, { status: 429, headers: { 'retry-after': '7' }, body: { message: 'later' } })
  t.equal((await send()).status, 503)
  const refused = await send()
  t.strictSame([refused.status, refused.headers.get('retry-after')], [429, '7'])
  t.strictSame(await refused.json(), { message: 'later' })
  receiver.answerWith('reset')
  await t.rejects(send(), isReset)
  receiver.answerWith('no answer')
  const leaving = new AbortController()
  const waiting = send(leaving.signal)
  waiting.catch(() => {})
  while (receiver.requests.length < 4) await sleep(2)
  leaving.abort()
  await t.rejects(waiting)
  t.equal(kept(), 0, 'nothing of that is kept')

  receiver.answerWith('lost reply')
  await t.rejects(send(), isReset)
  t.equal(kept(), 3, 'it was kept, and the sender cannot know')
  receiver.answerWith({ status: 200, rejected: { rejected: 2, message: 'odd ones' } })
  t.strictSame(await (await send()).json(), {
    partialSuccess: { rejectedSpans: '2', errorMessage: 'odd ones' },
  })
  let answer: (status: number) => void = () => {}
  receiver.answerEach(() => new Promise((resolve) => (answer = resolve)))
  const late = send()
  t.equal(await Promise.race([late, sleep(30, 'no answer yet')]), 'no answer yet')
  answer(202)
  t.equal((await late).status, 202)
  receiver.answerEach(undefined)
  t.equal((await send()).status, 200)
})

test('a request that cannot be read fails the test that sent it', async (t) => {
  for (const [type, body] of [
    [JSON_TYPE, Buffer.from('{"resourceSpans":7}')],
    [
      JSON_TYPE,
      Buffer.from('{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"not hexadecimal"}]}]}]}'),
    ],
    [PROTOBUF_TYPE, BYTES.subarray(0, -1)],
  ] as const) {
    const teardowns: (() => unknown)[] = []
    const later = { teardown: (end: () => unknown) => void teardowns.push(end) } as unknown as Test
    const receiver = await OtlpReceiver.start(later, { foreign: ['traces'] })
    await post(receiver, type, body)
    await t.rejects(
      Promise.all(teardowns.map((end) => end())),
      { message: /^a request of traces cannot be read: / },
      body.toString('latin1', 0, 40),
    )
  }
})
