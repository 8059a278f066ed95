import { execFile } from 'node:child_process'
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { test } from 'tap'
import { temporaryFolder } from '../support/harness.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const run = promisify(execFile)

/** What a clone has of what help needs: the scripts and the page, but no node_modules, and no registry to reach. */
function bareClone(t: Parameters<typeof temporaryFolder>[0]) {
  const clone = temporaryFolder(t)
  for (const name of ['package.json', 'package-lock.json', 'scripts', 'docs'])
    cpSync(join(ROOT, name), join(clone, name), { recursive: true })
  const env = {
    // npm's own Node: a machine's may be older than ours.
    PATH: `${process.env.PATH}${delimiter}${dirname(process.execPath)}`,
    HOME: clone,
    npm_config_registry: 'http://127.0.0.1:9',
  }
  return { clone, env }
}

test('help never installs (defect 11): a bare clone shows the help of every command that takes options', async (t) => {
  const { clone, env } = bareClone(t)
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>
  }
  const commands = Object.entries(scripts).filter(([name, script]) => {
    const takesOptions = /^node scripts\/run\.cjs [^&]+$/.test(script)
    t.ok(takesOptions || /^(check|docs|format)/.test(name), `${name} has help, or takes no options`)
    return takesOptions
  })
  t.ok(commands.length >= 12)
  for (const [name, script] of commands) {
    // As npm does it.
    const { stdout, stderr } = await run('sh', ['-c', `${script} --anything --help`], { cwd: clone, env })
    t.match(stdout, new RegExp(`^npm (run )?${name}\\b`), name)
    t.equal(stderr, '', `${name} says nothing else`)
  }
  const { stdout } = await run('npm', ['run', '--silent', 'drill', '--', '-h'], { cwd: clone, env })
  t.match(stdout, /^npm run drill -- NAME/)
  t.notOk(existsSync(join(clone, 'node_modules')))
})

test('what is not help installs as before, and says where it cannot', async (t) => {
  const { clone, env } = bareClone(t)
  writeFileSync(join(clone, '.npmrc'), 'fetch-retries=0\n')
  await t.rejects(run('sh', ['-c', 'node scripts/run.cjs tools/seed.ts --users 3'], { cwd: clone, env }), {
    code: 1,
    stderr:
      /^Installing the packages of package-lock\.json.*The installation failed; check that the npm registry/s,
  })
})

test('with everything installed, help is the command’s own, and the page says the same', async (t) => {
  const { stdout } = await run(process.execPath, ['scripts/run.cjs', 'tools/viewer.ts', '--help'], {
    cwd: ROOT,
  })
  t.match(stdout, /^npm run viewer/)
  t.ok(readFileSync(join(ROOT, 'docs', 'commands.md'), 'utf8').includes(stdout))
})
