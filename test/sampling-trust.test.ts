import { type Test, test } from 'tap'
import { OtlpReceiver } from './support/otlp-receiver.ts'
import { startService } from './support/service.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const HEAVY = 'ot=th:ffffffffffffff,vendor=1'

/** The spans of one request whose caller says that it was sampled, with a weight of 2^56. */
async function spansOfHeavyCaller(t: Test, env: NodeJS.ProcessEnv) {
  const receiver = await OtlpReceiver.start(t)
  const service = await startService(t, {
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_TRACES_EXPORTER: 'otlp', ...env },
  })
  const headers = { traceparent: `00-${TRACE}-b7ad6b7169203331-01`, tracestate: HEAVY }
  await (await fetch(service.url, { headers })).body?.cancel()
  service.kill('SIGTERM')
  await service.exited
  return receiver.spans()
}

test("a stranger's sampling decision and weight do not count, its trace id does", async (t) => {
  const [span, ...others] = await spansOfHeavyCaller(t, { OTEL_TRACES_SAMPLER_ARG: '1' })
  t.strictSame(others, [])
  t.match(span, { traceId: TRACE, parentSpanId: 'b7ad6b7169203331' })
  t.equal(span?.traceState, 'ot=th:0,vendor=1')
  t.strictSame(
    await spansOfHeavyCaller(t, { OTEL_TRACES_SAMPLER_ARG: '0.0000001' }),
    [],
    'it cannot ask to be kept',
  )
})

test("a trusted peer's decision and weight are taken over", async (t) => {
  const env = { OTEL_TRACES_SAMPLER_ARG: '0.0000001', TRUST_PROXY: '127.0.0.0/8' }
  const [span] = await spansOfHeavyCaller(t, env)
  t.match(span, { traceId: TRACE, traceState: HEAVY })
})
