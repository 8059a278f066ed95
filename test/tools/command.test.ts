import { writeFileSync } from 'node:fs'
import { Writable } from 'node:stream'
import t from 'tap'
import { Progress } from '../../tools/progress.ts'
import { temporaryFile } from '../db/temporary-database.ts'
import { runScript } from './run-command.ts'

t.test('help goes to stdout and names every option', async (t) => {
  const { code, stdout, stderr } = await runScript('seed', ['--help'])
  t.equal(code, 0)
  t.equal(stderr, '')
  for (const option of ['--users N', '--friends K', '--password TEXT', '--help']) t.match(stdout, option)
  t.match((await runScript('seed', ['--users', 'x', '-h'])).stdout, '--users N', 'whatever else is wrong')
})

t.test('what is typed wrongly is said in one sentence on stderr, and ends with 2', async (t) => {
  const see = '; see npm run seed -- --help.\n'
  const wrong: [args: string[], sentence: string][] = [
    [[], `--users is missing${see}`],
    [['--user', '3'], `--user is not known${see}`],
    [['-x'], `-x is not known${see}`],
    [['3'], `'3' is not expected${see}`],
    [['--users'], `--users needs a value${see}`],
    [['--users', '3', '--friends'], `--friends needs a value${see}`],
    [['--help=3'], `--help takes no value${see}`],
    [['--users', 'x'], '--users is "x"; give a whole number from 0 to 10000000.\n'],
    [['--users', '1.5'], '--users is "1.5"; give a whole number from 0 to 10000000.\n'],
    [['--users=-1'], '--users is "-1"; give a whole number from 0 to 10000000.\n'],
    [['--users', '10000001'], '--users is "10000001"; give a whole number from 0 to 10000000.\n'],
    [['--users', ''], '--users is ""; give a whole number from 0 to 10000000.\n'],
  ]
  for (const [args, sentence] of wrong)
    t.same(
      await runScript('seed', args),
      { code: 2, signal: null, stdout: '', stderr: sentence },
      args.join(' '),
    )
})

t.test('what fails is said in one sentence on stderr, and ends with 1', async (t) => {
  const file = temporaryFile(t)
  writeFileSync(file, 'no database at all\n'.repeat(100))
  t.same(await runScript('seed', ['--users', '1'], { DATABASE_URL: `sqlite:${file}` }), {
    code: 1,
    signal: null,
    stdout: '',
    stderr: `The file ${file} is not a database; move it away, or set DATABASE_URL to another file.\n`,
  })
  const setting = await runScript('seed', ['--users', '1'], { DATABASE_URL: 'mongodb:x' })
  t.same(
    [setting.code, setting.stderr],
    [1, 'DATABASE_URL is "mongodb:x"; set it to sqlite: and the path of a file.\n'],
  )
})

function sink(isTTY: boolean) {
  const written: string[] = []
  const out = new Writable({
    write(chunk, _, done) {
      written.push(String(chunk))
      done()
    },
  })
  return { out: Object.assign(out, { isTTY }), written }
}

t.test('progress is a bar on a terminal and lines elsewhere', async (t) => {
  const clock = t.intercept(performance, 'now', { value: () => now })
  let now = 0
  const terminal = sink(true)
  const bar = new Progress('adding users', 2000, terminal.out)
  const file = sink(false)
  const lines = new Progress('adding users', 2000, file.out)
  for (now = 50; now <= 1000; now += 50) {
    bar.advance(50)
    lines.advance(50)
  }
  t.equal(terminal.written.length, 10, 'drawn ten times a second')
  t.equal(
    terminal.written.at(-1),
    '\r\u001b[2Kadding users ███████████████░░░░░░░░░░░░░░░ 50 %  1,000 a second, 1 s left',
  )
  t.same(file.written, [])
  now = 2000
  bar.advance(1000)
  lines.advance(1000)
  bar.end()
  lines.end()
  const end = 'adding users: 2,000 of 2,000, 1,000 a second\n'
  t.same(terminal.written.slice(-2), ['\r\u001b[2K', end])
  t.same(file.written, [end, end])
  clock.restore()
})
