import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { temporaryFolder } from '../support/harness.ts'
import { runScript, startCommand } from '../tools/run-command.ts'
import { collectorPlace, findProgram, healthy } from './real-collector.ts'

const { options } = await findProgram()

test('the command runs the Collector until a signal, and ends with 0 as it does', options, async (t) => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const place = await collectorPlace(t, 'http://127.0.0.1:9')
    const command = startCommand('collector', [], place.env)
    t.teardown(() => command.child.kill('SIGKILL'))
    await healthy(place, command.child, () => command.output.stderr)
    command.child.kill(signal)
    const { code, stderr } = await command.ended
    t.equal(code, 0, signal)
    t.ok(stderr.includes('Shutdown complete'), 'in order')
  }
})

test('a wrong configuration is refused in the words of the Collector', options, async (t) => {
  const file = join(temporaryFolder(t), 'wrong.yaml')
  writeFileSync(file, 'receivers: {otlp: {protocls: {}}}\n')
  const config = ['--config', 'otel-collector.yaml', '--config', file]
  for (const args of [config, ['--validate', ...config]]) {
    const { code, stderr } = await runScript('collector', args, { DD_API_KEY: 'key' })
    t.equal(code, 1)
    t.match(stderr, /has invalid keys: protocls/)
  }
})
