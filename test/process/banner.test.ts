import t from 'tap'
import { logServing } from '../../src/process/banner.ts'

t.test('the log says that it serves, but not to a terminal that shows the banner', async (t) => {
  const said: object[] = []
  const logger = { info: (fields: object) => void said.push(fields) }
  const url = 'http://127.0.0.1:3000'
  const terminal = { isTTY: true }
  logServing(logger as never, { url }, { stdout: terminal, stderr: terminal })
  t.strictSame(said, [])
  logServing(logger as never, { url }, { stdout: {}, stderr: terminal })
  logServing(logger as never, { url }, { stdout: terminal, stderr: {} })
  logServing(logger as never, { url, workers: 2 }, { stdout: {}, stderr: {} })
  t.strictSame(said, [{ url }, { url }, { url, workers: 2 }])
})
