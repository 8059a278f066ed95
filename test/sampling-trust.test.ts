import { type Test, test } from 'tap'
import { OtlpReceiver } from './support/otlp-receiver.ts'
import { startService } from './support/service.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const CALLER = 'b7ad6b7169203331'
/** A caller that says that it was sampled, with a weight of 2^56. */
const HEAVY = { traceparent: `00-${TRACE}-${CALLER}-01`, tracestate: 'ot=th:ffffffffffffff,vendor=1' }

/** The spans of a service that was asked for its home page with each of these header fields. */
async function spansOf(t: Test, env: NodeJS.ProcessEnv, requests: Record<string, string>[]) {
  const receiver = await OtlpReceiver.start(t)
  const service = await startService(t, {
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_TRACES_EXPORTER: 'otlp', ...env },
  })
  for (const headers of requests) await (await fetch(service.url, { headers })).body?.cancel()
  service.kill('SIGTERM')
  await service.exited
  return receiver.spans()
}

test("a stranger's trace is not continued: one of our own links to it", async (t) => {
  const env = { OTEL_TRACES_SAMPLER_ARG: '1' }
  const requests = [HEAVY, {}, { traceparent: '00-nonsense' }]
  const [heavy, ...others] = await spansOf(t, env, requests)
  t.match(heavy, { parentSpanId: undefined, traceState: 'ot=th:0' })
  t.not(heavy?.traceId, TRACE)
  t.strictSame(heavy?.links, [{ traceId: TRACE, spanId: CALLER, traceState: undefined, attributes: {} }])
  t.strictSame(
    others.map(({ links }) => links),
    [[], []],
    'where there is nothing to link to, there is no link',
  )
})

test('a stranger cannot have its requests kept, by its flags or by a trace id that ends in ff', async (t) => {
  const highest = Array.from({ length: 100 }, (_, n) => ({
    traceparent: `00-${String(n + 1).padStart(18, '0')}ffffffffffffff-${CALLER}-01`,
  }))
  t.strictSame(await spansOf(t, { OTEL_TRACES_SAMPLER_ARG: '0.0000001' }, [HEAVY, ...highest]), [])
})

test("a trusted peer's trace is continued, with its decision and weight", async (t) => {
  const env = { OTEL_TRACES_SAMPLER_ARG: '0.0000001', TRUST_PROXY: '127.0.0.0/8' }
  const [span, ...others] = await spansOf(t, env, [HEAVY])
  t.match(span, { traceId: TRACE, parentSpanId: CALLER, traceState: HEAVY.tracestate })
  t.strictSame(span?.links, [])
  t.strictSame(others, [])
})
