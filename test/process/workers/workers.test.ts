import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { temporaryFolder } from '../../support/harness.ts'
import { OtlpReceiver } from '../../support/otlp-receiver.ts'
import { startService } from '../../support/service.ts'
import { instancesOf, METRICS, pidsOf } from './instances.ts'
import { Ledger, join as signUp } from './load.ts'

test('limits hold for all workers together, and workers end in order when the primary process is killed', async (t) => {
  const receiver = await OtlpReceiver.start(t)
  const service = await startService(t, {
    workers: 2,
    env: {
      ...METRICS,
      OTEL_METRIC_EXPORT_INTERVAL: '600000',
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      INSTANCE_ID: 'green',
      RATE_LIMIT_PER_MINUTE: '30',
    },
  })
  const pids = [...pidsOf(service.lines).values()]
  const ledger = new Ledger(service.url)
  // One that stands still accepts nobody: all go to the other.
  for (const standing of pids) {
    process.kill(standing, 'SIGSTOP')
    for (let i = 0; i < 20; i++) await ledger.ask({ path: '/', page: 'home' })
    process.kill(standing, 'SIGCONT')
  }
  t.strictSame(ledger.statuses, { 200: 30, 429: 10 })

  service.kill('SIGKILL')
  // Nobody is left who could write.
  await service.outputEnded
  t.strictSame(receiver.totals('web.page_views_total'), { '{}': 40 })
  t.strictSame(instancesOf(receiver, 'web.page_views_total'), ['green/1', 'green/2'])
})

test('passwords of one account that are tried in different workers by different routes share one count', async (t) => {
  const service = await startService(t, { workers: 2, env: { ACCOUNT_LIMIT_PER_MINUTE: '3' } })
  const ledger = new Ledger(service.url)
  const { token } = await signUp(ledger, 1)
  const logIn = {
    method: 'POST',
    path: '/v1/sessions',
    page: 'login',
    body: { email: 'member1@example.com', password: 'wrong' },
  }
  const move = {
    method: 'PATCH',
    path: '/v1/me',
    page: 'account',
    token,
    body: { email: 'new@example.com', currentPassword: 'wrong' },
  }
  const statuses = []
  // One that stands still accepts nobody: all go to the other.
  for (const [standing, ask] of [
    [1, logIn],
    [2, move],
    [1, move],
    [2, logIn],
  ] as const) {
    const pid = pidsOf(service.lines).get(standing) as number
    process.kill(pid, 'SIGSTOP')
    statuses.push((await ledger.ask(ask))?.status)
    process.kill(pid, 'SIGCONT')
  }
  t.strictSame(statuses, [401, 403, 429, 429], 'after the log-in that was right')
})

test('workers that end as soon as they start are not started for ever', async (t) => {
  const folder = temporaryFolder(t)
  const mark = join(folder, 'broken')
  const preload = join(folder, 'preload.mjs')
  writeFileSync(
    preload,
    `import { existsSync } from 'node:fs'\nif (process.env.WORKER_SLOT && existsSync(${JSON.stringify(mark)})) process.exit(7)\n`,
  )
  const service = await startService(t, { workers: 2, preload })
  writeFileSync(mark, '')
  for (const pid of pidsOf(service.lines).values()) process.kill(pid, 'SIGKILL')
  t.strictSame(await service.exited, [1, null])
  t.match(
    service.errors(),
    /\n5 workers in a row ended soon after their start, the last with code 7; look for "worker ended"/,
  )
})

test('a stop while workers still start is in order, and nobody is told that they serve', async (t) => {
  const primary = spawn(
    process.execPath,
    [join(import.meta.dirname, '..', '..', '..', 'src', 'server.ts'), '--workers', '2'],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH,
        PORT: '0',
        DATABASE_URL: `sqlite:${join(temporaryFolder(t), 'rollcall.db')}`,
        OTEL_SDK_DISABLED: 'true',
      },
    },
  )
  t.teardown(() => primary.kill('SIGKILL'))
  const ended = once(primary, 'close')
  let [log, said] = ['', '']
  primary.stderr.on('data', (chunk) => {
    said += chunk
  })
  primary.stdout.on('data', (chunk) => {
    const isFirst = !log.includes('"msg":"worker started"')
    log += chunk
    if (isFirst && log.includes('"msg":"worker started"')) primary.kill('SIGTERM')
  })
  t.strictSame(await ended, [0, null])
  t.match(said, 'Stopping')
  t.notMatch(said, 'kill -HUP')
  t.notMatch(log, '"msg":"listening"')
})
