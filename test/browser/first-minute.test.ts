import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, mkdirSync } from 'node:fs'
import { loadavg } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { test } from 'tap'
import { type Teardown, temporaryFolder } from '../support/harness.ts'
import { ViewerClient } from '../viewer/viewer-client.ts'
import { noBrowser, openBrowser, openPage, until } from './browser.ts'

const ROOT = join(import.meta.dirname, '..', '..')

/** What a clone has, as it stands here; nothing that is installed or was made by a run. */
function copyOfTheTree(t: Teardown): string {
  const copy = temporaryFolder(t)
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: ROOT,
    encoding: 'utf8',
  })
  for (const file of listed.split('\0').filter((path) => path !== '' && existsSync(join(ROOT, path)))) {
    mkdirSync(dirname(join(copy, file)), { recursive: true })
    copyFileSync(join(ROOT, file), join(copy, file))
  }
  return copy
}

/** What npm and tap give to their scripts, and what would send telemetry elsewhere. */
const OF_THE_TEST = /^(npm_(?!config_)|OTEL_|TAP|NODE_(?!EXTRA_CA_CERTS))/

/** `npm` as a person runs it, with nothing in its cache, on free ports; `said` is what the terminal shows. */
function npm(t: Teardown, cwd: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const own = Object.entries(process.env).filter(([name]) => !OF_THE_TEST.test(name))
  const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => !folder.endsWith('.bin'))
  const child = spawn('npm', args, {
    cwd,
    env: { ...Object.fromEntries(own), PATH: path.join(delimiter), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, as a terminal makes one, so that all of it can be ended.
    detached: true,
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      text += chunk
    })
  // When the last process has ended that could write: a folder is removed after it.
  const exited = once(child, 'close')
  t.teardown(() => endGroup(child, exited))
  return { said: () => text, child, exited }
}

async function endGroup(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, 'SIGTERM')
  await exited
}

test('the first minute: from `npm start` in a fresh clone to charts that move', {
  skip: noBrowser,
  timeout: 300_000,
}, async (t) => {
  const clone = copyOfTheTree(t)
  const cache = { npm_config_cache: temporaryFolder(t) }
  const browser = await openBrowser(t)

  const began = performance.now()
  const seconds = () => ((performance.now() - began) / 1000).toFixed(1)
  const start = npm(t, clone, ['start'], { ...cache, PORT: '0', VIEWER_PORT: '0' })
  const told = (line: RegExp) => line.exec(start.said())?.[1]
  await until(async () => told(/ Visitors +(.+)/) !== undefined || start.child.exitCode !== null)
  t.equal(start.child.exitCode, null, start.said())
  const service = told(/ Rollcall +(http:.+)/)!
  const viewer = new ViewerClient(told(/ Viewer +(http:.+)/)!)
  const stamps = [`all addresses printed after ${seconds()} s`]

  const { page, faults } = await openPage(browser, viewer.url, '/')
  await page.getByText(/Waiting for (the first data|numbers of this dashboard)/).waitFor()
  stamps.push(`the viewer's page is there after ${seconds()} s`)
  await until(async () => (await viewer.status()).metrics.stored > 0)
  stamps.push(`first stored point after ${seconds()} s`)

  // Without a single visitor: what the process says of itself.
  const runtime = await openPage(browser, viewer.url, '/?dashboard=60-host-and-runtime')
  await runtime.page.locator('.widget.timeseries[data-state=drawn] .u-over').first().waitFor()
  stamps.push(`first drawn chart, of the runtime, after ${seconds()} s`)
  await runtime.page.close()

  // The service's own numbers have come, but none of a visitor.
  await page.getByText('Waiting for numbers of this dashboard').waitFor()
  const [, command = '', args = ''] = /^npm run (\S+) -- (.+)$/.exec(told(/ Visitors +(.+)/)!) ?? []
  const visited = performance.now()
  npm(t, clone, ['run', command, '--', ...args.split(' ')], cache)
  const views = page.locator('.widget.timeseries[data-state=drawn]', { hasText: 'community' }).first()
  await views.waitFor()
  stamps.push(
    `first chart of page views, ${((performance.now() - visited) / 1000).toFixed(1)} s after the load line was run, after ${seconds()} s`,
  )
  t.ok(await views.isVisible())
  const total = page.locator('.widget.query_value .number').first()
  const before = await total.textContent()
  await until(async () => (await total.textContent()) !== before)
  stamps.push(`and it has moved after ${seconds()} s`)
  t.strictSame(faults, [])
  t.comment(`${stamps.join('; ')} (load of the machine ${loadavg()[0]?.toFixed(1)}, ${service})`)
})
