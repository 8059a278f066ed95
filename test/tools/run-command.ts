import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** A command as a process of its own, as `npm run` starts it. */
export function startCommand(
  script: string,
  args: string[],
  env: Record<string, string> = {},
  root: string = ROOT,
) {
  const child = spawn(process.execPath, [`tools/${script}.ts`, ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk) => {
    output.stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    output.stderr += chunk
  })
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, ...output }))
  return { child, output, ended }
}

export async function runScript(script: string, args: string[], env: Record<string, string> = {}) {
  return startCommand(script, args, env).ended
}
