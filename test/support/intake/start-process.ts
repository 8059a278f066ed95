import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Teardown } from '../harness.ts'

export const INTAKE_PROGRAM = fileURLToPath(new URL('main.ts', import.meta.url))

/** The stand-in as a process of its own, which shares no event loop with who measures it. */
export async function startIntakeProcess(
  t: Teardown,
  ...args: string[]
): Promise<{ url: string; child: ChildProcess }> {
  const child = spawn(process.execPath, [INTAKE_PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  const [line] = await once(child.stdout.setEncoding('utf8'), 'data')
  return { url: String(line).trim(), child }
}
