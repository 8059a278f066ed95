import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { test } from 'tap'
import { temporaryFolder } from '../support/harness.ts'
import { OtlpReceiver } from '../support/otlp-receiver.ts'

const EXAMPLE = join(import.meta.dirname, '..', '..', 'packages', 'durable-otlp-exporter', 'example.ts')
/** Nothing listens there: the port is reserved for discarding (RFC 863), and no one runs that. */
const NOBODY = 'http://127.0.0.1:9'

test('the example of the README: nobody listens, then somebody does, and all jobs arrive', async (t) => {
  const directory = temporaryFolder(t)
  const receiver = await OtlpReceiver.start(t, { foreign: ['metrics', 'traces'] })
  const run = async (endpoint: string) => {
    const env = { ...process.env, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }
    return (await promisify(execFile)(process.execPath, [EXAMPLE, directory], { env })).stdout
  }
  t.equal(
    await run(NOBODY),
    'points: 0 acknowledged, 1 wait on disk\nspans: 0 acknowledged, 3 wait on disk\n',
  )
  t.equal(
    await run(receiver.url),
    'points: 2 acknowledged, 0 wait on disk\nspans: 6 acknowledged, 0 wait on disk\n',
  )
  t.strictSame(receiver.totals('jobs.done'), { '{}': 6 })
  t.equal(receiver.spans().length, 6)
})
