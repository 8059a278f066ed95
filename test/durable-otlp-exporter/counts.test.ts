import fc from 'fast-check'
import { test } from 'tap'
import { temporaryFolder } from '../support/harness.ts'
import { type Answer, OtlpReceiver } from '../support/otlp-receiver.ts'
import { imbalance, openExporting } from './exporting.ts'

const answer: fc.Arbitrary<Answer> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Answer>(200) },
  fc.constantFrom<Answer>(
    503,
    500,
    400,
    413,
    'reset',
    'lost reply',
    'no answer',
    { status: 429, headers: { 'retry-after': '0' } },
    { status: 200, rejected: { rejected: 1, message: '' } },
  ),
)

const life = fc.record({
  answers: fc.array(answer, { maxLength: 40 }),
  afterwards: fc.constantFrom<Answer>(200, 503, 400, 413, 'reset'),
  work: fc.array(fc.nat({ max: 12 }), { maxLength: 25 }),
  waitingMax: fc.integer({ min: 1, max: 3 }),
  maxRequestBytes: fc.constantFrom(2000, 20_000, 4_194_304),
  metricsMaxRequestBytes: fc.constantFrom(2000, 20_000, 131_072),
  spoolMaxBytes: fc.constantFrom(0, 15_000, 10_000_000),
  deadLettersMaxBytes: fc.constantFrom(0, 20_000, 10_000_000),
})

test('whatever the receiver does, the counts balance at every moment, over several processes', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(life, { minLength: 1, maxLength: 3 }), fc.boolean(), async (lives, hasDisk) => {
      const directory = hasDisk ? { directory: temporaryFolder(t) } : {}
      let left = { metrics: 0, traces: 0, logs: 0 }
      for (const { answers, afterwards, work, ...bounds } of lives) {
        const receiver = await OtlpReceiver.start(t, { foreign: ['traces', 'logs'] })
        receiver.answerWith(...answers)
        receiver.answerEach(() => afterwards)
        const { telemetry, view } = await openExporting(t, {
          ...directory,
          ...bounds,
          receiver,
          signals: ['metrics', 'traces', 'logs'],
          env: {
            OTEL_EXPORTER_OTLP_TIMEOUT: '20',
            OTEL_BSP_MAX_QUEUE_SIZE: '8',
            OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '4',
          },
        })
        const balances = () => t.same(imbalance(telemetry.counts()), {})
        for (const amount of work) {
          view()
          for (let n = 0; n < amount; n++) {
            telemetry.tracer.startSpan('span').end()
            telemetry.logs.emit({ body: 'record' })
            balances()
          }
          await new Promise((resolve) => setTimeout(resolve, 2))
          balances()
        }
        const ending = telemetry.shutdown(200)
        const looking = setInterval(balances, 1)
        await ending
        clearInterval(looking)
        balances()
        const counts = telemetry.counts()
        if (hasDisk)
          for (const signal of ['metrics', 'traces', 'logs'] as const)
            t.ok(counts[signal].restored >= left[signal], 'what was left is taken over')
        left = { metrics: counts.metrics.waiting, traces: counts.traces.waiting, logs: counts.logs.waiting }
        if (!hasDisk) t.same(left, { metrics: 0, traces: 0, logs: 0 }, 'nothing waits where nothing is kept')
        await receiver.close()
      }
    }),
    { numRuns: 12 },
  )
})
