import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { test } from 'tap'
import { readExport } from '../support/flat-telemetry.ts'
import { temporaryFolder } from '../support/harness.ts'
import { fastClock, imbalance, openExporting } from './exporting.ts'
import { type Fate, type Item, itemsOf, StoringReceiver } from './storing-receiver.ts'

const SIGNALS = ['metrics', 'traces', 'logs'] as const

const fate: fc.Arbitrary<Fate> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Fate>(200) },
  fc.constantFrom<Fate>(
    503,
    500,
    400,
    413,
    'reset',
    'lost reply',
    'no answer',
    'stored, no answer',
    { status: 503, headers: { 'retry-after': '1' } },
    { status: 429, headers: { 'retry-after': '0' } },
  ),
  fc.record({ partial: fc.integer({ min: 1, max: 40 }) }),
)

/** What a process does: something happens and then it takes a while, or its clock is set. */
const deed = fc.oneof(
  { weight: 6, arbitrary: fc.record({ views: fc.nat({ max: 5 }), forMs: fc.nat({ max: 12 }) }) },
  { weight: 1, arbitrary: fc.record({ clockStepMs: fc.constantFrom(-20_000, -4000, 30_000) }) },
)

const life = fc.record({
  fates: fc.array(fate, { maxLength: 25 }),
  /** All requests after those. */
  afterwards: fc.constantFrom<Fate>(200, 503, 'reset'),
  deeds: fc.array(deed, { maxLength: 15 }),
  shutdownMs: fc.constantFrom(5, 50, 500),
  waitingMax: fc.integer({ min: 1, max: 3 }),
  metricsMaxRequestBytes: fc.constantFrom(4000, 131_072),
})

test('over several processes and whatever the receiver does, what it stores is what happened', async (t) => {
  const world = { runs: 0, points: 0, requests: 0 }
  await fc.assert(
    fc.asyncProperty(fc.array(life, { minLength: 1, maxLength: 3 }), async (lives) => {
      const directory = temporaryFolder(t)
      const receiver = await StoringReceiver.start(t)
      const fast = fastClock()
      let offset = 0
      const clock = { now: () => fast.now() + offset }
      const emitted = { views: 0, names: new Set<string>() }
      let left = { metrics: 0, traces: 0, logs: 0 }
      // The last one is met with patience, and only sends what the others left.
      for (const { fates, afterwards, deeds, shutdownMs, ...bounds } of [...lives, LAST]) {
        receiver.fates = [...fates]
        const { telemetry, view } = await openExporting(t, {
          directory,
          clock,
          receiver: receiver.receiver,
          signals: SIGNALS,
          ...bounds,
          env: { OTEL_EXPORTER_OTLP_TIMEOUT: '40', OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '3' },
        })
        for (const each of deeds) {
          if ('clockStepMs' in each) {
            offset += each.clockStepMs
            continue
          }
          view(each.views)
          emitted.views += each.views
          const span = telemetry.tracer.startSpan('span')
          span.end()
          emitted.names.add(`span ${span.spanContext().spanId}`)
          telemetry.logs.emit({ body: `record ${emitted.names.size}` })
          emitted.names.add(`log record ${emitted.names.size}`)
          await sleep(each.forMs)
          assert.deepEqual(imbalance(telemetry.counts()), {})
        }
        receiver.fates.push(...(afterwards === 200 ? [] : Array.from({ length: 10_000 }, () => afterwards)))
        await telemetry.shutdown(shutdownMs)
        const counts = telemetry.counts()
        assert.deepEqual(imbalance(counts), {})
        for (const signal of SIGNALS) {
          const { recorded, restored, acknowledged, deadLetters, waiting, dropped } = counts[signal]
          const { shutdown, ...others } = dropped
          assert.deepEqual(
            Object.values(others).filter((items) => items > 0),
            [],
          )
          if (shutdown > 0) {
            // It was over before anything had begun, and that is counted.
            assert.deepEqual([shutdown, restored, acknowledged, deadLetters, waiting], [recorded, 0, 0, 0, 0])
            return
          }
          assert.equal(restored, left[signal], 'what was left is taken up, all of it and once')
        }
        left = { metrics: counts.metrics.waiting, traces: counts.traces.waiting, logs: counts.logs.waiting }
      }
      assert.deepEqual(left, { metrics: 0, traces: 0, logs: 0 })

      const { stored, rejected, offences } = receiver
      assert.deepEqual(offences, [])
      // Where it rejected some, the whole request is a dead letter: the others of it are stored.
      const gone = new Map([...rejected, ...deadLetterItems(directory)])
      for (const key of stored.keys()) gone.delete(key)
      const views = [...stored.values(), ...gone.values()].reduce((sum, item) => sum + item.views, 0)
      assert.equal(views, emitted.views)
      assert.deepEqual(
        [...emitted.names].filter((name) => !stored.has(name) && !gone.has(name)),
        [],
      )
      world.runs += 1
      world.points += stored.size
      world.requests += receiver.receiver.requests.length
      await receiver.receiver.close()
    }),
    { numRuns: 40, interruptAfterTimeLimit: 5000, markInterruptAsFailure: false },
  )
  t.ok(world.runs > 0)
  t.comment(
    `${world.runs} runs, ${world.requests} requests, ${world.points} points, spans and records stored`,
  )
})

const LAST = {
  fates: [] as Fate[],
  afterwards: 200 as Fate,
  deeds: [],
  shutdownMs: 30_000,
  waitingMax: 3,
  metricsMaxRequestBytes: 131_072,
}

/** Items of requests that are dead letters as a whole, read from the files that are kept for people. */
function deadLetterItems(directory: string): Map<string, Item> {
  const folder = join(directory, 'dead-letters')
  const items = new Map<string, Item>()
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    const content = readFileSync(join(folder, name))
    const end = content.indexOf('\n')
    const { signal, reason } = JSON.parse(content.toString('utf8', 0, end))
    if (reason === 'rejected') continue
    const exported = readExport(signal, 'json', content.subarray(end + 1))
    for (const item of itemsOf(exported)) items.set(item.key, item)
  }
  return items
}
