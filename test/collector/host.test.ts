import { type Test, test } from 'tap'
import { Intake } from '../support/intake/intake.ts'
import { startService } from '../support/service.ts'
import { startCommand } from '../tools/run-command.ts'
import { startDockerDaemon } from './docker-daemon.ts'
import { documentedMetrics } from './documented-metrics.ts'
import {
  type CollectorPlace,
  collectorPlace,
  findProgram,
  healthy,
  startCollector,
  until,
} from './real-collector.ts'

const { program, options } = await findProgram()

const FILES = ['otel-collector.yaml', 'collector/host.yaml']
const VARIABLES = { HOST_INTERVAL: '1s', OTEL_RESOURCE_ATTRIBUTES: 'host.name=a-host', SUPPORT_TAG: 'a-team' }

test('the machine and the check arrive as deltas, as they are documented', options, async (t) => {
  const intake = await Intake.start()
  t.teardown(() => intake.close())
  const service = await startService(t)
  const place = await collectorPlace(t, intake.url, { ...VARIABLES, ROLLCALL_URL: service.url })
  await startCollector(t, program, place, { files: FILES, overlay: '' })
  const latest = (metric: string, ...filter: string[]) =>
    intake.metrics.points({ metric, filter })['']?.at(-1)?.[1]
  const statusClass = (name: string) => latest('httpcheck.status', `http.status_class:${name}`)
  await until(() => statusClass('2xx') === 1 && latest('system.cpu.time') !== undefined)
  t.equal(latest('httpcheck.error'), undefined, 'nothing fails')

  service.kill('SIGTERM')
  await service.exited
  await until(() => latest('httpcheck.error') === 1)
  await until(() => statusClass('2xx') === 0)
  t.strictSame(
    ['1xx', '2xx', '3xx', '4xx', '5xx'].map(statusClass),
    [0, 0, 0, 0, 0],
    'a check that fails says so',
  )

  t.strictSame(intake.refusals.list(), [], 'nothing was refused')
  const documented = documentedMetrics('The machine', 'The check')
  const arrived = intake.metrics.seriesPerMetric()
  t.strictSame(
    Object.keys(arrived).filter((name) => !documented.some((each) => each.name === name)),
    [],
    'all that arrived is documented',
  )
  for (const { name, tags, isAlwaysThere } of documented)
    if (isAlwaysThere || name in arrived)
      t.strictSame(intake.metrics.tagNames(name), [...tags, 'support'].sort(), `the tags of ${name}`)
  const [cpuSeconds] = Object.values(intake.metrics.sum({ metric: 'system.cpu.time' }))
  t.ok(
    cpuSeconds! > 0 && cpuSeconds! < 600,
    `${cpuSeconds} s since the test began, not since the machine did`,
  )
  const everywhere = { metric: 'system.memory.usage', filter: ['host:a-host', 'support:a-team'] }
  t.ok(intake.metrics.sum(everywhere)['']! > 0, 'host and support are those of the Collector')
  const series = Object.values(arrived).reduce((sum, count) => sum + count, 0)
  t.comment(`${series} series of ${Object.keys(arrived).length} metrics`)
})

test('containers are measured where Docker is, and its end is not that of the rest', options, async (t) => {
  const intake = await Intake.start()
  t.teardown(() => intake.close())
  const docker = await startDockerDaemon(t)
  const place = await collectorPlace(t, intake.url, { ...VARIABLES, DOCKER_HOST: docker.endpoint })
  const command = await start(t, place, FILES)
  const cpu = () => intake.metrics.points({ metric: 'container.cpu.usage.total' })[''] ?? []
  await until(() => cpu().length >= 2)
  t.ok(
    cpu().every(([, value]) => value % 1000 === 0 && value <= 2000),
    'what was used since the last reading',
  )
  const arrived = Object.keys(intake.metrics.seriesPerMetric()).filter((name) =>
    name.startsWith('container.'),
  )
  const documented = documentedMetrics('Containers')
  t.strictSame(arrived.sort(), documented.map(({ name }) => name).sort())
  for (const { name, tags } of documented)
    t.strictSame(intake.metrics.tagNames(name), [...tags, 'support'].sort(), `the tags of ${name}`)

  docker.stop()
  const containers = () => cpu().length
  const load = () => intake.metrics.points({ metric: 'system.cpu.load_average.1m' })['']?.length ?? 0
  await until(() => command.output.stderr.includes('Error watching docker container events'))
  const [loadsSoFar, containersSoFar] = [load(), containers()]
  await until(() => load() >= loadsSoFar + 2)
  t.ok(containers() <= containersSoFar + 1, 'no more of the containers')
  t.strictSame(intake.refusals.list(), [])
  command.child.kill('SIGTERM')
  t.equal((await command.ended).code, 0)
})

test('without Docker the rest is measured, over the Datadog exporter too', options, async (t) => {
  const intake = await Intake.start()
  t.teardown(() => intake.close())
  const place = await collectorPlace(t, intake.url, {
    ...VARIABLES,
    DOCKER_HOST: 'unix:///nobody/listens.sock',
  })
  const files = ['collector/datadog-exporter.yaml', 'collector/host.yaml']
  const command = await start(t, place, files)
  t.match(
    command.output.stderr,
    'No Docker daemon answers at unix:///nobody/listens.sock: containers are not measured.\n',
  )
  const cpu = () => intake.metrics.points({ metric: 'system.cpu.time', by: ['host'] })['host:a-host'] ?? []
  await until(() => cpu().length > 0)
  t.strictSame(intake.refusals.list(), [])
  command.child.kill('SIGTERM')
  t.equal((await command.ended).code, 0)
})

/** As people start it: the command looks for Docker. */
async function start(t: Test, place: CollectorPlace, files: readonly string[]) {
  const args = files.flatMap((file) => ['--config', file])
  const command = startCommand('collector', args, place.env)
  t.teardown(async () => {
    // Not SIGKILL, which would leave the Collector behind.
    command.child.kill('SIGTERM')
    await command.ended
  })
  await healthy(place, command.child, () => command.output.stderr)
  return command
}
