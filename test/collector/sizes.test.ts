import { randomBytes } from 'node:crypto'
import { test } from 'tap'
import { Intake } from '../support/intake/intake.ts'
import { metricsOf, pointAt, spansOf } from './otlp-requests.ts'
import { collectorPlace, findProgram, startCollector, until } from './real-collector.ts'

const { program, options } = await findProgram()

const NAMES = 10_000
const PARTS_TAKEN = 2

test('what is more than the intake takes at once arrives in parts', options, async (t) => {
  const intake = await Intake.start()
  t.teardown(() => intake.close())
  const place = await collectorPlace(t, intake.url)
  await startCollector(t, program, place, {
    overlay: 'connectors: {span_metrics: {metrics_flush_interval: 3s}}',
  })
  // Names that do not compress: the counts of all of them come in one request from the connector.
  for (let sent = 0; sent < NAMES; sent += 2000) {
    const names = Array.from({ length: 2000 }, () => randomBytes(40).toString('hex'))
    t.equal((await fetch(`${place.url}/v1/traces`, spansOf('many', names))).status, 200)
  }
  const counted = (metric: 'calls' | 'duration') =>
    intake.metrics.seriesPerMetric()[`traces.span.metrics.${metric}`] ?? 0
  await until(
    () => intake.refusals.list().length > 0 || (counted('calls') >= NAMES && counted('duration') >= NAMES),
  )
  t.strictSame(intake.refusals.list(), [])
  t.strictSame({ ...intake.metrics.sum({ metric: 'traces.span.metrics.calls' }) }, { '': NAMES })
  t.strictSame({ ...intake.metrics.count({ metric: 'traces.span.metrics.duration' }) }, { '': NAMES })
  t.equal(intake.traces.distinct, NAMES)
})

test('a request of which only parts have left outlives a SIGKILL whole', options, async (t) => {
  const intake = await Intake.start()
  t.teardown(() => intake.close())
  const place = await collectorPlace(t, intake.url)
  const collector = await startCollector(t, program, place, { overlay: '' })
  const now = Math.floor(Date.now() / 1000)
  const dataPoints = Array.from({ length: NAMES }, (_, index) => ({
    ...pointAt(now, { name: `${index}-${'x'.repeat(100)}` }),
    asInt: '1',
  }))
  const sum = { aggregationTemporality: 1, isMonotonic: true, dataPoints }
  intake.misbehaving.order('lost reply', { times: PARTS_TAKEN })
  intake.misbehaving.order('no answer')
  const request = metricsOf({}, [{ name: 'test.large', unit: '1', sum }])
  t.equal((await fetch(`${place.url}/v1/metrics`, request)).status, 200)
  const arrived = () => intake.metrics.sum({ metric: 'test.large' })[''] ?? 0
  await until(() => intake.misbehaving.done['lost reply'] === PARTS_TAKEN && arrived() > 0)
  t.ok(arrived() < NAMES, `${arrived()} of ${NAMES} points before the kill`)
  await collector.end('SIGKILL')
  intake.misbehaving.behave()
  await startCollector(t, program, place, { overlay: '' })
  await until(() => arrived() === NAMES)
  t.equal(intake.metrics.counters.overwritten, 0)
  t.strictSame(intake.refusals.list(), [])
})
