import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { temporaryFolder } from '../support/harness.ts'
import { OtlpReceiver } from '../support/otlp-receiver.ts'

/** The launcher below a shell, in a process group of their own, as npm starts it in a terminal; one page was asked for. */
async function startBelowShell(t: Test, receiver: OtlpReceiver, args = '') {
  const folder = temporaryFolder(t)
  const shell = spawn('sh', ['-c', `"$NODE" scripts/run.cjs src/server.ts ${args}; exit $?`], {
    cwd: join(import.meta.dirname, '..', '..'),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      NODE: process.execPath,
      npm_lifecycle_event: 'start',
      PORT: '0',
      DATABASE_URL: `sqlite:${join(folder, 'rollcall.db')}`,
      TELEMETRY_DIR: join(folder, 'telemetry'),
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_METRIC_EXPORT_INTERVAL: '600000',
      // Longer than the launcher looks twice: a second signal would end the service at once.
      SHUTDOWN_DRAIN_MS: '1500',
    },
  })
  const group = -(shell.pid as number)
  t.teardown(() => {
    try {
      process.kill(group, 'SIGKILL')
    } catch {
      // All of them have ended.
    }
  })
  let [log, said] = ['', '']
  shell.stdout.setEncoding('utf8').on('data', (chunk) => {
    log += chunk
  })
  shell.stderr.setEncoding('utf8').on('data', (chunk) => {
    said += chunk
  })
  // Standard output ends with the last process that holds it: the service.
  const ended = new Promise((resolve) => shell.stdout.once('end', resolve))
  while (!log.includes('"msg":"listening"')) await new Promise((resolve) => setTimeout(resolve, 20))
  t.equal((await fetch(/"url":"([^"]+)"/.exec(log)?.[1] as string)).status, 200)
  return { shell, group, said: () => said, ended }
}

test('the launcher stops the service when the shell that npm started is gone, and nothing is lost', async (t) => {
  const receiver = await OtlpReceiver.start(t)
  const { shell, ended } = await startBelowShell(t, receiver)
  shell.kill('SIGTERM')
  await ended
  t.strictSame(receiver.totals('web.page_views'), { '{"page":"home"}': 1 })
})

// A terminal sends it to all of them, and npm once more to the process that it started; a supervisor may do likewise.
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  for (const args of ['', '--workers 2'])
    test(`${signal} for all, and passed on, is one signal to npm start ${args}`, async (t) => {
      const receiver = await OtlpReceiver.start(t)
      const { group, said, ended } = await startBelowShell(t, receiver, args)
      process.kill(group, signal)
      while (!said().includes('Stopping')) await new Promise((resolve) => setTimeout(resolve, 5))
      process.kill(group, signal)
      await ended
      t.strictSame(receiver.totals('web.page_views'), { '{"page":"home"}': 1 })
    })
