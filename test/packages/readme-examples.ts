import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Test } from 'tap'
import { exampleOf } from './readme-example.ts'

/** Where the examples of the READMEs run: a folder whose node_modules has the packages, and a Node. */
export interface Place {
  readonly folder: string
  readonly node: string
}

/** Runs an example word for word; it is a process of its own. */
export function startExample(t: Pick<Test, 'teardown'>, { folder, node }: Place, name: string, file: string) {
  writeFileSync(join(folder, file), exampleOf(name, file))
  const child = spawn(node, [file], {
    cwd: folder,
    env: { PATH: process.env.PATH, PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += chunk
    })
  const exited = once(child, 'exit')
  t.teardown(async () => {
    if (child.exitCode === null) child.kill('SIGKILL')
    await exited
  })
  async function printed(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = pattern.exec(output)
      if (found) return found[1] ?? found[0]
      if (child.exitCode !== null) throw new Error(`${file} ended: ${output}`)
      await delay(10)
    }
  }
  return { child, exited, printed, output: () => output }
}

export async function tryReceiver(t: Test, place: Place): Promise<void> {
  const receiver = startExample(t, place, 'otlp', 'receiver.ts')
  const port = await receiver.printed(/port: (\d+)/)
  const send = (contentType: string, body: string) =>
    fetch(`http://127.0.0.1:${port}/v1/metrics`, {
      method: 'POST',
      headers: { 'content-type': contentType },
      body,
    })
  const gauge = { dataPoints: [{ asInt: '1', timeUnixNano: '1' }] }
  const metrics = [{ name: 'visits', unit: '{visit}', gauge }]
  const taken = await send(
    'application/json',
    JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics }] }] }),
  )
  t.strictSame([taken.status, await taken.json()], [200, {}])
  await receiver.printed(/visits \{visit\} gauge/)
  t.equal((await send('application/json', '{')).status, 400)
  t.equal((await send('text/plain', '')).status, 415)
}

export async function tryViewer(t: Test, place: Place): Promise<void> {
  const viewer = startExample(t, place, 'viewer', 'viewer.ts')
  t.strictSame(await viewer.exited, [0, null])
  t.match(viewer.output(), '"value":3')
}

export async function tryRouteTelemetry(t: Test, place: Place): Promise<void> {
  const app = startExample(t, place, 'fastify-route-telemetry', 'app.ts')
  const url = await app.printed(/http:\S+/)
  const ask = async (path: string) => (await fetch(url + path)).text()
  t.equal(await ask('/hello/ann'), 'Hello!')
  for (const path of ['/hello/bob', '/goodbye', '/healthz', '/nowhere']) await ask(path)
  app.child.kill('SIGTERM')
  await app.exited
  const views = app.output().slice(app.output().indexOf("name: 'web.page_views',"))
  t.match(views, /attributes: \{ page: 'greeting' \},\s+startTime: .*?\s+endTime: .*?\s+value: 2\n/)
  t.match(views, /attributes: \{ page: 'farewell' \},\s+startTime: .*?\s+endTime: .*?\s+value: 1\n/)
  t.match(app.output(), "'http.route': '/hello/:name'")
  t.notMatch(app.output(), 'nowhere', 'a path is no attribute')
}
