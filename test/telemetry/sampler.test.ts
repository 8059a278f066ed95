import { randomBytes } from 'node:crypto'
import { ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api'
import { TraceState } from '@opentelemetry/core'
import { SamplingDecision } from '@opentelemetry/sdk-trace'
import t from 'tap'
import { Environment } from '../../packages/durable-otlp-exporter/src/environment.ts'
import { ConsistentRatioSampler, chooseSampler } from '../../src/telemetry/sampler.ts'

function sample(
  sampler: ReturnType<typeof chooseSampler>,
  traceId: string,
  parent?: { state?: string; sampled?: boolean },
) {
  const context = parent
    ? trace.setSpanContext(ROOT_CONTEXT, {
        traceId,
        spanId: 'b7ad6b7169203331',
        traceFlags: parent.sampled ? 1 : 0,
        isRemote: true,
        ...(parent.state !== undefined && { traceState: new TraceState(parent.state) }),
      })
    : ROOT_CONTEXT
  const { decision, traceState } = sampler.shouldSample(context, traceId, 'GET /', SpanKind.SERVER, {}, [])
  return { kept: decision === SamplingDecision.RECORD_AND_SAMPLED, state: traceState?.serialize() }
}

function choose(env: NodeJS.ProcessEnv, warnings: string[] = []) {
  return chooseSampler(new Environment(env, (message) => warnings.push(message)))
}

const traceId = (last: string) => `00000000000000001${'0'.repeat(15 - last.length)}${last}`

t.test('the threshold in tracestate is the rejected part of 2^56, without trailing zeros', async (t) => {
  const last = 'ffffffffffffff'
  for (const [probability, threshold] of [
    [1, '0'],
    [0.5, '8'],
    [0.25, 'c'],
    [0.1, 'e6666666666666'],
    [0.01, 'fd70a3d70a3d71'],
    [2 ** -56, 'ffffffffffffff'],
  ] as const)
    t.equal(sample(new ConsistentRatioSampler(probability), traceId(last)).state, `ot=th:${threshold}`)
})

t.test('a trace is kept when its last seven bytes reach the threshold', async (t) => {
  const tenth = new ConsistentRatioSampler(0.1)
  t.same(sample(tenth, traceId('e6666666666666')), { kept: true, state: 'ot=th:e6666666666666' })
  t.same(sample(tenth, traceId('e6666666666665')), { kept: false, state: '' })
  t.equal(sample(new ConsistentRatioSampler(1), traceId('00000000000000')).kept, true)
})

t.test('explicit randomness decides instead, and other members of tracestate are kept', async (t) => {
  const half = new ConsistentRatioSampler(0.5)
  const low = traceId('00000000000001')
  t.same(sample(half, low, { state: 'a=1,ot=rv:80000000000000;x:y,b=2' }), {
    kept: true,
    state: 'ot=th:8;rv:80000000000000;x:y,a=1,b=2',
  })
  t.same(sample(half, low, { state: 'a=1,ot=th:4;rv:7fffffffffffff' }), {
    kept: false,
    state: 'ot=rv:7fffffffffffff,a=1',
  })
  t.same(sample(half, traceId('ffffffffffffff'), { state: 'ot=th:zz;rv:short' }), {
    kept: true,
    state: 'ot=th:8',
  })
})

t.test('a tenth of many traces is kept', async (t) => {
  const tenth = choose({})
  const traces = 40_000
  let kept = 0
  for (let n = 0; n < traces; n++) if (sample(tenth, randomBytes(16).toString('hex')).kept) kept += 1
  // Six standard deviations of a binomial: fails once in 500 million runs.
  t.ok(Math.abs(kept - traces / 10) < 6 * Math.sqrt(traces * 0.1 * 0.9), `${kept} of ${traces}`)
})

t.test("by default a caller's decision and threshold are kept", async (t) => {
  const sampler = choose({})
  const low = traceId('00000000000001')
  t.same(sample(sampler, low, { sampled: true, state: 'ot=th:c' }), { kept: true, state: undefined })
  t.same(sample(sampler, traceId('ffffffffffffff'), { sampled: false, state: 'ot=th:c' }).kept, false)
})

t.test('OTEL_TRACES_SAMPLER and its argument', async (t) => {
  const high = traceId('f0000000000000')
  const low = traceId('00000000000001')
  t.same(sample(choose({}), high), { kept: true, state: 'ot=th:e6666666666666' })
  t.same(sample(choose({ OTEL_TRACES_SAMPLER_ARG: '0.5' }), high), { kept: true, state: 'ot=th:8' })
  t.same(sample(choose({ OTEL_TRACES_SAMPLER: 'always_on' }), low), { kept: true, state: 'ot=th:0' })
  t.equal(sample(choose({ OTEL_TRACES_SAMPLER: 'always_off' }), high).kept, false)
  t.equal(sample(choose({ OTEL_TRACES_SAMPLER_ARG: '0' }), traceId('ffffffffffffff')).kept, false)
  t.same(
    sample(choose({ OTEL_TRACES_SAMPLER: 'traceidratio' }), low),
    { kept: true, state: 'ot=th:0' },
    'unset is 1',
  )
  t.equal(
    sample(choose({ OTEL_TRACES_SAMPLER: 'parentbased_always_on' }), low, { sampled: false }).kept,
    false,
  )
  t.equal(
    sample(choose({ OTEL_TRACES_SAMPLER: 'parentbased_always_off' }), low, { sampled: true }).kept,
    true,
  )
  t.equal(sample(choose({ OTEL_TRACES_SAMPLER: 'parentbased_always_off' }), high).kept, false)

  const warnings: string[] = []
  t.equal(sample(choose({ OTEL_TRACES_SAMPLER_ARG: '7' }, warnings), high).state, 'ot=th:e6666666666666')
  t.equal(sample(choose({ OTEL_TRACES_SAMPLER: 'xray' }, warnings), low).kept, true)
  t.same(warnings, [
    'OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1; using 0.1 instead.',
    'OTEL_TRACES_SAMPLER must be one of always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off, parentbased_traceidratio; using parentbased_traceidratio instead.',
  ])
})
