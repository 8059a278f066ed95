import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { test } from 'tap'
import { temporaryFolder } from './support/harness.ts'
import { startService } from './support/service.ts'

const ROOT = join(import.meta.dirname, '..')

test("the README's tour works as printed", async (t) => {
  const tour = /<!-- tour: .*? -->\n```sh\n(.*?)```/s.exec(
    readFileSync(join(ROOT, 'README.md'), 'utf8'),
  )?.[1] as string
  const database = `sqlite:${join(temporaryFolder(t), 'rollcall.db')}`
  const service = await startService(t, { env: { DATABASE_URL: database } })
  const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', separated(tour)], {
    cwd: ROOT,
    env: {
      ...process.env,
      // npm puts it there when it runs the tests; the tour's own npm must find the same Node.
      PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}`,
      ROLLCALL: service.url,
      DATABASE_URL: database,
    },
  })
  const answers = stdout.split('\u0000').map((answer) => answer.trim())
  const json = (index: number) => JSON.parse(answers[index] as string)

  t.match(json(0), { id: 1, name: 'Ada', email: 'ada@example.com' })
  t.match(json(1), { id: 2, name: 'Grace', email: 'grace@example.com' })
  t.match(json(2), { data: [{ id: 2 }, { id: 1 }], page: { nextCursor: null } })
  t.match(json(3), { user: { id: 2 }, status: 'pending' })
  t.match(json(4), { user: { id: 1 }, status: 'friends' })
  t.match(json(5), { data: [{ id: 2, name: 'Grace' }] })
  t.equal(answers[6], 'ada@example.com is an administrator now.')
  t.match(json(7), { pollId: 1, choiceId: 2 })
  t.match(json(8), { total: 1, choices: [{ votes: 0 }, { text: 'Coffee', votes: 1 }] })
  t.match(answers[9], /demo@seed\.rollcall\.example/)
  t.match(json(10), { data: [{}, {}, {}], page: { nextCursor: /^.+$/ } })
  t.ok(json(11).data.every(({ name }: { name: string }) => name.toLowerCase().startsWith('ad')))
  t.ok(Number(answers[12]) > 500 * 60)
  t.match(json(13), { status: 422, errors: [{ parameter: 'curser' }], traceId: /^[0-9a-f]{32}$/ })
  t.equal(answers.length, 14 + 1)
})

/** The same lines, with a mark after each that prints: answers end without a line break. */
function separated(tour: string): string {
  return tour
    .split('\n')
    .map((line) => (/^(curl|npm)/.test(line) ? `${line}; printf '\\0'` : line))
    .join('\n')
}
