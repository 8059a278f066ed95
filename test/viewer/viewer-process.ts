import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Test } from 'tap'
import { ViewerClient } from './viewer-client.ts'

/** The viewer as `npm run viewer` starts it. */
export async function startViewer(
  t: Pick<Test, 'teardown'>,
  args: readonly string[] = [],
  nodeArgs: readonly string[] = [],
) {
  const child = spawn(
    process.execPath,
    [...nodeArgs, join(import.meta.dirname, '../../tools/viewer.ts'), '--port', '0', ...args],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  const exited = once(child, 'exit')
  t.teardown(async () => {
    if (child.exitCode === null) child.kill('SIGKILL')
    await exited
  })
  const [address] = await once(child.stdout, 'data')
  return { client: new ViewerClient(String(address).trim()), child, exited }
}
