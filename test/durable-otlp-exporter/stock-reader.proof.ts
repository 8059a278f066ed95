import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import type { ExportCounts } from '../../packages/durable-otlp-exporter/src/counts.ts'
import { temporaryFolder } from '../support/harness.ts'
import { type Answer, OtlpReceiver } from '../support/otlp-receiver.ts'
import { imbalance, until } from './exporting.ts'

interface Outcome {
  readonly done: number
  readonly counts: ExportCounts
}

function start(t: Test, directory: string, url: string) {
  const child = fork(join(import.meta.dirname, 'stock-reader-process.ts'), [directory, url])
  t.teardown(() => child.kill('SIGKILL'))
  return {
    async end(): Promise<Outcome> {
      child.send('end')
      const [outcome] = await once(child, 'message')
      if (child.exitCode === null) await once(child, 'exit')
      return outcome
    },
  }
}

/** Sums over all receivers by Datadog's storage rule: a series keeps the last value of a second. */
function stored(receivers: readonly OtlpReceiver[], name: string, kept: 'value' | 'count'): number {
  const values = new Map<string, number>()
  for (const receiver of receivers)
    for (const point of receiver.metrics(name))
      values.set(JSON.stringify([point.attributes, String(point.time / 1_000_000_000n)]), point[kept] ?? 0)
  return [...values.values()].reduce((sum, value) => sum + value, 0)
}

test("the SDK's own reader before our exporter, and a receiver in every kind of trouble: recorded = arrived", async (t) => {
  const directory = temporaryFolder(t)
  const first = await OtlpReceiver.start(t, { foreign: ['metrics', 'traces'] })
  const port = Number(new URL(first.url).port)
  const troubles: Answer[] = [
    ...Array<Answer>(20).fill(503),
    'no answer',
    'reset',
    'lost reply',
    'no answer',
    'reset',
  ]
  first.answerWith(...troubles)

  const process = start(t, directory, first.url)
  await until(() => first.requests.length > troubles.length && first.metrics('work.done').length > 10)
  await first.close()
  // Nobody listens for a while, and then somebody does again.
  await new Promise((resolve) => setTimeout(resolve, 500))
  const second = await OtlpReceiver.start(t, { foreign: ['metrics', 'traces'], port })
  await until(() => second.metrics('work.done').length > 10)
  await second.close()
  // It ends while nobody listens. The next one sends what it left, and works on.
  const left = await process.end()
  const third = await OtlpReceiver.start(t, { foreign: ['metrics', 'traces'], port })
  const successor = start(t, directory, third.url)
  await until(() => third.metrics('work.done').length > 10)
  const last = await successor.end()

  const receivers = [first, second, third]
  const done = left.done + last.done
  t.equal(stored(receivers, 'work.done', 'value'), done)
  t.equal(stored(receivers, 'work.size', 'count'), done)
  const spans = receivers.flatMap((receiver) => receiver.spans().map(({ spanId }) => spanId))
  t.equal(new Set(spans).size, done)
  for (const { counts } of [left, last]) t.strictSame(imbalance(counts), {})
  t.ok(left.counts.metrics.waiting > 0, 'something was left on disk')
  t.equal(last.counts.metrics.restored, left.counts.metrics.waiting)
  t.match(last.counts, { metrics: { waiting: 0, deadLetters: 0 }, traces: { waiting: 0, deadLetters: 0 } })
  t.comment(
    `${done} recorded, ${first.requests.length + second.requests.length + third.requests.length} requests`,
  )
})
