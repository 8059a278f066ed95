import { ProtobufMetricsSerializer } from '@opentelemetry/otlp-transformer'
import t from 'tap'
import { deltaSum, metricJson, openIntake, post } from './client.ts'

const METRICS = '/api/v2/otlpmetrics'

t.test(
  'it refuses with 503 and 429 and says when to come again, for as many requests as it is told',
  async (t) => {
    const intake = await openIntake(t)
    const send = () => post(intake.url + METRICS, metricJson('views', deltaSum({ asInt: 1 })))
    intake.misbehaving.order({ status: 503, headers: { 'retry-after': '2' } }, { times: 2 })
    intake.misbehaving.order(429, { times: 1 })
    const answers = [await send(), await send(), await send()]
    t.same(
      answers.map(({ status, headers }) => [status, headers.get('retry-after')]),
      [
        [503, '2'],
        [503, '2'],
        [429, null],
      ],
    )
    t.equal(intake.metrics.counters.received, 0)
    t.equal((await send()).status, 200)
    t.equal(intake.metrics.counters.stored, 1)
    t.same(intake.misbehaving.done, { 503: 2, 429: 1 })
    t.match(intake.refusals.list(), [
      { reason: 'told to refuse', status: 503, count: 2 },
      { reason: 'told to refuse', status: 429, count: 1 },
    ])
  },
)

t.test('it misbehaves for a time, for one signal, or until it is told to behave', async (t) => {
  const intake = await openIntake(t)
  const send = async (path: string) => (await post(intake.url + path, Buffer.alloc(0))).status
  intake.misbehaving.order(503, { signal: 'traces' })
  t.same([await send(METRICS), await send('/v1/traces')], [200, 503])
  intake.misbehaving.behave()
  t.equal(await send('/v1/traces'), 200)
  intake.misbehaving.order(503, { forMs: 50 })
  t.equal(await send(METRICS), 503)
  let status: number
  do status = await send(METRICS)
  while (status === 503)
  t.equal(status, 200)
})

t.test('it refuses for good', async (t) => {
  const intake = await openIntake(t)
  for (const status of [400, 413]) {
    intake.misbehaving.order(status, { times: 1 })
    t.equal((await post(intake.url + METRICS, Buffer.alloc(0))).status, status)
  }
})

t.test('it rejects a part, stores the rest and says how many', async (t) => {
  const intake = await openIntake(t)
  intake.misbehaving.order({ status: 200, rejected: { rejected: 2, message: 'odd ones' } }, { times: 1 })
  const points = deltaSum(
    { attributes: { page: 'a' }, asInt: 1 },
    { attributes: { page: 'b' }, asInt: 2 },
    { attributes: { page: 'c' }, asInt: 4 },
  )
  const answer = await post(intake.url + METRICS, metricJson('views', points))
  t.equal(answer.status, 200)
  t.same(JSON.parse(answer.text), {
    partialSuccess: { rejectedDataPoints: '2', errorMessage: 'odd ones' },
  })
  t.same(intake.metrics.sum({ metric: 'views' }), { '': 4 })
  t.match(intake.refusals.list(), [{ metric: 'views', reason: 'told to reject', count: 2 }])
  intake.misbehaving.order({ status: 200, rejected: { rejected: 1, message: 'odd ones' } }, { times: 1 })
  const response = await fetch(intake.url + METRICS, {
    method: 'POST',
    headers: { 'content-type': 'application/x-protobuf', 'dd-api-key': 'k' },
    body: Buffer.alloc(0),
  })
  t.match(ProtobufMetricsSerializer.deserializeResponse(await response.bytes()), {
    partialSuccess: { rejectedDataPoints: 1 },
  })
})

t.test('it resets the connection, with nothing taken or after taking all', async (t) => {
  const intake = await openIntake(t)
  const send = () => post(intake.url + METRICS, metricJson('views', deltaSum({ asInt: 1 })))
  const isReset = { cause: { code: /ECONNRESET|UND_ERR_SOCKET/ } }
  intake.misbehaving.order('reset', { times: 1 })
  await t.rejects(send(), isReset)
  t.equal(intake.metrics.counters.received, 0)
  intake.misbehaving.order('lost reply', { times: 1 })
  await t.rejects(send(), isReset)
  t.equal(intake.metrics.counters.stored, 1)
  t.equal((await send()).status, 200)
  t.match(intake.metrics.counters, { stored: 1, repeated: 1 }, 'the resent point is the same')
  t.same(intake.requests, { 200: 1, none: 2 })
})

t.test('it hangs until the sender gives up, and takes nothing', async (t) => {
  const intake = await openIntake(t)
  intake.misbehaving.order('no answer', { times: 1 })
  const giveUp = new AbortController()
  const hanging = fetch(intake.url + METRICS, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'dd-api-key': 'k' },
    body: metricJson('views', deltaSum({ asInt: 1 })),
    signal: giveUp.signal,
  })
  hanging.catch(() => {})
  while (intake.requests.none !== 1) await new Promise((resolve) => setTimeout(resolve, 5))
  t.equal(
    await Promise.race([hanging, new Promise((resolve) => setTimeout(resolve, 50, 'no answer'))]),
    'no answer',
  )
  giveUp.abort()
  await t.rejects(hanging)
  t.equal(intake.metrics.counters.received, 0)
})
