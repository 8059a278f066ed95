import { spawnSync } from 'node:child_process'
import { existsSync, globSync } from 'node:fs'
import { join } from 'node:path'
import { runCommand } from '../src/process/command.ts'

const ROOT = join(import.meta.dirname, '..')

function git(...args: string[]): string[] {
  const { stdout } = spawnSync('git', args, { cwd: ROOT, encoding: 'utf8' })
  return stdout.split('\n').filter((line) => line !== '')
}

/** Uncommitted files, and the files that the branch has changed since it left main. */
function changedFiles(): string[] {
  const [base = 'HEAD'] = git('merge-base', 'HEAD', 'main')
  return [...git('diff', '--name-only', base), ...git('ls-files', '--others', '--exclude-standard')]
}

/** The folder of `test/` that mirrors a file's room: src/friends → test/friends, packages/otlp → test/otlp. */
function testsOf(file: string): string[] {
  const [top, room, ...rest] = file.split('/') as [string, string?, ...string[]]
  if (top === 'test')
    return file.endsWith('.test.ts') ? [file] : globSync(`test/${room}/*.test.ts`, { cwd: ROOT })
  if (top === 'src' || top === 'packages')
    return rest.length === 0
      ? globSync(`test/${room?.replace(/\.ts$/, '.test.ts')}`, { cwd: ROOT })
      : globSync(`test/${room}/**/*.test.ts`, { cwd: ROOT })
  const folder = top === 'migrations' ? 'db' : top
  return globSync(`test/${folder}/*.test.ts`, { cwd: ROOT })
}

/** Tests with the Collector, Chromium or other installations take minutes. */
function isQuick(test: string): boolean {
  return existsSync(join(ROOT, test)) && !/^test\/(browser|collector|senders|postgres)\//.test(test)
}

await runCommand({
  name: 'npm run check:quick',
  summary: 'Format, lint, types, and the tests of the rooms that differ from main, in under a minute.',
  options: {},
  async run() {
    const tests = new Set(['test/architecture.test.ts', ...changedFiles().flatMap(testsOf).filter(isQuick)])
    const steps: [string, ...string[]][] = [
      ['biome', 'check', '--error-on-warnings', '.'],
      ['tsc'],
      ['tap', '--reporter=terse', ...tests],
    ]
    for (const [program, ...args] of steps) {
      process.stderr.write(`${program}${program === 'tap' ? ` ${[...tests].join(' ')}` : ''}\n`)
      const { status } = spawnSync(program, args, { cwd: ROOT, stdio: 'inherit' })
      if (status !== 0) return 1
    }
    return 0
  },
})
