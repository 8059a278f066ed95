import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { temporaryFolder } from '../support/harness.ts'
import { findProgram, ROOT, until } from './real-collector.ts'

const { options } = await findProgram()

test('a drill that is interrupted leaves no process and no folder behind', options, async (t) => {
  const folder = temporaryFolder(t)
  const drill = spawn(process.execPath, ['test/drills/main.ts', 'steady'], {
    cwd: ROOT,
    env: { ...process.env, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.teardown(() => drill.kill('SIGKILL'))
  let [table, errors] = ['', '']
  drill.stdout.on('data', (chunk) => {
    table += chunk
  })
  drill.stderr.on('data', (chunk) => {
    errors += chunk
  })
  const exited = once(drill, 'exit')
  // The driver's ledger has it: a log-in came through the service, and the load begins.
  await until(() => filesIn(folder).some((name) => name.endsWith('.login')) || drill.exitCode !== null)
  if (process.platform === 'linux')
    t.ok(processesOf(folder).length >= 3, 'the stand-in, the Collector and the service run')
  drill.kill('SIGINT')
  t.strictSame(await exited, [130, null], errors)
  t.equal(table, '', 'no table of half a drill')
  t.strictSame(filesIn(folder), [])
  t.strictSame(processesOf(folder), [])
})

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true }) as string[]
}

/** Command lines of those whose environment names the folder; only Linux tells. */
function processesOf(folder: string): string[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return []
    try {
      const isOurs = readFileSync(join('/proc', pid, 'environ'), 'utf8').includes(folder)
      return isOurs ? [readFileSync(join('/proc', pid, 'cmdline'), 'utf8').replaceAll('\0', ' ')] : []
    } catch {
      // It has ended, or is another user's.
      return []
    }
  })
}
