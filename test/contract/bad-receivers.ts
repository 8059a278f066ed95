import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { systemClock } from '../../packages/durable-otlp-exporter/src/clock.ts'
import { createLogger } from '../../src/telemetry/logging.ts'
import { fastClock, openExporting, until } from '../durable-otlp-exporter/exporting.ts'
import { temporaryFolder } from '../support/harness.ts'
import { type Answer, OtlpReceiver } from '../support/otlp-receiver.ts'

/** Ways in which export fails that a service meets seldom, each brought about with its variables. */

const ALL = ['metrics', 'traces', 'logs'] as const

/** What a process of this name could not send is left on disk, the spans in a file that is spoilt. */
export async function leaveBehind(t: Test, directory: string, instanceId: string): Promise<void> {
  const { telemetry, view } = await openExporting(t, {
    directory,
    instanceId,
    // Nothing listens there: the port is reserved for discarding (RFC 863), and no one runs that.
    url: 'http://127.0.0.1:9',
    signals: ALL,
    clock: systemClock,
  })
  view()
  telemetry.tracer.startSpan('left').end()
  telemetry.logs.emit({ body: 'left', severityText: 'WARN' })
  await telemetry.shutdown()
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' })
  const spans = files.filter((name) => /traces[^/]*\.body$/.test(name))
  t.equal(spans.length, 1, 'one file of spans waits')
  writeFileSync(join(directory, spans[0] as string), 'spoilt')
}

/** Every refusal, for each signal, and every bound: of the spool, of the dead letters, of the queue, of age. */
export async function exportToRefuser(t: Test): Promise<OtlpReceiver> {
  const receiver = await OtlpReceiver.start(t, { foreign: ['traces', 'logs'] })
  const clock = fastClock()
  let hoursPassed = 0
  const { telemetry } = await openExporting(t, {
    receiver,
    directory: temporaryFolder(t),
    signals: ALL,
    env: { OTEL_BSP_MAX_QUEUE_SIZE: '4', OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '4' },
    waitingMax: 1,
    spoolMaxBytes: 0,
    deadLettersMaxBytes: 0,
    metricsMaxAgeSeconds: 3600,
    clock: { now: () => clock.now() + hoursPassed * 3_600_000 },
  })
  const partly = { status: 200, rejected: { rejected: 1, message: 'one of them' } }
  // Halved four times before it is given up.
  const tooLarge = [413, 413, 413, 413, 413]
  const answers: Record<string, Answer[]> = {
    // The books of what was refused are in the next interval, which must arrive.
    '/v1/metrics': [400, 200, partly, 200, ...tooLarge, 200, 503, 200],
    '/v1/traces': [503, 400, partly, ...tooLarge],
    '/v1/logs': [503, 400, partly, ...tooLarge],
  }
  const { '/v1/metrics': toMetrics = [] } = answers
  receiver.answerEach(({ path }) => {
    if (path !== '/v1/metrics' && toMetrics.length > 0) return 200
    const answer = answers[path]?.shift()
    // It is tried again when nobody takes it any more.
    if (path === '/v1/metrics' && answer === 503) hoursPassed = 2
    if (path !== '/v1/traces' || answer !== undefined) return answer
    return telemetry.counts().traces.dropped.spool_full > 0 ? 200 : 503
  })
  const isOver = () =>
    Object.values(answers).every((left) => left.length === 0) &&
    telemetry.counts().traces.dropped.spool_full > 0
  while (!isOver()) {
    for (let i = 0; i < 8; i++) telemetry.tracer.startSpan('span').end()
    telemetry.logs.emit({ body: 'record' })
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  // The books are of the collection before, and that may have been on its way.
  const intervals = () => receiver.metrics('process.uptime').length
  const before = intervals()
  await until(() => intervals() >= before + 3)
  await telemetry.shutdown()
  return receiver
}

/** Where telemetry ought to wait is a file and no folder: the log says so, and what is refused is lost. */
export async function exportWithoutDisk(t: Test): Promise<OtlpReceiver> {
  const receiver = await OtlpReceiver.start(t)
  const file = join(temporaryFolder(t), 'a file')
  writeFileSync(file, '')
  const { telemetry } = await openExporting(t, { receiver, directory: file, signals: ['metrics', 'logs'] })
  const logger = createLogger({ level: 'warn', telemetry, destination: { write() {} } })
  await until(() => receiver.logs().length > 0)
  receiver.answerEach(({ path }) => (path === '/v1/logs' ? 400 : undefined))
  logger.warn('refused')
  await until(() => telemetry.counts().logs.dropped.unwritable > 0)
  receiver.answerEach(undefined)
  await telemetry.shutdown()
  return receiver
}
