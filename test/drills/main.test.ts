import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'

async function drill(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  try {
    const output = await promisify(execFile)(process.execPath, [
      join(import.meta.dirname, 'main.ts'),
      ...args,
    ])
    return { code: 0, ...output }
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string }
  }
}

t.test('the help lists every drill and what it proves', async (t) => {
  const { code, stdout } = await drill('--help')
  t.equal(code, 0)
  t.match(
    stdout,
    /^ {2}steady +what arrives on an ordinary day.*\(20,000 requests; long: 1,000,000 requests\)$/m,
  )
  t.match((await drill('steady', '--help')).stdout, /^Proves that what arrives on an ordinary day/m)
})

t.test('what is typed wrongly is said in one sentence', async (t) => {
  t.match(await drill('nosuch'), {
    code: 2,
    stderr: /^There is no drill "nosuch"; give one of steady, .*\.\n$/,
  })
  t.match(await drill('--long'), {
    code: 2,
    stderr: /^The name of a drill is missing; give one of steady, .*\.\n$/,
  })
  t.match(await drill('steady', '--lang'), {
    code: 2,
    stderr: /^--lang is not known; see npm run drill -- steady --help\.\n$/,
  })
})
