import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'

/** Another process that holds the write lock of this file until `release` is called. */
export async function holdWriteLock(t: Test, file: string): Promise<{ release(): Promise<void> }> {
  const script = `
    import Sqlite from 'better-sqlite3'
    const db = new Sqlite(process.argv[1])
    db.prepare('begin immediate').run()
    process.stdin.on('end', () => { db.prepare('rollback').run(); db.close() }).resume()
    process.stdout.write('locked')
  `
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script, file], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  t.teardown(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  return {
    async release() {
      child.stdin.end()
      await ended
    },
  }
}
